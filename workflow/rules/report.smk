# Requires: results/generations/, results/scores/, results/losses/, results/divergence/,
#           results/next_words/
# Produces: results/tables/{sweep}.csv and _differences.csv and _endings.csv of lines,
#           ensemble_against_g2.csv, divergence.csv, barriers.csv, g3.csv, g3_sums.csv,
#           next_words.csv and next_word_trends.csv,
#           results/examples/, results/figures/


rule sweep_table:
    """Every metric at every point of a line, with intervals, and its paired differences."""
    input:
        unpack(
            lambda w: {
                scorer: walk(SCORES[scorer])(w) for scorer in kinds_of_scorers(w.sweep)
            }
        ),
        texts=walk(TEXTS),
        code=code("sweep_table"),
    output:
        table="results/tables/{sweep}.csv",
        differences="results/tables/{sweep}_differences.csv",
        endings="results/tables/{sweep}_endings.csv",
    log:
        "results/logs/sweep_table/{sweep}.log",
    benchmark:
        "results/benchmarks/sweep_table/{sweep}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        **asks("sweep_table"),
    params:
        kinds=lambda w: kinds_of_scorers(w.sweep),
        stops=lambda w: stops(w.sweep),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/sweep_table.py"


rule examples:
    """The same prompts continued at every point, side by side, to be read."""
    input:
        texts=walk(TEXTS),
        code=code("examples"),
    output:
        page="results/examples/{sweep}.md",
    log:
        "results/logs/examples/{sweep}.log",
    benchmark:
        "results/benchmarks/examples/{sweep}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        stops=lambda w: stops(w.sweep),
    script:
        "../scripts/examples.py"


rule fig3:
    """Figure 3: sentiment, perplexity and grammar along g1."""
    input:
        table="results/tables/g1.csv",
        code=code("fig3"),
    output:
        png=figure("fig3"),
        svg="results/figures/fig3.svg",
    log:
        "results/logs/fig3.log",
    benchmark:
        "results/benchmarks/fig3.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        confidence=config["statistics"]["confidence"],
        grammar=config["scorers"]["grammar"]["kind"],
    script:
        "../scripts/fig3.py"


rule next_words_table:
    """Next-word probabilities at every alpha of g1, and the trend of each word."""
    input:
        words=[
            f"results/next_words/g1/{schemes.name('g1', alpha)}.csv"
            for alpha in ALPHAS["g1"]
        ],
        code=code("next_words_table"),
    output:
        words="results/tables/next_words.csv",
        trends="results/tables/next_word_trends.csv",
    log:
        "results/logs/next_words_table.log",
    benchmark:
        "results/benchmarks/next_words_table.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    params:
        alphas=ALPHAS["g1"],
    script:
        "../scripts/next_words_table.py"


rule fig4:
    """Figure 4: next-word probabilities along g1."""
    input:
        words="results/tables/next_words.csv",
        code=code("fig4"),
    output:
        png=figure("fig4"),
        svg="results/figures/fig4.svg",
    log:
        "results/logs/fig4.log",
    benchmark:
        "results/benchmarks/fig4.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        prompt=config["next_words"]["prompt"],
    script:
        "../scripts/fig4.py"


rule fig5:
    """Figure 5: sentiment, perplexity and grammar along g1 and g2."""
    input:
        g1="results/tables/g1.csv",
        g2="results/tables/g2.csv",
        code=code("fig5"),
    output:
        png=figure("fig5"),
        svg="results/figures/fig5.svg",
    log:
        "results/logs/fig5.log",
    benchmark:
        "results/benchmarks/fig5.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        confidence=config["statistics"]["confidence"],
        grammar=config["scorers"]["grammar"]["kind"],
        judges={
            name: scorer["model"]
            for name, scorer in config["scorers"].items()
            if scorer["kind"] == "perplexity" and name != "perplexity"
        },
    script:
        "../scripts/fig5.py"


