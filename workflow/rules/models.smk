# Requires: results/sources/ (or local paths), results/data/classifier/ and language_model/
# Produces: results/base/, results/models/{model}/: HF directories of safetensors


rule convert:
    """Make an HF directory of safetensors; the one place where other weights are read."""
    input:
        source=lambda w: source_path(os.path.basename(w.model)),
        files=lambda w: source_files(os.path.basename(w.model)),
        code=code("convert"),
    output:
        model=directory("results/{model}"),
    log:
        "results/logs/convert/{model}.log",
    benchmark:
        "results/benchmarks/convert/{model}.tsv"
    priority: 10
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("convert"),
    params:
        labels=lambda w: [
            scorer["labels"]
            for scorer in config["scorers"].values()
            if scorer.get("model") == os.path.basename(w.model) and "labels" in scorer
        ],
    script:
        "../scripts/convert.py"


rule train_classifier:
    """Fine-tune an encoder to tell the poles apart, on text that no expert sees."""
    input:
        encoder=lambda w: model_dir(config["classifiers"][w.classifier]["encoder"]),
        positive=part("classifier", "positive", "train"),
        negative=part("classifier", "negative", "train"),
        positive_validation=part("classifier", "positive", "validation"),
        negative_validation=part("classifier", "negative", "validation"),
        code=code("train_classifier"),
    output:
        model=directory("results/models/{classifier}"),
        losses="results/models/{classifier}.losses.csv",
    log:
        "results/logs/train_classifier/{classifier}.log",
    benchmark:
        "results/benchmarks/train_classifier/{classifier}.tsv"
    wildcard_constraints:
        classifier=one_of(config["classifiers"]),
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("train_classifier"),
    params:
        training=lambda w: {
            key: value
            for key, value in config["classifiers"][w.classifier].items()
            if key != "also_test_on"
        },
        seed=config["seed"],
    script:
        "../scripts/train_classifier.py"


rule test_classifier:
    """Judge a trained classifier on held-out text of its domain and on rated text of others."""
    input:
        model="results/models/{classifier}",
        positive=part("classifier", "positive", "test"),
        negative=part("classifier", "negative", "test"),
        others=lambda w: [
            source_path(name)
            for name in config["classifiers"][w.classifier]["also_test_on"]
        ],
        files=lambda w: [
            file
            for name in config["classifiers"][w.classifier]["also_test_on"]
            for file in source_files(name)
        ],
        code=code("test_classifier"),
    output:
        summary="results/tables/{classifier}_classifier.csv",
        calibration="results/tables/{classifier}_calibration.csv",
    log:
        "results/logs/test_classifier/{classifier}.log",
    benchmark:
        "results/benchmarks/test_classifier/{classifier}.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("test_classifier"),
    params:
        own=config["corpus"]["source"],
        others=lambda w: {
            name: settings.reading(config["sources"][name])
            for name in config["classifiers"][w.classifier]["also_test_on"]
        },
        max_tokens=lambda w: config["classifiers"][w.classifier]["max_tokens"],
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/test_classifier.py"


rule language_model:
    """Fine-tune a judge of fluency on both poles, on text that no expert sees."""
    input:
        base=lambda w: model_dir(config["language_models"][w.language_model]["model"]),
        train=[part("language_model", pole, "train") for pole in POLES],
        validation=[part("language_model", pole, "validation") for pole in POLES],
        code=code("finetune"),
    output:
        model=directory("results/models/{language_model}"),
        losses="results/models/{language_model}.losses.csv",
    log:
        "results/logs/language_model/{language_model}.log",
    benchmark:
        "results/benchmarks/language_model/{language_model}.tsv"
    priority: 10
    conda:
        environment("torch")
    threads: 1
    resources:
        **asks("language_model"),
    params:
        setting=lambda w: {
            key: value
            for key, value in config["language_models"][w.language_model].items()
            if key != "model"
        },
        training=TRAINING,
        seed=config["seed"],
    script:
        "../scripts/finetune.py"
