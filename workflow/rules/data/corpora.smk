# Requires: the corpora's sources, results/prompts/ of the same sources
# Produces: results/corpora/{corpus}/, results/tokenizer/


rule corpus:
    """Join sources of text into a corpus for pretraining, and hold some of it out."""
    input:
        sources=lambda w: [
            paths.source(config, s) for s in CORPORA[w.corpus]["sources"]
        ],
        files=lambda w: paths.source_files(config, *CORPORA[w.corpus]["sources"]),
        prompts=lambda w: reading.prompt_files(
            config, CORPORA[w.corpus]["sources"], PLAN.prompts_in_use
        ),
    output:
        train=directory(paths.CORPUS),
        held_out=paths.HELD_OUT,
    log:
        "results/logs/corpus/{corpus}.log",
    benchmark:
        "results/benchmarks/corpus/{corpus}.tsv"
    wildcard_constraints:
        corpus=PLAN.corpora("texts"),
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=code("data/corpus"),
        readings=lambda w: reading.readings(config, CORPORA[w.corpus]["sources"]),
        prompts=lambda w: reading.prompts_from(
            config, CORPORA[w.corpus]["sources"], PLAN.prompts_in_use
        ),
        held_out_share=lambda w: CORPORA[w.corpus]["held_out"],
        seed=config["seed"],
    script:
        "../../scripts/data/corpus.py"


rule held_out:
    """Hold out the first texts of a stream's validation split; training reads the stream itself."""
    input:
        files=lambda w: reading.corpus_files(config, w.corpus),
    output:
        held_out=paths.HELD_OUT,
    log:
        "results/logs/held_out/{corpus}.log",
    benchmark:
        "results/benchmarks/held_out/{corpus}.tsv"
    wildcard_constraints:
        corpus=PLAN.corpora("stream"),
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=code("data/held_out"),
        documents=lambda w: reading.corpus_text(config, w.corpus),
        n_texts=max(
            config["pretraining"]["validation_texts"], config["test_texts"] or 0
        ),
    script:
        "../../scripts/data/held_out.py"


rule train_tokenizer:
    """Train one BPE tokenizer for all pretrained models."""
    input:
        corpora=reading.tokenizer_corpora(config),
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
        mem_mb=per_attempt(4000),
        runtime=per_attempt(60),
    params:
        code=code("data/train_tokenizer"),
        vocabulary=config["pretraining"]["tokenizer"].get("vocabulary"),
    script:
        "../../scripts/data/train_tokenizer.py"
