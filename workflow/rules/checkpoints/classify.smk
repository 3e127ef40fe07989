# Requires: an encoder's checkpoint, results/data/{attribute}/classifier/
# Produces: results/checkpoints/{checkpoint}/ of kind classifier


rule train_classifier:
    """Fine-tune an encoder to tell an attribute's poles apart, on text that no expert sees."""
    input:
        encoder=lambda w: paths.checkpoint(CHECKPOINTS[w.checkpoint]["of"]),
        train=lambda w: reading.classifier_texts(config, w.checkpoint, "train"),
        validation=lambda w: reading.classifier_texts(
            config, w.checkpoint, "validation"
        ),
    output:
        model=directory(paths.checkpoint("{checkpoint}")),
        losses="results/checkpoints/{checkpoint}.losses.csv",
    log:
        "results/logs/train_classifier/{checkpoint}.log",
    benchmark:
        "results/benchmarks/train_classifier/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=PLAN.checkpoints("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("train_classifier"),
    params:
        code=code("checkpoints/train_classifier"),
        labels=lambda w: list(
            reversed(reading.attribute_of(config, w.checkpoint)["poles"])
        ),
        settings=lambda w: registry.training(config, w.checkpoint),
        seed=lambda w: registry.seed(config, w.checkpoint, "classifier"),
    script:
        "../../scripts/checkpoints/train_classifier.py"
