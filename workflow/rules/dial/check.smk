# Requires: two HF directories, which the config keys model_a and model_b name
# Produces: results/check/: whether they mix, which the end of the run prints

SENTENCES = f"{workflow.basedir}/workflow/resources/sentences.txt"


rule check:
    """Say whether two models mix: what they are, their distance, the loss on the line between."""
    output:
        page=paths.CHECK,
        distances="results/check/distances.csv",
        losses="results/check/losses.csv",
    log:
        "results/logs/check.log",
    benchmark:
        "results/benchmarks/check.tsv"
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("check"),
    params:
        code=code("dial/check"),
        models=lambda w: reading.two_models(config),
        sentences=lambda w: reading.lines(SENTENCES),
        statistics=config["statistics"],
        seed=config["seed"],
        margin=config["barrier_margin"],
        max_tokens=config["finetuning"]["max_tokens"],
    script:
        "../../scripts/dial/check.py"
