# Requires: results/tables/; of pretrained models, their losses
# Produces: results/figures/{figure}.png and .svg, for each figure of the config


for FIGURE, OWN in config["figures"].items():
    GIVEN, PARAMS = DRAWN[OWN["shows"]](OWN, SWEEPS[OWN["sweep"]])

    rule:
        """Draw a figure of a sweep."""
        name:
            FIGURE
        input:
            **GIVEN,
        output:
            png=report(
                f"results/figures/{FIGURE}.png",
                caption=f"{workflow.basedir}/workflow/report/{OWN['shows']}.rst",
                category="Figures",
            ),
            svg=f"results/figures/{FIGURE}.svg",
        log:
            f"results/logs/{FIGURE}.log",
        benchmark:
            f"results/benchmarks/{FIGURE}.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=more(1000),
            runtime=more(10),
        params:
            **PARAMS,
            figure=FIGURE,
            sweep=OWN["sweep"],
            shows=OWN["shows"],
            code=code(f"figures/{OWN['shows']}"),
        script:
            # Read as a job runs, long after this loop: so by a param.
            "../scripts/figures/{params.shows}.py"
