# Requires: the checkpoint to fine-tune, results/data/{attribute}/
# Produces: results/candidates/{checkpoint}/{setting}/, results/checkpoints/{checkpoint}/ of kind
#           finetuned


rule candidate:
    """Fine-tune a language model on some text with one setting of the grid (table 1)."""
    input:
        base=lambda w: paths.checkpoint(CHECKPOINTS[w.checkpoint]["of"]),
        train=lambda w: reading.finetuning_texts(config, w.checkpoint, "train"),
        validation=lambda w: reading.finetuning_texts(
            config, w.checkpoint, "validation"
        ),
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
        checkpoint=PLAN.checkpoints("finetuned"),
    # The experts are the longest way to the first texts: before the scorer, which is shorter.
    priority: 1
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("candidate"),
    params:
        code=code("checkpoints/finetune"),
        setting=lambda w: registry.grid(config, w.checkpoint)[w.setting],
        fixed_settings=lambda w: reading.training_settings(config, w.checkpoint),
        seed=lambda w: registry.seed(
            config,
            w.checkpoint,
            "finetune",
            *registry.grid(config, w.checkpoint)[w.setting].values(),
        ),
    script:
        "../../scripts/checkpoints/finetune.py"


rule select:
    """Take the candidate of lowest validation perplexity as the checkpoint."""
    input:
        candidates=lambda w: paths.candidates(config, w.checkpoint),
        losses=lambda w: [
            f"{model}.csv" for model in paths.candidates(config, w.checkpoint)
        ],
    output:
        model=directory(paths.checkpoint("{checkpoint}")),
    log:
        "results/logs/select/{checkpoint}.log",
    benchmark:
        "results/benchmarks/select/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=PLAN.checkpoints("finetuned"),
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("checkpoints/select_candidate"),
    script:
        "../../scripts/checkpoints/select_candidate.py"
