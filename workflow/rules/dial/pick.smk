# Requires: results/generations/, scores/ of the sweep of the config's `pick`
# Produces: results/pick/: the point to use, and what it gives on prompts that did not choose it

if config["pick"]:
    PICKED = SWEEPS[config["pick"]["sweep"]]

    rule pick:
        """Choose a point of a line by half of the prompts, and report it on the other half."""
        input:
            **measurements.of_pick(PLAN),
        output:
            page=paths.PICK,
            points="results/pick/points.csv",
            choice=paths.CHOICE,
        log:
            "results/logs/pick.log",
        benchmark:
            "results/benchmarks/pick.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            **request("pick"),
        params:
            code=code("dial/pick"),
            points=measurements.at_points(PLAN, config["pick"]["sweep"]),
            coefficients=PLAN.coefficients_along(config["pick"]["sweep"]),
            files_per_point=len(PICKED.sample_ranges),
            names=figures.names_of_line(PLAN, config["pick"]["sweep"]),
            kinds=measurements.kinds_of_pick(PLAN),
            aim=measurements.aim_of_pick(PLAN),
            statistics=config["statistics"],
            seed=config["seed"],
        script:
            "../../scripts/dial/pick.py"
