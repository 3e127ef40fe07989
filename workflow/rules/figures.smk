# Requires: results/tables/; of pretrained models, their losses
# Produces: results/figures/{figure}.png and .svg, for each figure of the config


def line_of(sweep):
    """How a figure labels a line: its coordinate, its axis, its name, the models at its ends."""
    own, symbols = SWEEPS[sweep], registry.symbols(config)
    ends = own.schemes[0].ends()
    return {
        "coordinate": own.coordinates[0],
        "label": sweeps.label_of(own, symbols),
        "name": sweeps.subscript(sweep),
        "ends": {at: symbols[end] for at, end in ends.items()} if len(ends) == 2 else {},
    }


def titles_of(sweep, *names):
    """Scorer -> what figures call it; by default an attribute's, perplexities, then the others."""
    own = SWEEPS[sweep]
    attribute = ATTRIBUTES.get(own.attribute)
    judges = scorers_in(own, "perplexity")
    opinions = attribute.opinions if attribute else []
    if not names:
        first = [attribute.scorer] if attribute else []
        rest = [n for n in own.scorers if n not in (*first, *judges, *opinions)]
        names = [*first, *judges, *rest]
    titles = {}
    for name in names:
        scorer = config["scorers"][name]
        if "title" in scorer:
            titles[name] = scorer["title"]
        elif attribute and name == attribute.scorer:
            titles[name] = f"Mean probability of {attribute.title}"
        elif scorer["kind"] == "perplexity":
            several = f" under {scorer['model']}" if len(judges) > 1 else ""
            titles[name] = f"Perplexity{several}"
        elif scorer["kind"] == "tagger":
            titles[name] = "Grammar: P(a word needs no edit)"
        else:
            titles[name] = f"Mean score of {name}"
    return titles


def plane_of(sweep):
    """How a figure labels a plane: see `plotting.Plane`."""
    own, symbols = SWEEPS[sweep], registry.symbols(config)
    scheme = own.schemes[0]
    letters = [schemes.GREEK.get(name, name) for name in own.coordinates]
    models = {}
    for name in scheme.checkpoints:
        if place := scheme.locate({name: 1}):
            models[symbols[name]] = tuple(map(float, place))
    labels = []
    for letter, coordinate in zip(letters, own.coordinates):
        to = [n for n, step in scheme.directions[coordinate].items() if step > 0]
        labels.append(f"{letter} (weight of {' and '.join(symbols[n] for n in to)})")
    return {
        "axes": list(own.coordinates),
        "labels": labels,
        "sum": " + ".join(letters),
        "models": models,
        "over": [sweeps.subscript(name) for name in own.over],
    }


def title_of_pair(scheme):
    """What figures call a line between two checkpoints."""
    a, b = SCHEMES[scheme].ends().values()
    own = CHECKPOINTS[b]
    if own["kind"] == "finetuned" and own["of"] == a:
        return f"{a} and its {' and '.join(own['poles'])} expert"
    if own["kind"] == "permuted" and own["of"] == a:
        return f"{a} and its permuted copy"
    return f"{a} and {b}"


def groups_of_pairs(sweep):
    """The lines of a sweep by the checkpoint that they start from, each with its title."""
    groups = {}
    for scheme, (a, _) in sorted(ends_of(sweep).items()):
        groups.setdefault(a, {})[scheme] = title_of_pair(scheme)
    return {a: groups[a] for a in sorted(groups, reverse=True)}


