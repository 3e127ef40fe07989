# Requires: results/generations/, the scorers' models
# Produces: results/scores/{prompts}/{scheme}/{scorer}/{point}/samples={samples}.csv: one
#           row per text; of a tagger results/tables/{attribute}_{scorer}_reference.csv


rule classify:
    """Score prompt and continuation with an HF sequence classifier (eq. 6)."""
    input:
        texts=paths.TEXTS,
        model=lambda w: paths.checkpoint(config["scorers"][w.scorer]["model"]),
        calibration=lambda w: paths.calibrations(
            config, config["scorers"][w.scorer]["model"]
        ),
        checks=PLAN.checks,
    output:
        scores=paths.SCORES,
    log:
        "results/logs/classify/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/classify/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=PLAN.scorers("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("classify"),
    params:
        code=code("scores/classify"),
        scorer=lambda w: PLAN.classifier(w.scorer),
    script:
        "../../scripts/scores/classify.py"


rule tag:
    """Score the words of a continuation, read after its prompt, with an edit tagger."""
    input:
        texts=paths.TEXTS,
        model=lambda w: paths.source(config, config["scorers"][w.scorer]["source"]),
        files=lambda w: paths.source_files(
            config, config["scorers"][w.scorer]["source"]
        ),
    output:
        scores=paths.SCORES,
    log:
        "results/logs/tag/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/tag/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=PLAN.scorers("tagger"),
    conda:
        environment("tagger")
    threads: 1
    resources:
        **request("tag"),
    params:
        code=code("scores/tag"),
    script:
        "../../scripts/scores/tag.py"


rule tagger_reference:
    """Score real test sentences, and the same with two words swapped, with an edit tagger."""
    input:
        texts=lambda w: reading.unseen_texts(config, w.attribute),
        model=lambda w: paths.source(config, config["scorers"][w.scorer]["source"]),
        files=lambda w: paths.source_files(
            config, config["scorers"][w.scorer]["source"]
        ),
    output:
        table="results/tables/{attribute}_{scorer}_reference.csv",
    log:
        "results/logs/tagger_reference/{attribute}_{scorer}.log",
    benchmark:
        "results/benchmarks/tagger_reference/{attribute}_{scorer}.tsv"
    wildcard_constraints:
        scorer=PLAN.scorers("tagger"),
    conda:
        environment("tagger")
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=code("scores/tagger_reference"),
        seed=config["seed"],
    script:
        "../../scripts/scores/tagger_reference.py"


rule vader:
    """Score prompt and continuation with VADER, a rule-based scorer of sentiment."""
    input:
        texts=paths.TEXTS,
    output:
        scores=paths.SCORES,
    log:
        "results/logs/vader/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/vader/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=PLAN.scorers("vader"),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(20),
    params:
        code=code("scores/vader"),
    script:
        "../../scripts/scores/vader.py"


rule unigrams:
    """Count a language model's tokens in the sources of SLOR's unigram model."""
    input:
        model=lambda w: paths.checkpoint(config["scorers"][w.scorer]["model"]),
        sources=lambda w: [
            paths.source(config, name)
            for name in config["scorers"][w.scorer]["unigrams"]
        ],
        files=lambda w: paths.source_files(
            config, *config["scorers"][w.scorer]["unigrams"]
        ),
        prompts=lambda w: reading.prompt_files(
            config, config["scorers"][w.scorer]["unigrams"], PLAN.prompts_in_use
        ),
    output:
        counts="results/unigrams/{scorer}.csv",
    log:
        "results/logs/unigrams/{scorer}.log",
    benchmark:
        "results/benchmarks/unigrams/{scorer}.tsv"
    wildcard_constraints:
        scorer=PLAN.scorers("perplexity"),
    conda:
        environment("torch")
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(30),
    params:
        code=code("scores/unigrams"),
        readings=lambda w: reading.readings(
            config, config["scorers"][w.scorer]["unigrams"]
        ),
        prompts=lambda w: reading.prompts_from(
            config, config["scorers"][w.scorer]["unigrams"], PLAN.prompts_in_use
        ),
    script:
        "../../scripts/scores/unigrams.py"


rule perplexity:
    """NLL of each continuation given its prompt, under a causal LM and under unigrams."""
    input:
        texts=paths.TEXTS,
        model=lambda w: paths.checkpoint(config["scorers"][w.scorer]["model"]),
        unigrams="results/unigrams/{scorer}.csv",
    output:
        scores=paths.SCORES,
    log:
        "results/logs/perplexity/{prompts}/{scheme}/{scorer}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/perplexity/{prompts}/{scheme}/{scorer}/{point}/{samples}.tsv"
    wildcard_constraints:
        scorer=PLAN.scorers("perplexity"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("perplexity"),
    params:
        code=code("scores/perplexity"),
    script:
        "../../scripts/scores/perplexity.py"
