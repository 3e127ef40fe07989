# Requires: the sources of models; checkpoints
# Produces: results/checkpoints/{checkpoint}/ of kinds source and permuted: HF directories of safetensors


rule convert:
    """Convert a source to an HF directory of safetensors; no other rule reads other formats."""
    input:
        source=lambda w: paths.source(config, CHECKPOINTS[w.checkpoint]["source"]),
        files=lambda w: paths.source_files(config, CHECKPOINTS[w.checkpoint]["source"]),
    output:
        model=directory(paths.checkpoint("{checkpoint}")),
    log:
        "results/logs/convert/{checkpoint}.log",
    benchmark:
        "results/benchmarks/convert/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=PLAN.checkpoints("source"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("convert"),
    params:
        code=code("checkpoints/convert"),
        separator=lambda w: CHECKPOINTS[w.checkpoint].get("separator"),
        labels=lambda w: [
            scorer["labels"]
            for scorer in config["scorers"].values()
            if scorer["kind"] == "classifier" and scorer["model"] == w.checkpoint
        ],
    script:
        "../../scripts/checkpoints/convert.py"


rule permute:
    """Permute hidden units and attention heads of a model, which keeps its function."""
    input:
        model=lambda w: paths.checkpoint(CHECKPOINTS[w.checkpoint]["of"]),
    output:
        model=directory(paths.checkpoint("{checkpoint}")),
    log:
        "results/logs/permute/{checkpoint}.log",
    benchmark:
        "results/benchmarks/permute/{checkpoint}.tsv"
    wildcard_constraints:
        checkpoint=PLAN.checkpoints("permuted"),
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("permute"),
    params:
        code=code("checkpoints/permute"),
        seed=lambda w: registry.names_of_seed(config, w.checkpoint, "permute"),
    script:
        "../../scripts/checkpoints/permute.py"
