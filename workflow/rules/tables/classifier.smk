# Requires: a classifier's checkpoint, held-out text, sources of other domains
# Produces: results/tables/{checkpoint}_classifier.csv, {checkpoint}_calibration.csv


rule test_classifier:
    """Test a trained classifier on held-out text of its domain and on rated text of others."""
    input:
        model=paths.checkpoint("{checkpoint}"),
        calibration=lambda w: paths.calibrations(config, w.checkpoint),
        texts=lambda w: reading.classifier_texts(config, w.checkpoint, "test"),
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
        summary="results/tables/{checkpoint}_classifier.csv",
        calibration="results/tables/{checkpoint}_calibration.csv",
    log:
        "results/logs/test_classifier/{checkpoint}.log",
    benchmark:
        "results/benchmarks/test_classifier/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=PLAN.checkpoints("classifier"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("test_classifier"),
    params:
        code=code("tables/test_classifier"),
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
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../../scripts/tables/test_classifier.py"
