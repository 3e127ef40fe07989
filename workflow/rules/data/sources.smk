# Requires: the sources of the config
# Produces: results/sources/, and results/sources.csv: who made each, and under which licence


rule sources:
    """List where each source is from, and its licence, before anything is fetched."""
    output:
        table="results/sources.csv",
    log:
        "results/logs/sources.log",
    benchmark:
        "results/benchmarks/sources.tsv"
    localrule: True
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("data/list_sources"),
        rows=provenance.rows(config),
    script:
        "../../scripts/data/list_sources.py"


rule fetch:
    """Download a source by its pinned name and unpack what is used of it."""
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
        mem_mb=per_attempt(1000),
        runtime=per_attempt(60),
    params:
        code=code("data/fetch"),
        location=lambda w: entries.location(config["sources"][w.source]),
        is_dataset=lambda w: "reader" in config["sources"][w.source],
        stream=lambda w: w.source in entries.streamed(config),
    script:
        "../../scripts/data/fetch.py"
