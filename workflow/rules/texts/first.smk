# Requires: results/generations/, scores/ at the points of the config's `first`
# Produces: results/first.txt, which the end of a run prints; results/tables/first.csv

if config["first"]:
    LINE = SWEEPS[config["first"]["sweep"]]

    rule first:
        """The dial at a few points: the attribute's mean at each, and one prompt's texts."""
        input:
            **measurements.of_first(PLAN),
        output:
            page=paths.FIRST,
            table="results/tables/first.csv",
        log:
            "results/logs/first.log",
        benchmark:
            "results/benchmarks/first.tsv"
        priority: PRIORITIES["first"]
        localrule: True
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=per_attempt(1000),
            runtime=per_attempt(10),
        params:
            code=code("texts/first"),
            values=sweeps.first_points(config["first"], LINE),
            scorer=ATTRIBUTES[LINE.attribute].scorer,
            kind=config["scorers"][ATTRIBUTES[LINE.attribute].scorer]["kind"],
            names=figures.names_of_line(PLAN, config["first"]["sweep"]),
            statistics=config["statistics"],
            seed=config["seed"],
        script:
            "../../scripts/texts/first.py"
