# Requires: results/base/, results/experts/
# Produces: results/merged/{scheme}/{point}/: HF directories


def checkpoints_of(scheme):
    """The checkpoints that a scheme mixes, by name."""
    zeros = [0] * len(schemes.COORDINATES[scheme])
    return {name: checkpoint_dir(name) for name in schemes.coefficients(scheme, *zeros)}


rule merge:
    """Add up the checkpoints' weights at a point of a scheme (eqs. 1, 3, 4)."""
    input:
        unpack(lambda w: checkpoints_of(w.scheme)),
        code=code("merge"),
    output:
        model=weights("results/merged/{scheme}/{point}", config["keep_merged"]),
    params:
        checkpoints=lambda w: list(checkpoints_of(w.scheme)),
    log:
        "results/logs/merge/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/merge/{scheme}/{point}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=20,
    conda:
        environment("analysis")
    script:
        "../scripts/merge.py"
