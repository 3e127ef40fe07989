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
    params:
        generation=config["generation"],
        seed=config["seed"],
    log:
        "results/logs/generate/{prompts}/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/generate/{prompts}/{scheme}/{point}.tsv"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=240,
    conda:
        environment("torch")
    script:
        "../scripts/generate.py"


rule generation_table:
    """Table 3: what texts were generated with."""
    input:
        code=code("generation_table"),
    output:
        table3="results/tables/table3.csv",
    params:
        generation=config["generation"],
        prompts={name: p["count"] for name, p in config["prompts"].items()},
    log:
        "results/logs/generation_table.log",
    benchmark:
        "results/benchmarks/generation_table.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    conda:
        environment("analysis")
    script:
        "../scripts/generation_table.py"
