# Requires: results/base/ (or another model), results/data/experts/
# Produces: results/candidates{of}/{pole}/{setting}/, results/experts{of}/{pole}/
#           where {of} is empty for theta0 and "-name" for a model of that name;
#           tables 1 and 2


rule candidate:
    """Fine-tune a model on one pole with one setting of the grid (table 1)."""
    input:
        base=lambda w: checkpoint_dir("base", w.of),
        train=[part("experts", "{pole}", "train")],
        validation=[part("experts", "{pole}", "validation")],
        code=code("finetune"),
    output:
        model=weights(
            "results/candidates{of}/{pole}/{setting}",
            config["experts"]["keep_candidates"],
        ),
        losses="results/candidates{of}/{pole}/{setting}.csv",
    log:
        "results/logs/candidate{of}/{pole}/{setting}.log",
    benchmark:
        "results/benchmarks/candidate{of}/{pole}/{setting}.tsv"
    priority: 10
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("candidate"),
    params:
        setting=lambda w: SETTINGS[w.setting],
        training=TRAINING,
        seed=config["seed"],
    script:
        "../scripts/finetune.py"


rule expert:
    """Take the candidate of lowest validation perplexity as the pole's expert."""
    input:
        models=expand("results/candidates{{of}}/{{pole}}/{setting}", setting=SETTINGS),
        losses=expand(
            "results/candidates{{of}}/{{pole}}/{setting}.csv", setting=SETTINGS
        ),
        code=code("select_expert"),
    output:
        model=directory("results/experts{of}/{pole}"),
    log:
        "results/logs/expert{of}/{pole}.log",
    benchmark:
        "results/benchmarks/expert{of}/{pole}.tsv"
    priority: 10
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    script:
        "../scripts/select_expert.py"


rule training_tables:
    """Tables 1 and 2: every setting tried with its validation perplexity, and the best."""
    input:
        losses=expand(
            "results/candidates/{pole}/{setting}.csv", pole=POLES, setting=SETTINGS
        ),
        code=code("training_tables"),
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
        runs=[
            {"pole": pole, **setting}
            for pole in POLES
            for setting in SETTINGS.values()
        ],
    script:
        "../scripts/training_tables.py"
