# Requires: results/generations/, the scorers' models; results/merged/ and test text for
#           what is read off the models themselves
# Produces: results/scores/{prompts}/{scheme}/{scorer}/{point}/samples={samples}.csv, a row a
#           text; results/next_words/{attribute}/{scheme}/{point}.csv, a row a word;
#           results/losses/{scheme}/{point}.csv and results/divergence/{scheme}/{point}.csv, a
#           row a test text


rule classify:
    """Score prompt and continuation with an HF sequence classifier (eq. 6)."""
    input:
        texts=TEXTS,
        model=lambda w: path(config["scorers"][w.scorer]["model"]),
    output:
        scores=SCORES,
    log:
        "results/logs/classify/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/classify/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=scorers_of("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("classify"),
    params:
        code=code("scores/classify"),
        scorer=lambda w: {
            key: config["scorers"][w.scorer][key]
            for key in ("labels", "values", "max_tokens")
        },
    script:
        "../scripts/scores/classify.py"


rule tag:
    """Score prompt and continuation with a per-word edit tagger."""
    input:
        texts=TEXTS,
        model=lambda w: source_path(config["scorers"][w.scorer]["source"]),
        files=lambda w: source_files(config["scorers"][w.scorer]["source"]),
    output:
        scores=SCORES,
    log:
        "results/logs/tag/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/tag/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=scorers_of("tagger"),
    conda:
        environment("tagger")
    threads: 1
    resources:
        **asks("tag"),
    params:
        code=code("scores/tag"),
    script:
        "../scripts/scores/tag.py"


rule vader:
    """Score prompt and continuation with VADER, a rule-based opinion on sentiment."""
    input:
        texts=TEXTS,
    output:
        scores=SCORES,
    log:
        "results/logs/vader/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/vader/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=scorers_of("vader"),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(20),
    params:
        code=code("scores/vader"),
    script:
        "../scripts/scores/vader.py"


rule unigrams:
    """Count a language model's tokens in the sources that SLOR takes its unigrams from."""
    input:
        model=lambda w: path(config["scorers"][w.scorer]["model"]),
        sources=lambda w: [
            source_path(name) for name in config["scorers"][w.scorer]["unigrams"]
        ],
        files=lambda w: [
            file
            for name in config["scorers"][w.scorer]["unigrams"]
            for file in source_files(name)
        ],
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
        code=code("scores/unigrams"),
        readings=lambda w: readings(config["scorers"][w.scorer]["unigrams"]),
    script:
        "../scripts/scores/unigrams.py"


rule perplexity:
    """NLL of each continuation given its prompt, under a causal LM and under unigrams."""
    input:
        texts=TEXTS,
        model=lambda w: path(config["scorers"][w.scorer]["model"]),
        unigrams="results/unigrams/{scorer}.csv",
    output:
        scores=SCORES,
    log:
        "results/logs/perplexity/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/perplexity/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=scorers_of("perplexity"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("perplexity"),
    params:
        code=code("scores/perplexity"),
    script:
        "../scripts/scores/perplexity.py"


rule next_words:
    """Probabilities of an attribute's words to come next after a prompt (figure 4)."""
    input:
        model="results/merged/{scheme}/{point}",
    output:
        words=NEXT_WORDS,
    log:
        "results/logs/next_words/{attribute}/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/next_words/{attribute}/{scheme}/{point}.tsv"
    wildcard_constraints:
        attribute=one_of(name for name, own in ATTRIBUTES.items() if own.next_words),
        scheme=one_of(MERGED),
        point=POINT,
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("next_words"),
    params:
        code=code("scores/next_words"),
        prompt=lambda w: ATTRIBUTES[w.attribute].next_words["prompt"],
        words=lambda w: {
            pole: ATTRIBUTES[w.attribute].next_words["words"][pole]
            for pole in ATTRIBUTES[w.attribute].poles
        },
    script:
        "../scripts/scores/next_words.py"


rule losses:
    """NLL of test texts under the model at a point."""
    input:
        model="results/merged/{scheme}/{point}",
        tests=lambda w: [test_text(name) for name in LOSS_SETS[w.scheme]],
    output:
        losses=LOSSES,
    log:
        "results/logs/losses/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/losses/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(name for name in MERGED if LOSS_SETS.get(name)),
        point=POINT,
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("losses"),
    params:
        code=code("scores/losses"),
        sets=lambda w: LOSS_SETS[w.scheme],
        test_texts=config["test_texts"],
        max_tokens=config["finetuning"]["max_tokens"],
    script:
        "../scripts/scores/losses.py"


rule row_losses:
    """NLL of test texts under the models of a row of points, merged in memory."""
    input:
        models=lambda w: checkpoints_of(w.scheme),
        tests=lambda w: [test_text(name) for name in LOSS_SETS[w.scheme]],
    output:
        losses=LOSSES,
    log:
        "results/logs/row_losses/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/row_losses/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(name for name in SWEEP_OF_ROWS if LOSS_SETS.get(name)),
        point=ROW,
    priority: 5
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("row_losses"),
    params:
        code=code("scores/row_losses"),
        checkpoints=lambda w: SCHEMES[w.scheme].checkpoints,
        coordinate=lambda w: first_coordinate(w.scheme),
        points=along,
        sets=lambda w: LOSS_SETS[w.scheme],
        test_texts=config["test_texts"],
        max_tokens=config["finetuning"]["max_tokens"],
    script:
        "../scripts/scores/row_losses.py"


#: an ensemble's scheme -> the merged scheme that it is told from, and the attribute along whose
#: test text
TOLD_FROM = {
    scheme.title: (SWEEPS[sweep.against].schemes[0].title, sweep.attribute)
    for sweep in LINES.values()
    if sweep.against and sweep.attribute
    for scheme in sweep.schemes
}


rule divergence:
    """KL of the next-token distributions of an ensemble from those of merged weights."""
    input:
        models=lambda w: checkpoints_of(w.scheme),
        tests=lambda w: [
            test_text(pole) for pole in ATTRIBUTES[TOLD_FROM[w.scheme][1]].poles
        ],
        model=lambda w: f"results/merged/{TOLD_FROM[w.scheme][0]}/{w.point}",
    output:
        divergence=DIVERGENCE,
    log:
        "results/logs/divergence/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/divergence/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(TOLD_FROM),
        point=POINT,
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("divergence"),
    params:
        code=code("scores/divergence"),
        coefficients=at,
        sets=lambda w: list(ATTRIBUTES[TOLD_FROM[w.scheme][1]].poles),
        test_texts=config["divergence_texts"],
        max_tokens=config["finetuning"]["max_tokens"],
    script:
        "../scripts/scores/divergence.py"
