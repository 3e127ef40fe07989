# Requires: the checkpoint that is fine-tuned, results/data/{attribute}/
# Produces: results/candidates/{checkpoint}/{setting}/, results/checkpoints/{checkpoint}/ of kind
#           finetuned; tables 1 and 2


rule candidate:
    """Fine-tune a language model on some text with one setting of the grid (table 1)."""
    input:
        base=lambda w: path(CHECKPOINTS[w.checkpoint]["of"]),
        train=lambda w: texts_of(w.checkpoint, "train"),
        validation=lambda w: texts_of(w.checkpoint, "validation"),
    output:
        model=weights(
            "results/candidates/{checkpoint}/{setting}",
            config["finetuning"]["keep_candidates"],
        ),
        losses="results/candidates/{checkpoint}/{setting}.csv",
    log:
        "results/logs/candidate/{checkpoint}/{setting}.log",
    benchmark:
        "results/benchmarks/candidate/{checkpoint}/{setting}.tsv"
    wildcard_constraints:
        checkpoint=made_by("finetuned"),
    priority: 10
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("candidate"),
    params:
        code=code("checkpoints/finetune"),
        setting=lambda w: registry.grid(config, w.checkpoint)[w.setting],
        training=lambda w: beside_the_grid(w.checkpoint),
        seed=lambda w: seed_of(
            w.checkpoint,
            "finetune",
            *registry.grid(config, w.checkpoint)[w.setting].values(),
            key=w.setting,
        ),
    script:
        "../scripts/checkpoints/finetune.py"


rule select:
    """Take the candidate of lowest validation perplexity as the checkpoint."""
    input:
        models=lambda w: candidates_of(w.checkpoint),
        losses=lambda w: [f"{model}.csv" for model in candidates_of(w.checkpoint)],
    output:
        model=directory(path("{checkpoint}")),
    log:
        "results/logs/select/{checkpoint}.log",
    benchmark:
        "results/benchmarks/select/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=made_by("finetuned"),
    priority: 10
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    params:
        code=code("checkpoints/select_candidate"),
    script:
        "../scripts/checkpoints/select_candidate.py"


rule training_tables:
    """Tables 1 and 2: every setting tried with its validation perplexity, and the best."""
    input:
        losses=[
            f"{model}.csv"
            for name in in_use("finetuned")
            for model in candidates_of(name)
        ],
    output:
        table1="results/tables/table1.csv",
        table2="results/tables/table2.csv",
    log:
        "results/logs/training_tables.log",
    benchmark:
        "results/benchmarks/training_tables.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    params:
        code=code("tables/training_tables"),
        runs=[
            {"checkpoint": name, **setting}
            for name in in_use("finetuned")
            for setting in registry.grid(config, name).values()
        ],
    script:
        "../scripts/tables/training_tables.py"
