# Requires: the config alone
# Produces: results/estimate/stages.csv and disk.csv: what a run will cost


rule estimate:
    """Estimate time, GPU hours and disk of each stage, before anything is fetched."""
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
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("tables/estimate"),
        costs=lambda w: session.reported(estimate.estimate, config),
    script:
        "../../scripts/tables/estimate.py"