def drawn(figure):
    """The inputs and the params of a figure, by what it shows."""
    sweep, tables = figure["sweep"], "results/tables"
    own = SWEEPS[sweep]
    attribute = ATTRIBUTES.get(own.attribute)
    table = {"table": f"{tables}/{sweep}.csv"}
    how = {"confidence": config["statistics"]["confidence"]}
    # What the caption says.
    said = {"sweep": sweep, "samples": own.samples, **config["statistics"]}
    if figure["shows"] == "line":
        panels = titles_of(sweep)
        return table, {**how, "panels": panels, "line": line_of(sweep), "said": said}
    if figure["shows"] == "next_words":
        words = {"words": f"{tables}/{sweep}_next_words.csv"}
        how = {"prompt": attribute.next_words["prompt"], "high": attribute.high}
        return words, {**how, "line": line_of(sweep), "said": {**said, "low": attribute.low}}
    if figure["shows"] == "two_lines":
        beside = figure["beside"]
        both = {"first": f"{tables}/{sweep}.csv", "second": f"{tables}/{beside}.csv"}
        lines = [line_of(sweep), line_of(beside)]
        how |= {"panels": titles_of(sweep), "lines": lines, "shift": figure["shift"]}
        return both, {**how, "said": {**said, "beside": beside}}
    if figure["shows"] == "ensemble":
        both = {
            "differences": f"{tables}/{sweep}_against.csv",
            "divergence": f"{tables}/{sweep}_divergence.csv",
        }
        judges = scorers_in(own, "perplexity")
        curves = {s.title: s.title.replace("_", " ") for s in own.schemes}
        letter, symbols = line_of(sweep)["label"].split()[0], registry.symbols(config)
        line = {**line_of(sweep), "name": sweeps.subscript(own.against)}
        line["label"] = f"{letter} in {own.schemes[0].formula(symbols)}, of θ or of z"
        panels = titles_of(sweep, *judges, attribute.scorer)
        how |= {"panels": panels, "curves": curves, "line": line}
        return both, {**how, "said": {**said, "against": own.against}}
    if figure["shows"] == "plane":
        title = attribute.title[0].upper() + attribute.title[1:]
        judges = titles_of(sweep, *scorers_in(own, "perplexity"))
        how = {"attribute": {attribute.scorer: title}, "judges": judges}
        return table, {**how, "plane": plane_of(sweep), "said": said}
    if figure["shows"] == "plane_losses":
        return table, {"sets": own.losses, "plane": plane_of(sweep), "said": said}
    if figure["shows"] == "differences":
        titles = {scheme: title_of_pair(scheme) for scheme in figure["schemes"]}
        return {"table": f"{tables}/{sweep}_differences.csv"}, {"titles": titles, "said": said}
    if figure["shows"] == "pairs":
        judges = titles_of(sweep, *scorers_in(own, "perplexity"))
        others = titles_of(sweep, *(n for n in own.scorers if n not in judges))
        panels = {name: f"{title} of the texts" for name, title in judges.items()}
        panels |= {"dist2": "Distinct bigrams (dist-2)", **others}
        panels["loss"] = "Loss on held-out text, nats a token"
        letter = line_of(sweep)["label"].split()[0]
        line = {**line_of(sweep), "label": f"{letter} in (1−{letter})·a + {letter}·b"}
        how |= {"groups": groups_of_pairs(sweep), "panels": panels, "line": line}
        return table, {**how, "said": said}
    losses = [f"{path(name)}.losses.csv" for name in pretrained_of(sweep)]
    models = {name: CHECKPOINTS[name]["corpus"] for name in pretrained_of(sweep)}
    return {"losses": losses}, {"models": models, "said": said}


def pretrained_of(sweep):
    """The pretrained checkpoints that a sweep's are or come from."""
    names = registry.with_parents(config, SWEEPS[sweep].checkpoints())
    return [name for name in names if CHECKPOINTS[name]["kind"] == "pretrained"]


for FIGURE, OWN in config["figures"].items():
    GIVEN, PARAMS = drawn(OWN)

    rule:
        """Draw a figure of a sweep."""
        name:
            FIGURE
        input:
            **GIVEN,
        output:
            png=report(
                f"results/figures/{FIGURE}.png",
                caption=f"{workflow.basedir}/workflow/report/{OWN['shows']}.rst",
                category="Figures",
            ),
            svg=f"results/figures/{FIGURE}.svg",
        log:
            f"results/logs/{FIGURE}.log",
        benchmark:
            f"results/benchmarks/{FIGURE}.tsv"
        conda:
            environment("analysis")
        threads: 1
        resources:
            mem_mb=more(1000),
            runtime=more(10),
        params:
            **PARAMS,
            shows=OWN["shows"],
            code=code(f"figure_{OWN['shows']}"),
        script:
            # Read as a job runs, long after this loop: so by a param.
            "../scripts/figure_{params.shows}.py"
