# Requires: results/generations/, results/scores/, results/losses/, results/divergence/,
#           results/next_words/, results/checkpoints/
# Produces: results/tables/: of sweeps on disk {sweep}.csv, _differences.csv, _endings.csv, and
#           _barriers.csv, _against.csv, _divergence.csv, _next_words.csv, _next_word_trends.csv
#           where there are such; of planes {sweep}.csv and _sums.csv; of pairs {sweep}.csv,
#           _barriers.csv and _differences.csv; results/examples/{sweep}.md


#: sweeps by what is made of them: lines between two checkpoints, ensembles, planes, pairs
BETWEEN = [name for name, sweep in LINES.items() if is_between(sweep) and sweep.losses]
COMPARED = [name for name, sweep in LINES.items() if sweep.against]
PLANES = [name for name, sweep in IN_MEMORY.items() if len(sweep.coordinates) == 2]
PAIRS = [name for name, sweep in IN_MEMORY.items() if len(sweep.coordinates) == 1]
WITH_WORDS = [
    name
    for name, sweep in LINES.items()
    if sweep.attribute
    and ATTRIBUTES[sweep.attribute].next_words
    and sweep.mixes == "weights"
    and len(sweep.coordinates) == 1
]


rule sweep_table:
    """Every metric at every point of a sweep, with intervals, and its paired differences."""
    input:
        unpack(lambda w: measured_of(w.sweep)),
    output:
        table="results/tables/{sweep}.csv",
        differences="results/tables/{sweep}_differences.csv",
        endings="results/tables/{sweep}_endings.csv",
    log:
        "results/logs/sweep_table/{sweep}.log",
    benchmark:
        "results/benchmarks/sweep_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(LINES),
    conda:
        environment("analysis")
    threads: 1
    resources:
        **asks("sweep_table"),
    params:
        code=code("tables/sweep_table"),
        kinds=lambda w: kinds_of_scorers(SWEEPS[w.sweep]),
        places=lambda w: columns_of(w.sweep),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
        shards=lambda w: len(SWEEPS[w.sweep].shards),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/tables/sweep_table.py"


rule examples:
    """The same prompts continued at every point, side by side, to be read."""
    input:
        texts=lambda w: at_places(
            TEXTS, SWEEPS[w.sweep].places(), SWEEPS[w.sweep].shards[:1]
        ),
    output:
        page="results/examples/{sweep}.md",
    log:
        "results/logs/examples/{sweep}.log",
    benchmark:
        "results/benchmarks/examples/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(LINES),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        code=code("tables/examples"),
        places=lambda w: columns_of(w.sweep),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
    script:
        "../scripts/tables/examples.py"


rule next_words_table:
    """Next-word probabilities at every point of a line, and the trend of each word."""
    input:
        words=lambda w: at_places(
            NEXT_WORDS, points_of(w.sweep), attribute=SWEEPS[w.sweep].attribute
        ),
    output:
        words="results/tables/{sweep}_next_words.csv",
        trends="results/tables/{sweep}_next_word_trends.csv",
    log:
        "results/logs/next_words_table/{sweep}.log",
    benchmark:
        "results/benchmarks/next_words_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(WITH_WORDS),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    params:
        code=code("tables/next_words_table"),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
        values=lambda w: values_of(w.sweep),
        high=lambda w: ATTRIBUTES[SWEEPS[w.sweep].attribute].high,
    script:
        "../scripts/tables/next_words_table.py"


rule barriers:
    """Barriers between two experts, by both definitions, against the margin."""
    input:
        losses=lambda w: at_places(LOSSES, points_between(w.sweep)),
        perplexity=lambda w: [
            score
            for scorer in scorers_in(SWEEPS[w.sweep], "perplexity")
            for prompts in SWEEPS[w.sweep].prompts
            for score in at_places(
                SCORES,
                points_between(w.sweep, prompts),
                SWEEPS[w.sweep].shards,
                scorer=scorer,
            )
        ],
    output:
        barriers="results/tables/{sweep}_barriers.csv",
    log:
        "results/logs/barriers/{sweep}.log",
    benchmark:
        "results/benchmarks/barriers/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(BETWEEN),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        code=code("tables/barriers"),
        values=lambda w: between_ends(w.sweep),
        scorers=lambda w: scorers_in(SWEEPS[w.sweep], "perplexity"),
        prompts=lambda w: SWEEPS[w.sweep].prompts,
        sizes=lambda w: [len(SWEEPS[w.sweep].shards)] * len(between_ends(w.sweep)),
        statistics=config["statistics"],
        margin=config["barrier_margin"],
        seed=config["seed"],
    script:
        "../scripts/tables/barriers.py"


