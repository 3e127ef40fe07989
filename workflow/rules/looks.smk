# Requires: the names of common.smk and places.smk
# Produces: nothing; what figures are called, and the inputs and params of each kind of figure


def line_of(sweep):
    """How a figure labels a line: its coordinate, its axis, its name, the models at its ends."""
    own, symbols = SWEEPS[sweep], registry.symbols(config)
    ends = own.schemes[0].ends()
    return {
        "coordinate": own.coordinates[0],
        "label": sweeps.label_of(own, symbols),
        "name": sweeps.subscript(sweep),
        "ends": (
            {at: symbols[end] for at, end in ends.items()} if len(ends) == 2 else {}
        ),
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


def plane_of(own):
    """How a figure labels a plane: see `plotting.Plane`."""
    symbols, scheme = registry.symbols(config), own.schemes[0]
    letters = [schemes.GREEK.get(name, name) for name in own.coordinates]
    models = {}
    for name in scheme.checkpoints:
        if place := scheme.locate({name: 1}):
            models[symbols[name]] = tuple(map(float, place))
    labels = []
    for letter, coordinate in zip(letters, own.coordinates):
        to = [n for n, step in scheme.directions[coordinate].items() if step > 0]
        labels.append(f"{letter} (weight of {' and '.join(symbols[n] for n in to)})")
    look = {
        "axes": list(own.coordinates),
        "labels": labels,
        "sum": " + ".join(letters),
        "models": models,
        "over": [sweeps.subscript(name) for name in own.over],
    }
    return {"plane": look}


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


def table_of(sweep, kind=""):
    """A table of a sweep."""
    return f"results/tables/{sweep}{kind}.csv"


def line(figure, sweep):
    """A sweep's scorers along its line."""
    how = {"panels": titles_of(figure["sweep"]), "line": line_of(figure["sweep"])}
    return {"table": table_of(figure["sweep"])}, {**how, **intervals(sweep)}


def next_words_of(figure, sweep):
    """The probabilities of an attribute's words along a line."""
    attribute = ATTRIBUTES[sweep.attribute]
    how = {"prompt": attribute.next_words["prompt"], "line": line_of(figure["sweep"])}
    how |= {"high": attribute.high, "low": attribute.low}
    return {"words": table_of(figure["sweep"], "_next_words")}, how


def two_lines(figure, sweep):
    """A sweep's scorers along its line and along one beside it."""
    both = [figure["sweep"], figure["beside"]]
    how = {"panels": titles_of(both[0]), "lines": [line_of(name) for name in both]}
    how |= {"shift": figure["shift"], "sweeps": both}
    given = {"first": table_of(both[0]), "second": table_of(both[1])}
    return given, {**how, **intervals(sweep)}


def outputs_and_weights(figure, sweep):
    """Outputs added up against weights added up."""
    judges = scorers_in(sweep, "perplexity")
    own = line_of(figure["sweep"])
    formula = sweep.schemes[0].formula(registry.symbols(config))
    label = f"{own['label'].split()[0]} in {formula}, of θ or of z"
    how = {
        "panels": titles_of(
            figure["sweep"], *judges, ATTRIBUTES[sweep.attribute].scorer
        ),
        "curves": {s.title: s.title.replace("_", " ") for s in sweep.schemes},
        "line": {**own, "name": sweeps.subscript(sweep.against), "label": label},
        "against": sweep.against,
    }
    given = {
        "differences": table_of(figure["sweep"], "_against"),
        "divergence": table_of(figure["sweep"], "_divergence"),
    }
    return given, {**how, **intervals(sweep)}


def plane(figure, sweep):
    """An attribute and perplexity over a plane."""
    attribute = ATTRIBUTES[sweep.attribute]
    title = attribute.title[0].upper() + attribute.title[1:]
    judges = titles_of(figure["sweep"], *scorers_in(sweep, "perplexity"))
    how = {"attribute": {attribute.scorer: title}, "judges": judges}
    return {"table": table_of(figure["sweep"])}, {**how, **plane_of(sweep)}


def plane_losses(figure, sweep):
    """Losses over a plane."""
    how = {"sets": sweep.losses, **plane_of(sweep)}
    return {"table": table_of(figure["sweep"])}, how


def differences_of(figure, sweep):
    """How far the ends of some lines are apart."""
    titles = {scheme: title_of_pair(scheme) for scheme in figure["schemes"]}
    return {"table": table_of(figure["sweep"], "_differences")}, {"titles": titles}


def pairs(figure, sweep):
    """Scorers, distinct words and losses along lines between two models."""
    judges = titles_of(figure["sweep"], *scorers_in(sweep, "perplexity"))
    others = [name for name in sweep.scorers if name not in judges]
    panels = {name: f"{title} of the texts" for name, title in judges.items()}
    panels["dist2"] = "Distinct bigrams (dist-2)"
    panels |= titles_of(figure["sweep"], *others) if others else {}
    panels["loss"] = "Loss on held-out text, nats a token"
    own = line_of(figure["sweep"])
    letter = own["label"].split()[0]
    label = f"{letter} in (1−{letter})·a + {letter}·b"
    how = {"panels": panels, "groups": groups_of_pairs(figure["sweep"])}
    how["line"] = {**own, "label": label}
    return {"table": table_of(figure["sweep"])}, {**how, **intervals(sweep)}


def pretraining(figure, sweep):
    """The losses of what a sweep's models were pretrained with."""
    names = registry.with_parents(config, sweep.checkpoints())
    names = [name for name in names if CHECKPOINTS[name]["kind"] == "pretrained"]
    losses = [f"{path(name)}.losses.csv" for name in names]
    return {"losses": losses}, {"models": {n: CHECKPOINTS[n]["corpus"] for n in names}}


def intervals(sweep):
    """What a figure and its caption say of intervals."""
    return {"confidence": config["statistics"]["confidence"], "samples": sweep.samples}


#: what a figure shows -> the function of its entry and its sweep that gives inputs and params
DRAWN = {
    "line": line,
    "next_words": next_words_of,
    "two_lines": two_lines,
    "ensemble": outputs_and_weights,
    "plane": plane,
    "plane_losses": plane_losses,
    "differences": differences_of,
    "pairs": pairs,
    "pretraining": pretraining,
}
