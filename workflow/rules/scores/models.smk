# Requires: results/merged/ or results/checkpoints/, test text
# Produces: results/next_words/{attribute}/{scheme}/{point}.csv: one row per word;
#           results/losses/{scheme}/{point}.csv, results/divergence/{scheme}/{point}.csv: one row
#           per test text


rule next_words:
    """Probabilities of an attribute's words to come next after a prompt (figure 4)."""
    input:
        model=paths.MERGED,
    output:
        words=paths.NEXT_WORDS,
    log:
        "results/logs/next_words/{attribute}/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/next_words/{attribute}/{scheme}/{point}.tsv"
    wildcard_constraints:
        attribute=one_of(n for n, entry in ATTRIBUTES.items() if entry.next_words),
        scheme=one_of(PLAN.merged_schemes),
        point=PLAN.point,
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("next_words"),
    params:
        code=code("scores/next_words"),
        prompt=lambda w: ATTRIBUTES[w.attribute].next_words["prompt"],
        words=lambda w: {
            pole: ATTRIBUTES[w.attribute].next_words["words"][pole]
            for pole in ATTRIBUTES[w.attribute].poles
        },
    script:
        "../../scripts/scores/next_words.py"


rule losses:
    """NLL of test texts under the model at a point."""
    input:
        model=paths.MERGED,
        tests=lambda w: [
            paths.test_text(config, name) for name in PLAN.loss_sets[w.scheme]
        ],
    output:
        losses=paths.LOSSES,
    log:
        "results/logs/losses/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/losses/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(name for name in PLAN.merged_schemes if PLAN.loss_sets.get(name)),
        point=PLAN.point,
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("losses"),
    params:
        code=code("scores/losses"),
        test_sets=lambda w: PLAN.loss_sets[w.scheme],
        texts_per_set=config["test_texts"],
        max_tokens=config["finetuning"]["max_tokens"],
    script:
        "../../scripts/scores/losses.py"


rule line_losses:
    """NLL of test texts under the models of a line of points, merged in memory."""
    input:
        models=lambda w: [paths.checkpoint(c) for c in SCHEMES[w.scheme].checkpoints],
        tests=lambda w: [
            paths.test_text(config, name) for name in PLAN.loss_sets[w.scheme]
        ],
    output:
        losses=paths.LOSSES,
    log:
        "results/logs/line_losses/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/line_losses/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(name for name in PLAN.sweep_of_lines if PLAN.loss_sets.get(name)),
        point=PLAN.line,
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("line_losses"),
    params:
        code=code("scores/line_losses"),
        checkpoints=lambda w: SCHEMES[w.scheme].checkpoints,
        coordinate=lambda w: SCHEMES[w.scheme].coordinates[0],
        points=lambda w: measurements.line_coefficients(PLAN, w),
        test_sets=lambda w: PLAN.loss_sets[w.scheme],
        texts_per_set=config["test_texts"],
        max_tokens=config["finetuning"]["max_tokens"],
    script:
        "../../scripts/scores/line_losses.py"


rule divergence:
    """KL divergence of an ensemble's next-token distributions from those of merged weights."""
    input:
        models=lambda w: [paths.checkpoint(c) for c in SCHEMES[w.scheme].checkpoints],
        tests=lambda w: [
            paths.test_text(config, pole)
            for pole in ATTRIBUTES[PLAN.compared_with[w.scheme][1]].poles
        ],
        model=lambda w: f"results/merged/{PLAN.compared_with[w.scheme][0]}/{w.point}",
    output:
        divergence=paths.DIVERGENCE,
    log:
        "results/logs/divergence/{scheme}/{point}.log",
    benchmark:
        "results/benchmarks/divergence/{scheme}/{point}.tsv"
    wildcard_constraints:
        scheme=one_of(PLAN.compared_with),
        point=PLAN.point,
    conda:
        environment("torch")
    threads: 1
    resources:
        **request("divergence"),
    params:
        code=code("scores/divergence"),
        coefficients=PLAN.point_coefficients,
        test_sets=lambda w: list(ATTRIBUTES[PLAN.compared_with[w.scheme][1]].poles),
        texts_per_set=config["divergence_texts"],
        max_tokens=config["finetuning"]["max_tokens"],
    script:
        "../../scripts/scores/divergence.py"
