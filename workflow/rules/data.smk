# Requires: the sources of the config.
# Produces: results/sources/, results/data/{attribute}/{part}/{pole}/{split}.jsonl,
#           results/prompts/{prompts}.jsonl


rule fetch:
    """Download a source by its pinned name and unpack what is used of it."""
    output:
        files=directory("results/sources/{source}"),
    log:
        "results/logs/fetch/{source}.log",
    benchmark:
        "results/benchmarks/fetch/{source}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=more(1000),
        runtime=more(60),
    params:
        code=code("data/fetch"),
        source=lambda w: settings.location(config["sources"][w.source]),
        dataset=lambda w: "reader" in config["sources"][w.source],
        stream=lambda w: w.source in meaning.streamed(config),
    script:
        "../scripts/data/fetch.py"


for ATTRIBUTE, OWN in ATTRIBUTES.items():

    rule:
        """Cut an attribute's text into disjoint parts: for experts, a classifier, a judge of fluency."""
        name:
            f"split_{ATTRIBUTE}"
        input:
            sources=[source_path(name) for name in sources_of(OWN.text)],
            files=[file for name in sources_of(OWN.text) for file in source_files(name)],
        output:
            **{
                f"{name}_{pole}_{split}": part(ATTRIBUTE, name, pole, split)
                for name in PARTS
                if config["splitting"]["parts"][name] > 0
                for pole in OWN.poles
                for split in SPLITS
            },
        log:
            f"results/logs/split/{ATTRIBUTE}.log",
        benchmark:
            f"results/benchmarks/split/{ATTRIBUTE}.tsv"
        conda:
            environment("data")
        threads: 1
        resources:
            mem_mb=more(2000),
            runtime=more(30),
        params:
            code=code("data/split"),
            texts=by_source(OWN.text),
            poles=list(OWN.poles),
            splitting=config["splitting"],
            seed=config["seed"],
        script:
            "../scripts/data/split.py"


rule prompts:
    """Draw the openings that every point of a sweep continues."""
    input:
        source=lambda w: source_path(config["prompts"][w.prompts]["source"]),
        files=lambda w: source_files(config["prompts"][w.prompts]["source"]),
    output:
        prompts="results/prompts/{prompts}.jsonl",
    log:
        "results/logs/prompts/{prompts}.log",
    benchmark:
        "results/benchmarks/prompts/{prompts}.tsv"
    conda:
        environment("data")
    threads: 1
    resources:
        mem_mb=more(2000),
        runtime=more(30),
    params:
        code=code("data/prompts"),
        reading=lambda w: settings.reading(
            config["sources"][config["prompts"][w.prompts]["source"]]
        ),
        prompts=lambda w: {
            "count": config["prompts"][w.prompts]["count"],
            "words": config["prompts"][w.prompts]["words"],
            "selection": settings.selection(config["prompts"][w.prompts]),
        },
        seed=config["seed"],
    script:
        "../scripts/data/prompts.py"
