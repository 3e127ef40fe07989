# Requires: results/merged/, results/prompts/; results/base/ and results/experts/ themselves
#           for ensembles and for the lattice of g3, whose points are merged in memory
# Produces: results/generations/{prompts}/{scheme}/{point}.jsonl, where the point of g3 is
#           a row of its lattice; results/losses/g3/, table 3


rule generate:
    """Continue every prompt with the model at a point."""
    input:
        model="results/merged/{scheme}/{point}",
        prompts="results/prompts/{prompts}.jsonl",
        code=code("generate"),
    output:
        texts="results/generations/{prompts}/{scheme}/{point}.jsonl",
    log:
        "results/logs/generate/{prompts}/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/generate/{prompts}/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(MERGED),
        point=POINT,
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("generate"),
    params:
        generation=lambda w: sampling(w.scheme),
        seed=config["seed"],
    script:
        "../scripts/generate.py"


rule ensemble:
    """Continue every prompt with the models' outputs added up, in place of their weights."""
    input:
        **checkpoints_of("ensemble"),
        prompts="results/prompts/{prompts}.jsonl",
        code=code("ensemble"),
    output:
        texts="results/generations/{prompts}/{scheme}/{point}.jsonl",
    log:
        "results/logs/ensemble/{prompts}/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/ensemble/{prompts}/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(schemes.ENSEMBLES),
    priority: 5
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("ensemble"),
    params:
        generation=lambda w: sampling(w.scheme),
        seed=config["seed"],
    script:
        "../scripts/ensemble.py"


rule lattice:
    """Merge, sample and test the models of one row of g3's lattice, in memory."""
    input:
        **checkpoints_of("g3"),
        tests=[test_part(pole) for pole in POLES],
        prompts=[
            f"results/prompts/{name}.jsonl"
            for name in config["sweeps"]["g3"]["prompts"]
        ],
        code=code("row"),
    output:
        texts=[
            f"results/generations/{name}/g3/beta={{beta}}.jsonl"
            for name in config["sweeps"]["g3"]["prompts"]
        ],
        losses="results/losses/g3/beta={beta}.csv",
    log:
        "results/logs/lattice/beta={beta}.log",
    benchmark:
        "results/benchmarks/lattice/beta={beta}.tsv"
    priority: 5
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("lattice"),
    params:
        scheme="g3",
        points=lambda w: {alpha: [alpha, w.beta] for alpha in ALPHAS.get("g3", [])},
        checkpoints=list(checkpoints_of("g3")),
        sets=POLES,
        column="pole",
        generation=sampling("g3"),
        test_texts=config["test_texts"],
        max_tokens=config["experts"]["max_tokens"],
        seed=config["seed"],
    script:
        "../scripts/row.py"


rule generation_table:
    """Table 3: what texts were generated with."""
    input:
        prompts=expand("results/prompts/{prompts}.jsonl", prompts=PROMPTS_NOW),
        code=code("generation_table"),
    output:
        table3="results/tables/table3.csv",
    log:
        "results/logs/generation_table.log",
    benchmark:
        "results/benchmarks/generation_table.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    params:
        prompts=PROMPTS_NOW,
        rows=[
            {"sweep": sweep, "prompts": name, **sampling(sweep)}
            for sweep in ALPHAS
            for name in config["sweeps"][sweep]["prompts"]
        ],
    script:
        "../scripts/generation_table.py"
