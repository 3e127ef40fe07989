# Requires: the prompts' sources
# Produces: results/prompts/{prompts}.jsonl


rule prompts:
    """Draw the openings that every point of a sweep continues."""
    input:
        source=lambda w: paths.source(config, config["prompts"][w.prompts]["source"]),
        files=lambda w: paths.source_files(
            config, config["prompts"][w.prompts]["source"]
        ),
    output:
        prompts=paths.PROMPTS,
    log:
        "results/logs/prompts/{prompts}.log",
    benchmark:
        "results/benchmarks/prompts/{prompts}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(30),
    params:
        code=code("data/prompts"),
        reading=lambda w: entries.reading(
            config["sources"][config["prompts"][w.prompts]["source"]]
        ),
        drawing=lambda w: {
            "count": config["prompts"][w.prompts]["count"],
            "words": config["prompts"][w.prompts]["words"],
            "selection": entries.selection(config["prompts"][w.prompts]),
        },
        seed=config["seed"],
    script:
        "../../scripts/data/prompts.py"
