# Requires: the config alone
# Produces: results/estimate/: what a run of it will cost


def costs(table):
    """A table of what the config costs: "stages" or "disk"."""
    from paramlerp.estimate import estimate

    try:
        stages, disk = estimate(config)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return {"stages": stages, "disk": disk}[table]


rule estimate:
    """Reckon time, GPU hours and disk of each stage, before anything is fetched."""
    input:
        code=code("estimate"),
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
        stages=lambda w: costs("stages"),
        disk=lambda w: costs("disk"),
    script:
        "../scripts/estimate.py"
