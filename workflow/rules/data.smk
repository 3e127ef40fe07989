# Requires: the sources of the config.
# Produces: results/sources/, results/data/{part}/{pole}/{split}.jsonl,
#           results/prompts/{prompts}.jsonl


rule fetch:
    """Download a source by its pinned name and unpack what is used of it."""
    input:
        code=code("fetch"),
    output:
        files=directory("results/sources/{source}"),
    log:
        "results/logs/fetch/{source}.log",
    benchmark:
        "results/benchmarks/fetch/{source}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(60),
    params:
        source=lambda w: settings.location(config["sources"][w.source]),
        dataset=lambda w: "reader" in config["sources"][w.source],
        stream=lambda w: w.source in settings.streamed(config),
    script:
        "../scripts/fetch.py"


CORPUS_PLACES = {
    f"{name}_{pole}_{split}": part(name, pole, split)
    for name in PARTS
    if config["corpus"]["parts"][name] > 0
    for pole in POLES
    for split in SPLITS
}


rule split:
    """Cut the corpus into disjoint parts: for experts, a classifier, a judge of fluency."""
    input:
        source=source_path(config["corpus"]["source"]),
        files=source_files(config["corpus"]["source"]),
        code=code("split"),
    output:
        **CORPUS_PLACES,
    log:
        "results/logs/split.log",
    benchmark:
        "results/benchmarks/split.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(30),
    params:
        reading=settings.reading(config["sources"][config["corpus"]["source"]]),
        parts=config["corpus"]["parts"],
        splits=config["corpus"]["splits"],
        near_duplicate=config["corpus"]["near_duplicate"],
        seed=config["seed"],
    script:
        "../scripts/split.py"


rule prompts:
    """Draw the openings that every point of a sweep continues."""
    input:
        source=lambda w: source_path(config["prompts"][w.prompts]["source"]),
        files=lambda w: source_files(config["prompts"][w.prompts]["source"]),
        code=code("prompts"),
    output:
        prompts="results/prompts/{prompts}.jsonl",
    log:
        "results/logs/prompts/{prompts}.log",
    benchmark:
        "results/benchmarks/prompts/{prompts}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(30),
    params:
        reading=lambda w: settings.reading(
            config["sources"][config["prompts"][w.prompts]["source"]]
        ),
        prompts=lambda w: config["prompts"][w.prompts],
        seed=config["seed"],
    script:
        "../scripts/prompts.py"