rule against_g2:
    """Outputs added up against weights added up, at the same alpha."""
    input:
        **{
            f"{name}_{what}": [path_of(pattern, name, stop) for stop in own]
            for what, pattern in {
                "texts": TEXTS,
                **{name: SCORES[name] for name in COMPARED},
            }.items()
            for name, own in {
                "ensemble": stops("ensemble"),
                "g2": [{**stop, "truncated": False} for stop in stops("ensemble")],
            }.items()
        },
        divergence=[
            path_of("results/divergence/{point}.csv", "g2", {"alpha": alpha})
            for alpha in ALPHAS.get("ensemble", [])
        ],
        code=code("against_g2"),
    output:
        differences="results/tables/ensemble_against_g2.csv",
        divergence="results/tables/divergence.csv",
    log:
        "results/logs/against_g2.log",
    benchmark:
        "results/benchmarks/against_g2.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        kinds=kinds_of_scorers("ensemble"),
        stops=stops("ensemble"),
        alphas=ALPHAS.get("ensemble"),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/against_g2.py"


rule fig6:
    """Figure 6: weights added up and outputs added up, and why they part."""
    input:
        pairs="results/tables/ensemble_against_g2.csv",
        divergence="results/tables/divergence.csv",
        code=code("fig6"),
    output:
        png=figure("fig6"),
        svg="results/figures/fig6.svg",
    log:
        "results/logs/fig6.log",
    benchmark:
        "results/benchmarks/fig6.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        confidence=config["statistics"]["confidence"],
    script:
        "../scripts/fig6.py"


BETWEEN = [alpha for alpha in ALPHAS["g1"] if 0 <= float(alpha) <= 1]


rule barriers:
    """Barriers between the experts, by both definitions, against the margin."""
    input:
        losses=[path_of(LOSSES, "g1", {"alpha": alpha}) for alpha in BETWEEN],
        perplexity=[
            path_of(SCORES["perplexity"], "g1", {"prompts": prompts, "alpha": alpha})
            for prompts in config["sweeps"]["g1"]["prompts"]
            for alpha in BETWEEN
        ],
        code=code("barriers"),
    output:
        barriers="results/tables/barriers.csv",
    log:
        "results/logs/barriers.log",
    benchmark:
        "results/benchmarks/barriers.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(10),
    params:
        alphas=BETWEEN,
        prompts=config["sweeps"]["g1"]["prompts"],
        statistics=config["statistics"],
        margin=config["barrier_margin"],
        seed=config["seed"],
    script:
        "../scripts/barriers.py"


#: what is known of each point of the plane
PLANE = {
    "texts": TEXTS,
    "losses": LOSSES,
    **{scorer: SCORES[scorer] for scorer in COMPARED},
}


rule g3_table:
    """The plane of g3, its lattice and the lines over it, with test losses."""
    input:
        **{
            f"lattice_{what}": rows_of(pattern, config["sweeps"]["g3"]["prompts"])
            for what, pattern in PLANE.items()
        },
        **{
            f"overlay_{what}": [
                path_of(pattern, stop["scheme"], stop) for stop in overlays()
            ]
            for what, pattern in PLANE.items()
        },
        code=code("g3_table"),
    output:
        table="results/tables/g3.csv",
        sums="results/tables/g3_sums.csv",
    log:
        "results/logs/g3_table.log",
    benchmark:
        "results/benchmarks/g3_table.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        rows=[
            {"prompts": prompts, "beta": beta}
            for prompts in config["sweeps"]["g3"]["prompts"]
            for beta in ALPHAS.get("g3", [])
        ],
        alphas=ALPHAS.get("g3"),
        overlays=overlays(),
        kinds=kinds_of_scorers("g3"),
        samples=config["sweeps"]["g3"]["samples"],
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/g3_table.py"


rule fig7:
    """Figure 7: sentiment and perplexity over the plane of g3."""
    input:
        table="results/tables/g3.csv",
        code=code("fig7"),
    output:
        png=figure("fig7"),
        svg="results/figures/fig7.svg",
    log:
        "results/logs/fig7.log",
    benchmark:
        "results/benchmarks/fig7.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    script:
        "../scripts/fig7.py"


rule fig8:
    """Figure 8: loss on the test sentences of each pole over the plane of g3."""
    input:
        table="results/tables/g3.csv",
        code=code("fig8"),
    output:
        png=figure("fig8"),
        svg="results/figures/fig8.svg",
    log:
        "results/logs/fig8.log",
    benchmark:
        "results/benchmarks/fig8.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    script:
        "../scripts/fig8.py"
