# Requires: results/corpora/, results/tokenizer/
# Produces: results/checkpoints/{checkpoint}/ of kind pretrained, its losses, samples and settings;
#           results/corpora/{corpus}/baselines.csv


rule pretrain:
    """Train a causal LM from scratch through `accelerate launch` (table 4)."""
    input:
        text=lambda w: reading.corpus_files(config, CHECKPOINTS[w.checkpoint]["corpus"]),
        held_out=lambda w: paths.HELD_OUT.format(
            corpus=CHECKPOINTS[w.checkpoint]["corpus"]
        ),
        tokenizer=(
            paths.checkpoint(config["pretraining"]["tokenizer"]["model"])
            if config["pretraining"]["tokenizer"]["kind"] == "model"
            else rules.train_tokenizer.output.tokenizer
        ),
    output:
        model=directory(paths.checkpoint("{checkpoint}")),
        losses="results/checkpoints/{checkpoint}.losses.csv",
        samples="results/checkpoints/{checkpoint}.samples.jsonl",
        used="results/checkpoints/{checkpoint}.settings.json",
        speed="results/benchmarks/pretrain/{checkpoint}.speed.csv",
    log:
        "results/logs/pretrain/{checkpoint}.log",
    benchmark:
        "results/benchmarks/pretrain/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=PLAN.checkpoints("pretrained"),
    conda:
        environment("torch")
    threads: PLAN.pretraining_threads
    resources:
        **request("pretrain"),
        # SLURM would otherwise spread the GPUs over several nodes.
        nodes=1,
    params:
        code=code("checkpoints/pretrain"),
        documents=lambda w: reading.corpus_text(
            config, CHECKPOINTS[w.checkpoint]["corpus"]
        ),
        architecture=config["pretraining"]["architecture"],
        settings=reading.pretraining_settings(config),
        seed=lambda w: registry.seed(config, w.checkpoint, "pretrain"),
        # All models of one corpus read the same text in the same order.
        order_seed=lambda w: registry.order(config),
        initialisation_seed=lambda w: registry.seed(config, w.checkpoint, "weights"),
    script:
        "../../scripts/checkpoints/pretrain.py"


rule baselines:
    """Losses of two guesses on a corpus' held-out text: uniform, and by counts of tokens."""
    input:
        text=lambda w: reading.corpus_files(config, w.corpus),
        held_out=paths.HELD_OUT,
        tokenizer=rules.pretrain.input.tokenizer,
    output:
        losses=paths.BASELINES,
    log:
        "results/logs/baselines/{corpus}.log",
    benchmark:
        "results/benchmarks/baselines/{corpus}.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=code("data/baselines"),
        documents=lambda w: reading.corpus_text(config, w.corpus),
        validation_texts=config["pretraining"]["validation_texts"],
        block=config["pretraining"]["block"],
    script:
        "../../scripts/data/baselines.py"
