# Requires: two models of one shape: pretrained, experts, permuted copies; held-out text
# Produces: results/permuted/{twin}/, results/generations/{prompts}/pair/{pair}.jsonl and
#           results/losses/pair/{pair}.csv, all points of the line in one file;
#           pair.csv, pair_barriers.csv, differences.csv, figures 9 and 10


rule permute:
    """A model's twin: the same function, hidden units and heads in another order."""
    input:
        model=lambda w: model_dir(w.twin),
        code=code("permute"),
    output:
        model=directory("results/permuted/{twin}"),
    log:
        "results/logs/permute/{twin}.log",
    benchmark:
        "results/benchmarks/permute/{twin}.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("permute"),
    params:
        seed=config["seed"],
    script:
        "../scripts/permute.py"


rule pair:
    """Merge, sample and test the models on the line between two, in memory."""
    input:
        unpack(lambda w: ends_of(w.pair)),
        tests=[held_out(name) for name in config["sweeps"]["pair"]["corpora"]],
        prompts=[
            f"results/prompts/{name}.jsonl"
            for name in config["sweeps"]["pair"]["prompts"]
        ],
        code=code("row"),
    output:
        texts=[
            f"results/generations/{name}/pair/{{pair}}.jsonl"
            for name in config["sweeps"]["pair"]["prompts"]
        ],
        losses="results/losses/pair/{pair}.csv",
    log:
        "results/logs/pair/{pair}.log",
    benchmark:
        "results/benchmarks/pair/{pair}.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("pair"),
    params:
        scheme="pair",
        points={alpha: [alpha] for alpha in ALPHAS.get("pair", [])},
        checkpoints=["a", "b"],
        sets=config["sweeps"]["pair"]["corpora"],
        column="corpus",
        generation=sampling("pair"),
        test_texts=config["test_texts"],
        max_tokens=config["experts"]["max_tokens"],
        seed=config["seed"],
    script:
        "../scripts/row.py"


rule differences:
    """How far two models' weights are apart, tensor by tensor (section 5.3)."""
    input:
        unpack(
            lambda w: {
                f"{pair}_{end}": path
                for pair in PAIRS
                for end, path in ends_of(pair).items()
            }
        ),
        code=code("differences"),
    output:
        table="results/tables/differences.csv",
    log:
        "results/logs/differences.log",
    benchmark:
        "results/benchmarks/differences.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(20),
    params:
        pairs=list(PAIRS),
    script:
        "../scripts/differences.py"


rule fig9:
    """Figure 9: differences of weights, of models that mix and of models that do not."""
    input:
        table="results/tables/differences.csv",
        code=code("fig9"),
    output:
        png=figure("fig9"),
        svg="results/figures/fig9.svg",
    log:
        "results/logs/fig9.log",
    benchmark:
        "results/benchmarks/fig9.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        pairs=config["figure9"],
        titles={name: title_of(name) for name in config["figure9"]},
    script:
        "../scripts/fig9.py"


rule pair_table:
    """Every metric along the line between each pair, and the barriers on it."""
    input:
        **{
            what: [
                pattern.format(prompts=prompts, scheme="pair", point=pair)
                for pair in PAIRS
                for prompts in config["sweeps"]["pair"]["prompts"]
            ]
            for what, pattern in {
                "texts": TEXTS,
                "losses": LOSSES,
                **{name: SCORES[name] for name in JUDGED},
            }.items()
        },
        code=code("pair_table"),
    output:
        table="results/tables/pair.csv",
        barriers="results/tables/pair_barriers.csv",
    log:
        "results/logs/pair_table.log",
    benchmark:
        "results/benchmarks/pair_table.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(30),
    params:
        rows=[
            {"pair": pair, "prompts": prompts}
            for pair in PAIRS
            for prompts in config["sweeps"]["pair"]["prompts"]
        ],
        alphas=ALPHAS.get("pair", []),
        kinds=kinds_of_scorers("pair"),
        corpora=config["sweeps"]["pair"]["corpora"],
        statistics=config["statistics"],
        margin=config["barrier_margin"],
        seed=config["seed"],
    script:
        "../scripts/pair_table.py"


rule fig10:
    """Figure 10: perplexity, distinct n-grams, grammar and test loss along pairs' lines."""
    input:
        table="results/tables/pair.csv",
        code=code("fig10"),
    output:
        png=figure("fig10"),
        svg="results/figures/fig10.svg",
    log:
        "results/logs/fig10.log",
    benchmark:
        "results/benchmarks/fig10.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(10),
    params:
        groups={
            a: {name: title_of(name) for name, pair in PAIRS.items() if pair["a"] == a}
            for a in sorted({pair["a"] for pair in PAIRS.values()}, reverse=True)
        },
        confidence=config["statistics"]["confidence"],
        grammar=config["scorers"]["grammar"]["kind"],
    script:
        "../scripts/fig10.py"


PAIR_RESULTS = [
    rules.fig9.output,
    rules.fig10.output,
    [rules.fig11.output, rules.pretraining_table.output] if PRETRAINED_NOW else [],
]
