# Requires: results/generations/, scores/, losses/ of sweeps in memory; results/checkpoints/
# Produces: results/tables/: of planes {sweep}.csv and _sums.csv; of pairs {sweep}.csv, _barriers.csv,
#           _excess.csv and _differences.csv


rule plane_table:
    """Every metric and test loss on a plane, and of the points that are drawn over it."""
    input:
        unpack(lambda w: measurements.of_plane(PLAN, w.sweep)),
    output:
        table="results/tables/{sweep}.csv",
        sums="results/tables/{sweep}_sums.csv",
    log:
        "results/logs/plane_table/{sweep}.log",
    benchmark:
        "results/benchmarks/plane_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.planes),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=code("tables/plane_table"),
        scheme=lambda w: SWEEPS[w.sweep].schemes[0].title,
        axes=lambda w: list(SWEEPS[w.sweep].coordinates),
        lines=lambda w: measurements.own_lines(PLAN, w.sweep),
        values=lambda w: [
            measurements.own_values(PLAN, w.sweep, line)
            for line in measurements.own_lines(PLAN, w.sweep)
        ],
        lattice=lambda w: list(SWEEPS[w.sweep].points()),
        files_per_line=lambda w: len(SWEEPS[w.sweep].sample_ranges),
        overlays=lambda w: [o.columns for o in measurements.overlays(PLAN, w.sweep)],
        overlay_files=lambda w: [
            len(o.measured.sample_ranges) for o in measurements.overlays(PLAN, w.sweep)
        ],
        kinds=lambda w: PLAN.scorer_kinds(w.sweep),
        test_sets=lambda w: SWEEPS[w.sweep].losses,
        n_samples=lambda w: SWEEPS[w.sweep].samples,
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../../scripts/tables/plane_table.py"


rule pairs_table:
    """Every metric along the line between two models, its rise above both, and barriers."""
    input:
        unpack(lambda w: measurements.of_sweep(PLAN, w.sweep)),
        losses=lambda w: measurements.files(
            PLAN, paths.LOSSES, SWEEPS[w.sweep].line_measurements()
        ),
    output:
        table="results/tables/{sweep}.csv",
        barriers="results/tables/{sweep}_barriers.csv",
        excess="results/tables/{sweep}_excess.csv",
    log:
        "results/logs/pairs_table/{sweep}.log",
    benchmark:
        "results/benchmarks/pairs_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.pairs),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        code=code("tables/pairs_table"),
        lines=lambda w: SWEEPS[w.sweep].line_measurements(),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
        values=lambda w: SWEEPS[w.sweep].first_values,
        files_per_line=lambda w: len(SWEEPS[w.sweep].sample_ranges),
        kinds=lambda w: PLAN.scorer_kinds(w.sweep),
        test_sets=lambda w: SWEEPS[w.sweep].losses,
        between=lambda w: (
            list(SWEEPS[w.sweep].pair_ends())
            if {"0.000", "1.000"} <= set(SWEEPS[w.sweep].first_values)
            else []
        ),
        statistics=config["statistics"],
        margin=config["barrier_margin"],
        seed=config["seed"],
    script:
        "../../scripts/tables/pairs_table.py"


rule differences:
    """How far the two models at the ends of each line differ, tensor by tensor (section 5.3)."""
    input:
        ends=lambda w: [
            paths.checkpoint(end)
            for ends in SWEEPS[w.sweep].pair_ends().values()
            for end in ends
        ],
    output:
        table="results/tables/{sweep}_differences.csv",
    log:
        "results/logs/differences/{sweep}.log",
    benchmark:
        "results/benchmarks/differences/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.pairs),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(20),
    params:
        code=code("tables/differences"),
        schemes=lambda w: list(SWEEPS[w.sweep].pair_ends()),
    script:
        "../../scripts/tables/differences.py"
