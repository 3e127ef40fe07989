# Requires: results/generations/, results/scores/, results/next_words/
# Produces: results/tables/{scheme}.csv and _differences.csv and _endings.csv,
#           results/tables/next_words.csv and next_word_trends.csv,
#           results/examples/, results/figures/


rule sweep_table:
    """Every metric at every point of a line, with intervals, and its paired differences."""
    input:
        unpack(
            lambda w: {
                scorer: walk(
                    f"results/scores/{{prompts}}/{{scheme}}/{scorer}/{{point}}.csv"
                )(w)
                for scorer in config["scorers"]
            }
        ),
        texts=walk("results/generations/{prompts}/{scheme}/{point}.jsonl"),
        code=code("sweep_table"),
    output:
        table="results/tables/{scheme}.csv",
        differences="results/tables/{scheme}_differences.csv",
        endings="results/tables/{scheme}_endings.csv",
    log:
        "results/logs/sweep_table/{scheme}.log",
    benchmark:
        "results/benchmarks/sweep_table/{scheme}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        kinds={name: s["kind"] for name, s in config["scorers"].items()},
        points=lambda w: stops(w.scheme),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/sweep_table.py"


rule examples:
    """The same prompts continued at every point, side by side, to be read."""
    input:
        texts=walk("results/generations/{prompts}/{scheme}/{point}.jsonl"),
        code=code("examples"),
    output:
        page="results/examples/{scheme}.md",
    log:
        "results/logs/examples/{scheme}.log",
    benchmark:
        "results/benchmarks/examples/{scheme}.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        points=lambda w: stops(w.scheme),
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
        mem_mb=1000,
        runtime=10,
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
        mem_mb=500,
        runtime=10,
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
        mem_mb=1000,
        runtime=10,
    params:
        prompt=config["next_words"]["prompt"],
    script:
        "../scripts/fig4.py"
