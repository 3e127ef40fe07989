# Requires: an encoder's checkpoint, results/data/{attribute}/, sources of other domains
# Produces: results/checkpoints/{checkpoint}/ of kind classifier, {checkpoint}.calibration.json;
#           results/data/{attribute}/scorer.csv, scorer_passed.csv


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
        settings=lambda w: reading.classifier_settings(config, w.checkpoint),
        seed=lambda w: registry.seed(config, w.checkpoint, "classifier"),
    script:
        "../../scripts/checkpoints/train_classifier.py"


rule calibrate:
    """Fit a classifier's probabilities to validation text of its domain and of others."""
    input:
        model=paths.checkpoint("{checkpoint}"),
        validation=lambda w: reading.classifier_texts(
            config, w.checkpoint, "validation"
        ),
        others=lambda w: [
            paths.source(config, name)
            for name in reading.other_sources(config, w.checkpoint)
        ],
        files=lambda w: paths.source_files(
            config, *reading.other_sources(config, w.checkpoint)
        ),
        prompts=lambda w: reading.prompt_files(
            config, reading.other_sources(config, w.checkpoint), PLAN.prompts_in_use
        ),
    output:
        calibration="results/checkpoints/{checkpoint}.calibration.json",
    log:
        "results/logs/calibrate/{checkpoint}.log",
    benchmark:
        "results/benchmarks/calibrate/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=PLAN.checkpoints("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("calibrate"),
    params:
        code=code("checkpoints/calibrate"),
        domain=lambda w: reading.own_domain(config, w.checkpoint),
        high=lambda w: reading.attribute_of(config, w.checkpoint)["poles"][0],
        others=lambda w: {
            domain: reading.by_source(config, text)
            for domain, text in reading.other_domains(config, w.checkpoint).items()
        },
        prompts=lambda w: reading.prompts_from(
            config, reading.other_sources(config, w.checkpoint), PLAN.prompts_in_use
        ),
        max_tokens=lambda w: registry.training(config, w.checkpoint)["max_tokens"],
        seed=config["seed"],
    script:
        "../../scripts/checkpoints/calibrate.py"


rule check_scorer:
    """Stop the run if an attribute's scorer cannot tell its poles apart."""
    input:
        model=lambda w: paths.checkpoint(
            config["scorers"][ATTRIBUTES[w.attribute].scorer]["model"]
        ),
        validation=lambda w: reading.validation_texts(config, w.attribute),
    output:
        check=paths.SCORER_CHECK,
    log:
        "results/logs/check_scorer/{attribute}.log",
    benchmark:
        "results/benchmarks/check_scorer/{attribute}.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("check_scorer"),
    params:
        code=code("checkpoints/check_scorer"),
        name=lambda w: ATTRIBUTES[w.attribute].scorer,
        scorer=lambda w: PLAN.classifier(ATTRIBUTES[w.attribute].scorer),
        min_auc=lambda w: config["attributes"][w.attribute]["min_auc"],
    script:
        "../../scripts/checkpoints/check_scorer.py"


rule pass_scorer:
    """Let texts be generated for an attribute, for good, once a scorer has passed its check."""
    input:
        check=check_to_pass,
    output:
        passed=paths.PASSED,
    log:
        "results/logs/pass_scorer/{attribute}.log",
    benchmark:
        "results/benchmarks/pass_scorer/{attribute}.tsv"
    localrule: True
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(500),
        runtime=per_attempt(10),
    params:
        code=code("checkpoints/pass_scorer"),
    script:
        "../../scripts/checkpoints/pass_scorer.py"
