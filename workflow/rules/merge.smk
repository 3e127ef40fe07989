# Requires: results/checkpoints/
# Produces: results/merged/{scheme}/{point}/: HF directories


rule merge:
    """Add up the checkpoints' weights at a point of a scheme (eqs. 1, 3, 4)."""
    input:
        models=lambda w: checkpoints_of(w.scheme),
    output:
        model=weights("results/merged/{scheme}/{point}", config["keep_merged"]),
    log:
        "results/logs/merge/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/merge/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(MERGED),
        point=POINT,
    conda:
        environment("analysis")
    threads: 1
    resources:
        **asks("merge"),
    params:
        code=code("checkpoints/merge"),
        coefficients=at,
    script:
        "../scripts/checkpoints/merge.py"
