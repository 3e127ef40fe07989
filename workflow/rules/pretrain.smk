# Requires: the sources of the config
# Produces: results/corpora/{corpus}/, results/tokenizer/, results/checkpoints/{checkpoint}/ of
#           kind pretrained with its losses and samples; table 4


rule corpus:
    """Put sources together as text to pretrain on, some of it held out."""
    input:
        sources=lambda w: [source_path(s) for s in CORPORA[w.corpus]["sources"]],
        files=lambda w: [
            f for s in CORPORA[w.corpus]["sources"] for f in source_files(s)
        ],
    output:
        train=directory("results/corpora/{corpus}/train"),
        held_out="results/corpora/{corpus}/held_out.jsonl",
    log:
        "results/logs/corpus/{corpus}.log",
    benchmark:
        "results/benchmarks/corpus/{corpus}.tsv"
    wildcard_constraints:
        corpus=one_of(n for n, c in CORPORA.items() if c["kind"] == "texts"),
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("data/corpus"),
        readings=lambda w: readings(CORPORA[w.corpus]["sources"]),
        held_out=lambda w: CORPORA[w.corpus]["held_out"],
        seed=config["seed"],
    script:
        "../scripts/data/corpus.py"


rule held_out:
    """The first texts of a stream's validation split; the rest is read as it is used."""
    input:
        files=lambda w: text_files(w.corpus),
    output:
        held_out="results/corpora/{corpus}/held_out.jsonl",
    log:
        "results/logs/held_out/{corpus}.log",
    benchmark:
        "results/benchmarks/held_out/{corpus}.tsv"
    wildcard_constraints:
        corpus=one_of(n for n, c in CORPORA.items() if c["kind"] == "stream"),
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("data/held_out"),
        text=lambda w: text_of_corpus(w.corpus),
        n_texts=max(
            config["pretraining"]["validation_texts"], config["test_texts"] or 0
        ),
    script:
        "../scripts/data/held_out.py"


rule train_tokenizer:
    """Train one BPE tokenizer for all models that are pretrained here."""
    input:
        corpora=[
            f"results/corpora/{name}/train"
            for name in config["pretraining"]["tokenizer"].get("corpora", [])
        ],
    output:
        tokenizer=directory("results/tokenizer"),
    log:
        "results/logs/train_tokenizer.log",
    benchmark:
        "results/benchmarks/train_tokenizer.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        mem_mb=more(4000),
        runtime=more(60),
    params:
        code=code("data/train_tokenizer"),
        vocabulary=config["pretraining"]["tokenizer"].get("vocabulary"),
    script:
        "../scripts/data/train_tokenizer.py"


PROCESSES = config["pretraining"]["processes"]


rule pretrain:
    """Train a causal LM from scratch through `accelerate launch` (table 4)."""
    input:
        text=lambda w: text_files(CHECKPOINTS[w.checkpoint]["corpus"]),
        held_out=lambda w: held_out(CHECKPOINTS[w.checkpoint]["corpus"]),
        tokenizer=(
            path(config["pretraining"]["tokenizer"]["model"])
            if config["pretraining"]["tokenizer"]["kind"] == "model"
            else rules.train_tokenizer.output.tokenizer
        ),
    output:
        model=directory(path("{checkpoint}")),
        losses="results/checkpoints/{checkpoint}.losses.csv",
        samples="results/checkpoints/{checkpoint}.samples.jsonl",
        used="results/checkpoints/{checkpoint}.settings.json",
        speed="results/benchmarks/pretrain/{checkpoint}.speed.csv",
    log:
        "results/logs/pretrain/{checkpoint}.log",
    benchmark:
        "results/benchmarks/pretrain/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=made_by("pretrained"),
    priority: 8
    conda:
        environment("torch")
    threads: PROCESSES * (4 if config["resources"]["pretrain"]["gpu"] else 1)
    resources:
        **asks("pretrain"),
        # All its GPUs, or SLURM may spread them.
        nodes=1,
    params:
        code=code("checkpoints/pretrain"),
        text=lambda w: text_of_corpus(CHECKPOINTS[w.checkpoint]["corpus"]),
        architecture=config["pretraining"]["architecture"],
        pretraining={
            key: config["pretraining"][key]
            for key in (
                "learning_rate",
                "weight_decay",
                "betas",
                "epsilon",
                "warmup_steps",
                "steps",
                "effective_batch",
                "device_batch",
                "block",
                "clip",
                "evaluate_every",
                "validation_texts",
                "processes",
            )
        },
        seed=lambda w: seed_of(w.checkpoint, "pretrain", key="training"),
        # Of one corpus all models read the same text in the same order.
        order=lambda w: registry.order(config, w.checkpoint),
        initialisation=lambda w: seed_of(w.checkpoint, "weights", key="weights"),
    script:
        "../scripts/checkpoints/pretrain.py"


rule pretraining_table:
    """Table 4: what models were really pretrained with."""
    input:
        used=[f"{path(name)}.settings.json" for name in in_use("pretrained")],
        losses=[f"{path(name)}.losses.csv" for name in in_use("pretrained")],
    output:
        table4="results/tables/table4.csv",
    log:
        "results/logs/pretraining_table.log",
    benchmark:
        "results/benchmarks/pretraining_table.tsv"
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=more(500),
        runtime=more(10),
    params:
        code=code("tables/pretraining_table"),
        models={name: CHECKPOINTS[name]["corpus"] for name in in_use("pretrained")},
    script:
        "../scripts/tables/pretraining_table.py"
