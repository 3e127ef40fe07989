# Requires: results/merged/, results/prompts/
# Produces: results/generations/{prompts}/{scheme}/{point}.jsonl, table 3


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
    conda:
        environment("torch")
    threads: 1
    resources:
        mem_mb=2500,
        runtime=240,
    params:
        generation=config["generation"],
        seed=config["seed"],
    script:
        "../scripts/generate.py"


rule generation_table:
    """Table 3: what texts were generated with."""
    input:
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
        mem_mb=500,
        runtime=10,
    params:
        generation=config["generation"],
        prompts={
            name: config["prompts"][name]["count"]
            for sweep in config["sweeps"].values()
            for name in sweep["prompts"]
        },
    script:
        "../scripts/generation_table.py"
