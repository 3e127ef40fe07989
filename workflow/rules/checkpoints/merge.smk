# Requires: results/checkpoints/
# Produces: results/merged/{scheme}/{point}/: HF directories


rule merge:
    """Add up the checkpoints' weights at a point of a scheme (eqs. 1, 3, 4)."""
    input:
        models=lambda w: [paths.checkpoint(c) for c in SCHEMES[w.scheme].checkpoints],
    output:
        model=weights(paths.MERGED, config["keep_merged"]),
    log:
        "results/logs/merge/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/merge/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(PLAN.merged_schemes),
        point=PLAN.point,
    conda:
        environment("analysis")
    threads: 1
    resources:
        **request("merge"),
    params:
        code=code("checkpoints/merge"),
        coefficients=PLAN.point_coefficients,
    script:
        "../../scripts/checkpoints/merge.py"