rule against:
    """Outputs added up against weights added up, at the same points."""
    input:
        unpack(lambda w: both_sides(w.sweep)),
        divergence=lambda w: at_places(DIVERGENCE, points_of(w.sweep)),
    output:
        differences="results/tables/{sweep}_against.csv",
        divergence="results/tables/{sweep}_divergence.csv",
    log:
        "results/logs/against/{sweep}.log",
    benchmark:
        "results/benchmarks/against/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(COMPARED),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("tables/against"),
        kinds=lambda w: kinds_of_scorers(SWEEPS[w.sweep]),
        places=lambda w: columns_of(w.sweep),
        points=lambda w: list(SWEEPS[w.sweep].points()),
        sizes=lambda w: {
            side: [len(shards)] * len(columns_of(w.sweep))
            for side, (_, shards) in sides_of(w.sweep).items()
        },
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/tables/against.py"


rule plane_table:
    """A plane, its lattice and what is drawn over it, with test losses."""
    input:
        unpack(lambda w: of_the_plane(w.sweep)),
    output:
        table="results/tables/{sweep}.csv",
        sums="results/tables/{sweep}_sums.csv",
    log:
        "results/logs/plane_table/{sweep}.log",
    benchmark:
        "results/benchmarks/plane_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLANES),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("tables/plane_table"),
        scheme=lambda w: SWEEPS[w.sweep].schemes[0].title,
        axes=lambda w: list(SWEEPS[w.sweep].coordinates),
        rows=lambda w: rows_of(SWEEPS[w.sweep]),
        values=lambda w: values_of(w.sweep),
        shards=lambda w: len(SWEEPS[w.sweep].shards),
        overlays=lambda w: [place for place, _, _ in overlays(w.sweep)],
        overlay_shards=lambda w: [len(shards) for _, _, shards in overlays(w.sweep)],
        kinds=lambda w: kinds_of_scorers(SWEEPS[w.sweep]),
        sets=lambda w: SWEEPS[w.sweep].losses,
        samples=lambda w: SWEEPS[w.sweep].samples,
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/tables/plane_table.py"


rule pairs_table:
    """Every metric along the line between each pair of models, and the barriers on it."""
    input:
        unpack(lambda w: measured_of(w.sweep)),
        losses=lambda w: at_places(LOSSES, rows_of(SWEEPS[w.sweep])),
    output:
        table="results/tables/{sweep}.csv",
        barriers="results/tables/{sweep}_barriers.csv",
    log:
        "results/logs/pairs_table/{sweep}.log",
    benchmark:
        "results/benchmarks/pairs_table/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PAIRS),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        code=code("tables/pairs_table"),
        rows=lambda w: rows_of(SWEEPS[w.sweep]),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
        values=lambda w: values_of(w.sweep),
        shards=lambda w: len(SWEEPS[w.sweep].shards),
        kinds=lambda w: kinds_of_scorers(SWEEPS[w.sweep]),
        sets=lambda w: SWEEPS[w.sweep].losses,
        between=lambda w: (
            list(ends_of(w.sweep))
            if {"0.000", "1.000"} <= set(values_of(w.sweep))
            else []
        ),
        statistics=config["statistics"],
        margin=config["barrier_margin"],
        seed=config["seed"],
    script:
        "../scripts/tables/pairs_table.py"


rule differences:
    """How far the two ends of each line are apart, tensor by tensor (section 5.3)."""
    input:
        ends=lambda w: [path(end) for ends in ends_of(w.sweep).values() for end in ends],
    output:
        table="results/tables/{sweep}_differences.csv",
    log:
        "results/logs/differences/{sweep}.log",
    benchmark:
        "results/benchmarks/differences/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PAIRS),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(20),
    params:
        code=code("tables/differences"),
        schemes=lambda w: list(ends_of(w.sweep)),
    script:
        "../scripts/tables/differences.py"
