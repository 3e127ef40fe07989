# Requires: results/generations/, scores/, losses/, divergence/, next_words/ of point sweeps
# Produces: results/tables/{sweep}.csv, _differences.csv, _endings.csv, and where they apply
#           _barriers.csv, _against.csv, _divergence.csv, _next_words.csv, _next_word_trends.csv;
#           of figures of two lines {figure}_paired.csv, _at_equal.csv


rule sweep_table:
    """Every metric at every point of a sweep, with intervals, and its paired differences."""
    input:
        unpack(lambda w: measurements.of_sweep(PLAN, w.sweep)),
    output:
        table="results/tables/{sweep}.csv",
        differences="results/tables/{sweep}_differences.csv",
        endings="results/tables/{sweep}_endings.csv",
    log:
        "results/logs/sweep_table/{sweep}.log",
    benchmark:
        "results/benchmarks/sweep_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.point_sweeps),
    conda:
        environment("analysis")
    threads: 1
    resources:
        **request("sweep_table"),
    params:
        code=code("tables/sweep_table"),
        kinds=lambda w: PLAN.scorer_kinds(w.sweep),
        measurements=lambda w: SWEEPS[w.sweep].measurement_columns(),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
        files_per_measurement=lambda w: len(SWEEPS[w.sweep].sample_ranges),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../../scripts/tables/sweep_table.py"


rule next_words_table:
    """Next-word probabilities at every point of a line, and the trend of each word."""
    input:
        words=lambda w: measurements.files(
            PLAN,
            paths.NEXT_WORDS,
            measurements.at_points(PLAN, w.sweep),
            attribute=SWEEPS[w.sweep].attribute,
        ),
    output:
        words="results/tables/{sweep}_next_words.csv",
        trends="results/tables/{sweep}_next_word_trends.csv",
    log:
        "results/logs/next_words_table/{sweep}.log",
    benchmark:
        "results/benchmarks/next_words_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.with_next_words),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("tables/next_words_table"),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
        values=lambda w: SWEEPS[w.sweep].first_values,
        high=lambda w: ATTRIBUTES[SWEEPS[w.sweep].attribute].high,
    script:
        "../../scripts/tables/next_words_table.py"


rule barriers:
    """Barriers between two experts, by both definitions, against the margin."""
    input:
        losses=lambda w: measurements.files(
            PLAN, paths.LOSSES, measurements.between(PLAN, w.sweep)
        ),
        perplexity=lambda w: measurements.perplexities_between(PLAN, w.sweep),
    output:
        barriers="results/tables/{sweep}_barriers.csv",
    log:
        "results/logs/barriers/{sweep}.log",
    benchmark:
        "results/benchmarks/barriers/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.with_barriers),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(10),
    params:
        code=code("tables/barriers"),
        values=lambda w: measurements.values_between(PLAN, w.sweep),
        scorers=lambda w: PLAN.scorers_of_kind(w.sweep, "perplexity"),
        prompts=lambda w: SWEEPS[w.sweep].prompts,
        file_counts=lambda w: [len(SWEEPS[w.sweep].sample_ranges)]
        * len(measurements.values_between(PLAN, w.sweep)),
        statistics=config["statistics"],
        margin=config["barrier_margin"],
        seed=config["seed"],
    script:
        "../../scripts/tables/barriers.py"


rule against:
    """Mixed logits compared with mixed weights, at the same points."""
    input:
        unpack(lambda w: measurements.of_sides(PLAN, w.sweep)),
        divergence=lambda w: measurements.files(
            PLAN, paths.DIVERGENCE, measurements.at_points(PLAN, w.sweep)
        ),
    output:
        differences="results/tables/{sweep}_against.csv",
        divergence="results/tables/{sweep}_divergence.csv",
    log:
        "results/logs/against/{sweep}.log",
    benchmark:
        "results/benchmarks/against/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.compared),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(30),
    params:
        code=code("tables/against"),
        kinds=lambda w: PLAN.scorer_kinds(w.sweep),
        measurements=lambda w: SWEEPS[w.sweep].measurement_columns(),
        points=lambda w: list(SWEEPS[w.sweep].points()),
        file_counts=lambda w: {
            side: [len(m.sample_ranges) for m in measured]
            for side, measured in measurements.sides(PLAN, w.sweep).items()
        },
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../../scripts/tables/against.py"


rule two_lines_table:
    """Two lines compared: at the points that a shift lines up, and at equal attribute."""
    input:
        unpack(lambda w: measurements.of_two_lines(PLAN, w.figure)),
    output:
        paired="results/tables/{figure}_paired.csv",
        at_equal="results/tables/{figure}_at_equal.csv",
    log:
        "results/logs/two_lines_table/{figure}.log",
    benchmark:
        "results/benchmarks/two_lines_table/{figure}.tsv"
    wildcard_constraints:
        figure=one_of(PLAN.with_two_lines),
    conda:
        environment("analysis")
    threads: 1
    resources:
        # It holds the texts of two lines, where a sweep's table holds those of one.
        mem_mb=per_attempt(2 * config["resources"]["sweep_table"]["mem_mb"]),
        runtime=per_attempt(2 * config["resources"]["sweep_table"]["runtime"]),
    params:
        code=code("tables/two_lines_table"),
        points=lambda w: measurements.points_of_two_lines(PLAN, w.figure),
        shift=lambda w: config["figures"][w.figure]["shift"],
        attribute=lambda w: (
            ATTRIBUTES[measurements.sweep_of(PLAN, w.figure).attribute].scorer
        ),
        kinds=lambda w: PLAN.scorer_kinds(config["figures"][w.figure]["sweep"]),
        file_counts=lambda w: {
            side: [len(m.sample_ranges) for m in measured]
            for side, measured in measurements.two_lines(PLAN, w.figure).items()
        },
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../../scripts/tables/two_lines_table.py"
