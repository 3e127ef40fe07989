# Requires: losses of trainings, results/prompts/, settings of pretrainings
# Produces: results/tables/table1.csv to table4.csv


rule training_tables:
    """Tables 1 and 2: every setting tried with its validation perplexity, and the best."""
    input:
        losses=[
            f"{model}.csv"
            for name in PLAN.in_use("finetuned")
            for model in paths.candidates(config, name)
        ],
    output:
        table1="results/tables/table1.csv",
        table2="results/tables/table2.csv",
    log:
        "results/logs/training_tables.log",
    benchmark:
        "results/benchmarks/training_tables.tsv"
    localrule: True
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("tables/training_tables"),
        runs=[
            {"checkpoint": name, **setting}
            for name in PLAN.in_use("finetuned")
            for setting in registry.grid(config, name).values()
        ],
    script:
        "../../scripts/tables/training_tables.py"


rule generation_table:
    """Table 3: the settings of generation."""
    input:
        prompts=expand(paths.PROMPTS, prompts=PLAN.prompts_in_use),
    output:
        table3="results/tables/table3.csv",
    log:
        "results/logs/generation_table.log",
    benchmark:
        "results/benchmarks/generation_table.tsv"
    localrule: True
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("tables/generation_table"),
        prompts=PLAN.prompts_in_use,
        rows=[
            {
                "sweep": name,
                "prompts": prompts,
                **reading.generation_settings(config),
                "samples": sweep.samples,
            }
            for name, sweep in SWEEPS.items()
            for prompts in sweep.prompts
        ],
    script:
        "../../scripts/tables/generation_table.py"


rule pretraining_table:
    """Table 4: the settings that models were pretrained with."""
    input:
        settings=[
            f"{paths.checkpoint(name)}.settings.json"
            for name in PLAN.in_use("pretrained")
        ],
        losses=[
            f"{paths.checkpoint(name)}.losses.csv"
            for name in PLAN.in_use("pretrained")
        ],
        baselines=[
            paths.BASELINES.format(corpus=CHECKPOINTS[name]["corpus"])
            for name in PLAN.in_use("pretrained")
        ],
    output:
        table4="results/tables/table4.csv",
    log:
        "results/logs/pretraining_table.log",
    benchmark:
        "results/benchmarks/pretraining_table.tsv"
    localrule: True
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("tables/pretraining_table"),
        models={name: CHECKPOINTS[name]["corpus"] for name in PLAN.in_use("pretrained")},
    script:
        "../../scripts/tables/pretraining_table.py"
