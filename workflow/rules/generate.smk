# Requires: results/merged/, results/prompts/; results/checkpoints/ themselves for ensembles
#           and for rows of points, which are merged in memory
# Produces: results/generations/{prompts}/{scheme}/{point}/samples={samples}.jsonl, where the
#           point of a sweep in memory is a row of points; table 3


rule generate:
    """Continue every prompt with the model at a point."""
    input:
        model="results/merged/{scheme}/{point}",
        prompts="results/prompts/{prompts}.jsonl",
    output:
        texts=TEXTS,
    log:
        "results/logs/generate/{prompts}/{scheme}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/generate/{prompts}/{scheme}/{point}/{samples}.tsv"
    wildcard_constraints:
        scheme=one_of(MERGED),
        point=POINT,
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("generate"),
    params:
        code=code("texts/generate"),
        generation=sampling(),
        samples=samples_of,
        seed=config["seed"],
    script:
        "../scripts/texts/generate.py"


rule ensemble:
    """Continue every prompt with the models' outputs added up, in place of their weights."""
    input:
        models=lambda w: checkpoints_of(w.scheme),
        prompts="results/prompts/{prompts}.jsonl",
    output:
        texts=TEXTS,
    log:
        "results/logs/ensemble/{prompts}/{scheme}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/ensemble/{prompts}/{scheme}/{point}/{samples}.tsv"
    wildcard_constraints:
        scheme=one_of(ENSEMBLES),
        point=POINT,
    priority: 5
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("ensemble"),
    params:
        code=code("texts/ensemble"),
        coefficients=at,
        nucleus_of=lambda w: SCHEMES[w.scheme].nucleus_of,
        generation=sampling(),
        samples=samples_of,
        seed=config["seed"],
    script:
        "../scripts/texts/ensemble.py"


rule row:
    """Merge the models of a row of points in memory, and continue every prompt with each."""
    input:
        models=lambda w: checkpoints_of(w.scheme),
        prompts="results/prompts/{prompts}.jsonl",
    output:
        texts=TEXTS,
    log:
        "results/logs/row/{prompts}/{scheme}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/row/{prompts}/{scheme}/{point}/{samples}.tsv"
    wildcard_constraints:
        scheme=one_of(SWEEP_OF_ROWS),
        point=ROW,
    priority: 5
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("row"),
    params:
        code=code("texts/row"),
        checkpoints=lambda w: SCHEMES[w.scheme].checkpoints,
        coordinate=lambda w: first_coordinate(w.scheme),
        points=along,
        generation=sampling(),
        samples=samples_of,
        seed=config["seed"],
    script:
        "../scripts/texts/row.py"


rule generation_table:
    """Table 3: what texts were generated with."""
    input:
        prompts=expand("results/prompts/{prompts}.jsonl", prompts=PROMPTS_NOW),
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
        code=code("tables/generation_table"),
        prompts=PROMPTS_NOW,
        rows=[
            {"sweep": name, "prompts": prompts, **sampling(), "samples": sweep.samples}
            for name, sweep in SWEEPS.items()
            for prompts in sweep.prompts
        ],
    script:
        "../scripts/tables/generation_table.py"
