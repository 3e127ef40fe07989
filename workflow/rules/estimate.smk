# Requires: the config alone
# Produces: results/estimate/: what a run of it will cost


rule estimate:
    """Reckon time, GPU hours and disk of each stage, before anything is fetched."""
    output:
        stages="results/estimate/stages.csv",
        disk="results/estimate/disk.csv",
    log:
        "results/logs/estimate.log",
    benchmark:
        "results/benchmarks/estimate.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    params:
        code=code("tables/estimate"),
        costs=lambda w: costs(),
    script:
        "../scripts/tables/estimate.py"
