# Requires: results/tables/; losses of pretrained models
# Produces: results/figures/{figure}.png and .svg, for each figure of the config


for NAME, FIGURE in config["figures"].items():
    INPUTS, PARAMS = figures.drawing(PLAN, NAME)

    rule:
        """Draw a figure of a sweep."""
        name:
            NAME
        input:
            **INPUTS,
        output:
            png=report(
                f"results/figures/{NAME}.png",
                caption=f"{workflow.basedir}/workflow/report/{FIGURE['shows']}.rst",
                category="Figures",
            ),
            svg=f"results/figures/{NAME}.svg",
        log:
            f"results/logs/{NAME}.log",
        benchmark:
            f"results/benchmarks/{NAME}.tsv"
        priority: PRIORITIES[NAME]
        localrule: True
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=per_attempt(1000),
            runtime=per_attempt(10),
        params:
            **PARAMS,
            figure=NAME,
            sweep=FIGURE["sweep"],
            shows=FIGURE["shows"],
            code=code(f"figures/{FIGURE['shows']}"),
        script:
            # A job reads this after the loop, when FIGURE is the last one: hence the param.
            "../../scripts/figures/{params.shows}.py"
