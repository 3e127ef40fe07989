# Requires: results/prompts/, results/data/{attribute}/scorer_passed.csv; results/merged/, or
#           results/checkpoints/ for ensembles and lines
# Produces: results/generations/{prompts}/{scheme}/{point}/samples={samples}.jsonl; for sweeps in
#           memory {point} is a line of points; results/examples/{sweep}.md


rule generate:
    """Continue every prompt with the model at a point."""
    input:
        model=paths.MERGED,
        prompts=paths.PROMPTS,
        passed=PLAN.passed,
    output:
        texts=paths.TEXTS,
    log:
        "results/logs/generate/{prompts}/{scheme}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/generate/{prompts}/{scheme}/{point}/{samples}.tsv"
    wildcard_constraints:
        scheme=one_of(PLAN.merged_schemes),
        point=PLAN.point,
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("generate"),
    params:
        code=code("texts/generate"),
        generation=reading.generation_settings(config),
        samples=lambda w: list(sweeps.sample_ids(w.samples)),
        seed=config["seed"],
    script:
        "../../scripts/texts/generate.py"


rule ensemble:
    """Continue every prompt with an ensemble: the models' logits are added up, not their weights."""
    input:
        models=lambda w: [paths.checkpoint(c) for c in SCHEMES[w.scheme].checkpoints],
        prompts=paths.PROMPTS,
        passed=PLAN.passed,
    output:
        texts=paths.TEXTS,
    log:
        "results/logs/ensemble/{prompts}/{scheme}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/ensemble/{prompts}/{scheme}/{point}/{samples}.tsv"
    wildcard_constraints:
        scheme=one_of(PLAN.ensemble_schemes),
        point=PLAN.point,
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("ensemble"),
    params:
        code=code("texts/ensemble"),
        coefficients=PLAN.point_coefficients,
        nucleus_of=lambda w: SCHEMES[w.scheme].nucleus_of,
        generation=reading.generation_settings(config),
        samples=lambda w: list(sweeps.sample_ids(w.samples)),
        seed=config["seed"],
    script:
        "../../scripts/texts/ensemble.py"


rule generate_line:
    """Merge the models of a line of points in memory, and continue every prompt with each."""
    input:
        models=lambda w: [paths.checkpoint(c) for c in SCHEMES[w.scheme].checkpoints],
        prompts=paths.PROMPTS,
        passed=PLAN.passed,
    output:
        texts=paths.TEXTS,
    log:
        "results/logs/generate_line/{prompts}/{scheme}/{point}/{samples}.log",
    benchmark:
        "results/benchmarks/generate_line/{prompts}/{scheme}/{point}/{samples}.tsv"
    wildcard_constraints:
        scheme=one_of(PLAN.sweep_of_lines),
        point=PLAN.line,
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("generate_line"),
    params:
        code=code("texts/generate_line"),
        checkpoints=lambda w: SCHEMES[w.scheme].checkpoints,
        coordinate=lambda w: SCHEMES[w.scheme].coordinates[0],
        points=lambda w: measurements.line_coefficients(PLAN, w),
        generation=reading.generation_settings(config),
        samples=lambda w: list(sweeps.sample_ids(w.samples)),
        seed=config["seed"],
    script:
        "../../scripts/texts/generate_line.py"


rule examples:
    """The continuations of the same prompts at every point, side by side."""
    input:
        texts=lambda w: measurements.files(
            PLAN,
            paths.TEXTS,
            SWEEPS[w.sweep].measurements(),
            SWEEPS[w.sweep].sample_ranges[:1],
        ),
    output:
        page="results/examples/{sweep}.md",
    log:
        "results/logs/examples/{sweep}.log",
    benchmark:
        "results/benchmarks/examples/{sweep}.tsv"
    wildcard_constraints:
        sweep=one_of(PLAN.point_sweeps),
    localrule: True
    conda:
        environment("analysis")
    threads: 1
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(10),
    params:
        code=code("texts/examples"),
        measurements=lambda w: SWEEPS[w.sweep].measurement_columns(),
        coordinate=lambda w: SWEEPS[w.sweep].coordinates[0],
    script:
        "../../scripts/texts/examples.py"
