# Requires: results/tables/ of a sweep with `seeds` and of its copies
# Produces: results/tables/{sweep}_seeds.csv, and where there are barriers _seeds_barriers.csv


rule seeds_table:
    """The spread between seeds of the experts, beside the interval over prompts."""
    input:
        unpack(lambda w: measurements.of_seeds(PLAN, w.sweep)),
    output:
        table="results/tables/{sweep}_seeds.csv",
    log:
        "results/logs/seeds_table/{sweep}.log",
    benchmark:
        "results/benchmarks/seeds_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.with_seeds),
    localrule: True
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        code=code("tables/seeds_table"),
        coordinates=lambda w: list(SWEEPS[w.sweep].coordinates),
        schemes=lambda w: PLAN.schemes_by_seed(w.sweep),
        confidence=config["statistics"]["confidence"],
    script:
        "../../scripts/tables/seeds_table.py"


rule seeds_barriers:
    """The barriers of a sweep with each seed of its experts."""
    input:
        barriers=lambda w: [
            paths.table(copy, "barriers") for copy in PLAN.by_seed(w.sweep).values()
        ],
    output:
        barriers="results/tables/{sweep}_seeds_barriers.csv",
    log:
        "results/logs/seeds_barriers/{sweep}.log",
    benchmark:
        "results/benchmarks/seeds_barriers/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.with_seeds),
    localrule: True
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("tables/seeds_barriers"),
        schemes=lambda w: PLAN.schemes_by_seed(w.sweep),
    script:
        "../../scripts/tables/seeds_barriers.py"
