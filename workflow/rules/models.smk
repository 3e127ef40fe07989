# Requires: results/sources/ (or local paths), results/data/{attribute}/classifier/
# Produces: results/checkpoints/{checkpoint}/ of kinds source, permuted and classifier: HF
#           directories of safetensors; {checkpoint}_classifier.csv and _calibration.csv


rule convert:
    """Make an HF directory of safetensors; the one place where other weights are read."""
    input:
        source=lambda w: source_path(CHECKPOINTS[w.checkpoint]["source"]),
        files=lambda w: source_files(CHECKPOINTS[w.checkpoint]["source"]),
    output:
        model=directory(path("{checkpoint}")),
    log:
        "results/logs/convert/{checkpoint}.log",
    benchmark:
        "results/benchmarks/convert/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=made_by("source"),
    priority: 10
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("convert"),
    params:
        code=code("checkpoints/convert"),
        labels=lambda w: [
            scorer["labels"]
            for scorer in config["scorers"].values()
            if scorer["kind"] == "classifier" and scorer["model"] == w.checkpoint
        ],
    script:
        "../scripts/checkpoints/convert.py"


rule permute:
    """A model's twin: the same function, hidden units and heads in another order."""
    input:
        model=lambda w: path(CHECKPOINTS[w.checkpoint]["of"]),
    output:
        model=directory(path("{checkpoint}")),
    log:
        "results/logs/permute/{checkpoint}.log",
    benchmark:
        "results/benchmarks/permute/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=made_by("permuted"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("permute"),
    params:
        code=code("checkpoints/permute"),
        seed=lambda w: registry.names_of_seed(config, w.checkpoint, "permute"),
    script:
        "../scripts/checkpoints/permute.py"


rule train_classifier:
    """Fine-tune an encoder to tell an attribute's poles apart, on text that no expert sees."""
    input:
        encoder=lambda w: path(CHECKPOINTS[w.checkpoint]["of"]),
        train=lambda w: texts_of_classifier(w.checkpoint, "train"),
        validation=lambda w: texts_of_classifier(w.checkpoint, "validation"),
    output:
        model=directory(path("{checkpoint}")),
        losses="results/checkpoints/{checkpoint}.losses.csv",
    log:
        "results/logs/train_classifier/{checkpoint}.log",
    benchmark:
        "results/benchmarks/train_classifier/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=made_by("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("train_classifier"),
    params:
        code=code("checkpoints/train_classifier"),
        labels=lambda w: list(reversed(attribute_of(w.checkpoint).poles)),
        training=lambda w: registry.training(config, w.checkpoint),
        seed=lambda w: seed_of(w.checkpoint, "classifier"),
    script:
        "../scripts/checkpoints/train_classifier.py"


rule test_classifier:
    """Judge a trained classifier on held-out text of its domain and on rated text of others."""
    input:
        model=path("{checkpoint}"),
        texts=lambda w: texts_of_classifier(w.checkpoint, "test", high_first=True),
        others=lambda w: [
            source_path(name)
            for text in also_tested_on(w.checkpoint).values()
            for name in sources_of(text)
        ],
        files=lambda w: [
            file
            for text in also_tested_on(w.checkpoint).values()
            for name in sources_of(text)
            for file in source_files(name)
        ],
    output:
        summary="results/tables/{checkpoint}_classifier.csv",
        calibration="results/tables/{checkpoint}_calibration.csv",
    log:
        "results/logs/test_classifier/{checkpoint}.log",
    benchmark:
        "results/benchmarks/test_classifier/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=made_by("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("test_classifier"),
    params:
        code=code("tables/test_classifier"),
        own=lambda w: "+".join(sources_of(attribute_of(w.checkpoint).text)),
        poles=lambda w: list(attribute_of(w.checkpoint).poles),
        others=lambda w: {
            domain: by_source(text)
            for domain, text in also_tested_on(w.checkpoint).items()
        },
        max_tokens=lambda w: registry.training(config, w.checkpoint)["max_tokens"],
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/tables/test_classifier.py"
