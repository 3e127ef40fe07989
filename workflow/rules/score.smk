# Requires: results/generations/, the scorers' models; results/merged/ and test text for
#           what is read off the models themselves
# Produces: results/scores/{prompts}/{scheme}/{scorer}/{point}.csv, a row a text;
#           results/next_words/{scheme}/{point}.csv, a row a word;
#           results/losses/{scheme}/{point}.csv and results/divergence/{point}.csv, a row
#           a test sentence


rule classify:
    """Score prompt and continuation with an HF sequence classifier (eq. 6)."""
    input:
        texts="results/generations/{prompts}/{scheme}/{point}.jsonl",
        model=lambda w: model_dir(config["scorers"][w.scorer]["model"]),
        code=code("classify"),
    output:
        scores="results/scores/{prompts}/{scheme}/{scorer}/{point}.csv",
    log:
        "results/logs/classify/{prompts}/{scheme}/{scorer}/{point}.log",
    benchmark:
        "results/benchmarks/classify/{prompts}/{scheme}/{scorer}/{point}.tsv"
    wildcard_constraints:
        scorer=scorers_of("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("classify"),
    params:
        scorer=lambda w: config["scorers"][w.scorer],
    script:
        "../scripts/classify.py"


rule tag:
    """Score prompt and continuation with a per-word edit tagger."""
    input:
        texts="results/generations/{prompts}/{scheme}/{point}.jsonl",
        model=lambda w: source_path(config["scorers"][w.scorer]["model"]),
        files=lambda w: source_files(config["scorers"][w.scorer]["model"]),
        code=code("tag"),
    output:
        scores="results/scores/{prompts}/{scheme}/{scorer}/{point}.csv",
    log:
        "results/logs/tag/{prompts}/{scheme}/{scorer}/{point}.log",
    benchmark:
        "results/benchmarks/tag/{prompts}/{scheme}/{scorer}/{point}.tsv"
    wildcard_constraints:
        scorer=scorers_of("tagger"),
    conda:
        environment("tagger")
    threads: 1
    resources:
        **asks("tag"),
    script:
        "../scripts/tag.py"


rule vader:
    """Score prompt and continuation with VADER, a second opinion on sentiment."""
    input:
        texts="results/generations/{prompts}/{scheme}/{point}.jsonl",
        code=code("vader"),
    output:
        scores="results/scores/{prompts}/{scheme}/{scorer}/{point}.csv",
    log:
        "results/logs/vader/{prompts}/{scheme}/{scorer}/{point}.log",
    benchmark:
        "results/benchmarks/vader/{prompts}/{scheme}/{scorer}/{point}.tsv"
    wildcard_constraints:
        scorer=scorers_of("vader"),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(20),
    script:
        "../scripts/vader.py"


rule unigrams:
    """Count a language model's tokens in the sources that SLOR takes its unigrams from."""
    input:
        model=lambda w: model_dir(config["scorers"][w.scorer]["model"]),
        sources=lambda w: [
            source_path(name) for name in config["scorers"][w.scorer]["unigrams"]
        ],
        files=lambda w: [
            file
            for name in config["scorers"][w.scorer]["unigrams"]
            for file in source_files(name)
        ],
        code=code("unigrams"),
    output:
        counts="results/unigrams/{scorer}.csv",
    log:
        "results/logs/unigrams/{scorer}.log",
    benchmark:
        "results/benchmarks/unigrams/{scorer}.tsv"
    wildcard_constraints:
        scorer=scorers_of("perplexity"),
    conda:
        environment("torch")
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(30),
    params:
        readings=lambda w: [
            settings.reading(config["sources"][name])
            for name in config["scorers"][w.scorer]["unigrams"]
        ],
    script:
        "../scripts/unigrams.py"


rule perplexity:
    """NLL of each continuation given its prompt, under a causal LM and under unigrams."""
    input:
        texts="results/generations/{prompts}/{scheme}/{point}.jsonl",
        model=lambda w: model_dir(config["scorers"][w.scorer]["model"]),
        unigrams="results/unigrams/{scorer}.csv",
        code=code("perplexity"),
    output:
        scores="results/scores/{prompts}/{scheme}/{scorer}/{point}.csv",
    log:
        "results/logs/perplexity/{prompts}/{scheme}/{scorer}/{point}.log",
    benchmark:
        "results/benchmarks/perplexity/{prompts}/{scheme}/{scorer}/{point}.tsv"
    wildcard_constraints:
        scorer=scorers_of("perplexity"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("perplexity"),
    script:
        "../scripts/perplexity.py"


rule next_words:
    """Probabilities of chosen words to come next after a prompt (figure 4)."""
    input:
        model="results/merged/{scheme}/{point}",
        code=code("next_words"),
    output:
        words="results/next_words/{scheme}/{point}.csv",
    log:
        "results/logs/next_words/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/next_words/{scheme}/{point}.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("next_words"),
    params:
        prompt=config["next_words"]["prompt"],
        words={pole: config["next_words"][pole] for pole in POLES},
    script:
        "../scripts/next_words.py"


rule losses:
    """NLL of test sentences of both poles under the model at a point."""
    input:
        **{f"{pole}_test": test_part(pole) for pole in POLES},
        model="results/merged/{scheme}/{point}",
        code=code("losses"),
    output:
        losses="results/losses/{scheme}/{point}.csv",
    log:
        "results/logs/losses/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/losses/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(MERGED),
        point=POINT,
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("losses"),
    params:
        test_texts=config["test_texts"],
        max_tokens=config["experts"]["max_tokens"],
    script:
        "../scripts/losses.py"


rule divergence:
    """KL of the next-token distributions of the ensemble from those of g2, along real text."""
    input:
        **checkpoints_of("ensemble"),
        **{f"{pole}_test": test_part(pole) for pole in POLES},
        model="results/merged/g2/{point}",
        code=code("divergence"),
    output:
        divergence="results/divergence/{point}.csv",
    log:
        "results/logs/divergence/{point}.log",
    benchmark:
        "results/benchmarks/divergence/{point}.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("divergence"),
    params:
        test_texts=config["divergence_texts"],
        max_tokens=config["experts"]["max_tokens"],
    script:
        "../scripts/divergence.py"
