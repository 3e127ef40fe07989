# Requires: results/checkpoints/; results/pick/ or a point in the config; results/tables/, generations/
# Produces: results/export/model/: an HF directory with a model card

if PLAN.exported:

    rule export:
        """Write a point as a model of its own: weights, settings of generation, a model card."""
        input:
            **card.inputs(PLAN),
            models=[paths.checkpoint(c) for c in PLAN.exported.checkpoints],
        output:
            model=directory("results/export/model"),
        log:
            "results/logs/export.log",
        benchmark:
            "results/benchmarks/export.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            **request("export"),
        params:
            code=code("dial/export"),
            names=PLAN.exported.checkpoints,
            stated=card.stated(PLAN),
            settings=card.settings(PLAN),
            about=card.about(PLAN),
            metrics=card.metrics(PLAN),
            origins=card.origins(PLAN),
        script:
            "../../scripts/dial/export.py"
