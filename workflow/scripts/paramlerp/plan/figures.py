"""The inputs and params of each kind of figure: its table, titles, labels and symbols."""

from collections.abc import Iterable

from ..config import registry
from ..config.sweeps import Sweep
from ..weights import schemes
from . import paths
from .plan import Plan

#: what a figure's function returns: inputs by name, and params by name
Drawing = tuple[dict, dict]


def subscript(name: str) -> str:
    """The name with its digits as subscripts: g1 -> g₁."""
    return name.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def letter(coordinate: str) -> str:
    """What figures call a coordinate: alpha -> α."""
    return schemes.GREEK.get(coordinate, coordinate)


def axis_label(sweep: Sweep, symbols: dict[str, str]) -> str:
    """The label of a line's axis: "α in g₁(α) = αθ⁺ + (1−α)θ⁻"."""
    alpha, scheme = letter(sweep.coordinates[0]), sweep.schemes[0]
    return f"{alpha} in {subscript(scheme.title)}({alpha}) = {scheme.formula(symbols)}"


def line_labels(plan: Plan, name: str) -> dict:
    """How a figure labels a line: coordinate, axis, name, number, symbols of the models on it.

    `models` are all checkpoints at its points 0 and 1; `ends` are the same if there are two.
    """
    sweep, symbols = plan.sweeps[name], registry.symbols(plan.config)
    ends = sweep.schemes[0].ends()
    return {
        "coordinate": sweep.coordinates[0],
        "label": axis_label(sweep, symbols),
        "name": subscript(name),
        "look": plan.numbers[sweep.schemes[0].title],
        "models": {point: symbols[end] for point, end in ends.items()},
        "ends": {point: symbols[end] for point, end in ends.items()} if len(ends) == 2 else {},
    }


def scorer_title(plan: Plan, name: str, scorer: str) -> str:
    """What figures of a sweep call a scorer."""
    entry = plan.config["scorers"][scorer]
    attribute = plan.attributes.get(plan.sweeps[name].attribute)
    if "title" in entry:
        return entry["title"]
    if attribute and scorer == attribute.scorer:
        return f"Mean probability of {attribute.title}"
    if entry["kind"] == "perplexity":
        several = len(plan.scorers_of_kind(name, "perplexity")) > 1
        return f"Perplexity under {entry['model']}" if several else "Perplexity"
    if entry["kind"] == "tagger":
        return "Grammar: P(a word needs no edit)"
    return f"Mean score of {scorer}"


def scorer_titles(plan: Plan, name: str, scorers: list[str] | None = None) -> dict[str, str]:
    """Scorer -> title, for `scorers` or, if they are None, for all that have a panel.

    These are the attribute's, perplexities, then the others; second opinions have no panel.
    """
    if scorers is None:
        sweep = plan.sweeps[name]
        attribute = plan.attributes.get(sweep.attribute)
        first = [attribute.scorer] if attribute else []
        first += plan.scorers_of_kind(name, "perplexity")
        opinions = attribute.opinions if attribute else []
        scorers = [*first, *(s for s in sweep.scorers if s not in (*first, *opinions))]
    return {scorer: scorer_title(plan, name, scorer) for scorer in scorers}


def names_of_line(plan: Plan, name: str) -> dict[str, str]:
    """What a page for the terminal calls a line, the line's coordinate, and the attribute."""
    sweep = plan.sweeps[name]
    return {
        "coordinate": sweep.coordinates[0],
        "letter": letter(sweep.coordinates[0]),
        "line": axis_label(sweep, registry.symbols(plan.config)),
        "title": plan.attributes[sweep.attribute].title,
        "confidence": f"{plan.config['statistics']['confidence']:.0%}",
    }


def spoken(plan: Plan, name: str, scorers: Iterable[str]) -> dict[str, str]:
    """Scorer -> what sentences about a sweep call it."""
    attribute = plan.attributes.get(plan.sweeps[name].attribute)
    several = len(plan.scorers_of_kind(name, "perplexity")) > 1
    names = {}
    for scorer in scorers:
        entry = plan.config["scorers"][scorer]
        names[scorer] = scorer.replace("_", " ")
        if attribute and scorer == attribute.scorer:
            names[scorer] = attribute.title
        elif entry["kind"] == "perplexity":
            names[scorer] = f"perplexity under {entry['model']}" if several else "perplexity"
    return names


def references(plan: Plan, name: str, scorers: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of the scorers that are taggers, and the table of each: its scores of real text."""
    taggers = [scorer for scorer in plan.scorers_of_kind(name, "tagger") if scorer in scorers]
    attribute = plan.sweeps[name].attribute
    return taggers, [paths.table(f"{attribute}_{scorer}", "reference") for scorer in taggers]


def plane_labels(plan: Plan, sweep: Sweep) -> dict:
    """How a figure labels a plane: the fields of `planes.Plane`."""
    symbols, scheme = registry.symbols(plan.config), sweep.schemes[0]
    letters = [letter(name) for name in sweep.coordinates]
    models = {}
    for name in scheme.checkpoints:
        if position := scheme.locate({name: 1}):
            models[symbols[name]] = tuple(map(float, position))
    over = {s.title: subscript(name) for name in sweep.over for s in plan.sweeps[name].schemes}
    labels = []
    for short, coordinate in zip(letters, sweep.coordinates, strict=True):
        targets = [n for n, step in scheme.directions[coordinate].items() if step > 0]
        labels.append(f"{short} (weight of {' and '.join(symbols[n] for n in targets)})")
    return {
        "axes": list(sweep.coordinates),
        "labels": labels,
        "sum": " + ".join(letters),
        "models": models,
        "over": over,
        "looks": numbers(plan, over),
    }


def numbers(plan: Plan, names: Iterable[str]) -> dict[str, int]:
    """Scheme -> its number in the config, from which all figures take its look."""
    return {name: plan.numbers[name] for name in names}


def pair_title(plan: Plan, scheme: str) -> str:
    """What figures call a line between two checkpoints."""
    a, b = plan.schemes[scheme].ends().values()
    entry = plan.config["checkpoints"][b]
    if entry["kind"] == "finetuned" and entry["of"] == a:
        return f"{a} and its {' and '.join(entry['poles'])} expert"
    if entry["kind"] == "permuted" and entry["of"] == a:
        return f"{a} and its permuted copy"
    return f"{a} and {b}"


def pair_groups(plan: Plan, name: str) -> dict[str, dict[str, str]]:
    """First checkpoint -> the lines that start there, each with its title."""
    groups: dict[str, dict[str, str]] = {}
    for scheme, (a, _) in sorted(plan.sweeps[name].pair_ends().items()):
        groups.setdefault(a, {})[scheme] = pair_title(plan, scheme)
    return {a: groups[a] for a in sorted(groups, reverse=True)}


def of_a_prompt(sweep: Sweep) -> str:
    """What dist-n is taken over: it falls as a prompt has more texts, so titles say how many."""
    return f"a prompt's {sweep.samples} texts" if sweep.samples > 1 else "each text"


def intervals(plan: Plan, sweep: Sweep) -> dict:
    """What a figure and its caption say about intervals."""
    return {"confidence": plan.config["statistics"]["confidence"], "samples": sweep.samples}


def line(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """The scorers of a sweep along its line, and their change."""
    name = figure["sweep"]
    params = {"panels": scorer_titles(plan, name), "line": line_labels(plan, name)}
    params["spoken"] = spoken(plan, name, params["panels"])
    params["taggers"], tables = references(plan, name, params["panels"])
    differ = len(sweep.first_values) > 1  # a line of one point has an empty table
    inputs = {"table": paths.table(name)}
    inputs["differences"] = [paths.table(name, "differences")] if differ else []
    return {**inputs, "references": tables}, {**params, **intervals(plan, sweep)}


def next_words(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """The probabilities of an attribute's words along a line."""
    name, attribute = figure["sweep"], plan.attributes[sweep.attribute]
    params = {"prompt": attribute.next_words["prompt"], "line": line_labels(plan, name)}
    params |= {"high": attribute.high, "low": attribute.low}
    inputs = {end: paths.table(name, f"next_{end}") for end in ("words", "word_trends")}
    return inputs, params


def two_lines(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """The scorers of two sweeps, each along its line, the second shifted, and how they differ."""
    names = [figure["sweep"], figure["beside"]]
    params = {"panels": scorer_titles(plan, names[0])}
    params |= {"lines": [line_labels(plan, name) for name in names]}
    params |= {"shift": figure["shift"], "sweeps": names}
    params["spoken"] = spoken(plan, names[0], params["panels"])
    params["taggers"], tables = references(plan, names[0], params["panels"])
    inputs = {"first": paths.table(names[0]), "second": paths.table(names[1])}
    inputs |= {end: paths.table(figure["name"], end) for end in ("paired", "at_equal")}
    return {**inputs, "references": tables}, {**params, **intervals(plan, sweep)}


def ensemble(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """Mixed logits compared with mixed weights."""
    name, merged = figure["sweep"], plan.sweeps[sweep.against].schemes[0]
    scorers = [*plan.scorers_of_kind(name, "perplexity"), plan.attributes[sweep.attribute].scorer]
    formula = sweep.schemes[0].formula(registry.symbols(plan.config))
    label = f"{letter(sweep.coordinates[0])} in {formula}, of θ or of z"
    params = {
        "panels": scorer_titles(plan, name, scorers),
        "spoken": spoken(plan, name, scorers),
        "curves": {s.title: s.title.replace("_", " ") for s in sweep.schemes},
        "looks": {s.title: plan.numbers[s.title] for s in sweep.schemes},
        "line": {
            **line_labels(plan, name),
            "name": subscript(sweep.against),
            "label": label,
            "look": plan.numbers[merged.title],
        },
        "against": sweep.against,
    }
    inputs = {
        "differences": paths.table(name, "against"),
        "divergence": paths.table(name, "divergence"),
    }
    return inputs, {**params, **intervals(plan, sweep)}


def plane(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """An attribute and perplexity over a plane."""
    name, attribute = figure["sweep"], plan.attributes[sweep.attribute]
    title = attribute.title[0].upper() + attribute.title[1:]
    params = {"attribute": {attribute.scorer: title}}
    params["perplexities"] = scorer_titles(plan, name, plan.scorers_of_kind(name, "perplexity"))
    inputs = {"table": paths.table(name), "sums": paths.table(name, "sums")}
    return inputs, {**params, "plane": plane_labels(plan, sweep)}


def plane_losses(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """Losses over a plane, and across it by the sum of both coordinates."""
    name, attribute = figure["sweep"], plan.attributes.get(sweep.attribute)
    params = {"test_sets": sweep.losses, "plane": plane_labels(plan, sweep)}
    params["poles"] = {attribute.high: "high", attribute.low: "low"} if attribute else {}
    inputs = {"table": paths.table(name), "sums": paths.table(name, "sums")}
    return inputs, {**params, **intervals(plan, sweep)}


def differences(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """How far the two models of some pairs are apart."""
    titles = {scheme: pair_title(plan, scheme) for scheme in figure["schemes"]}
    params = {"titles": titles, "looks": numbers(plan, titles)}
    return {"table": paths.table(figure["sweep"], "differences")}, params


def pairs(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """Scorers, distinct words and losses along lines between two models, beside both models."""
    name = figure["sweep"]
    perplexities = scorer_titles(plan, name, plan.scorers_of_kind(name, "perplexity"))
    others = [scorer for scorer in sweep.scorers if scorer not in perplexities]
    panels = {scorer: f"{title} of the texts" for scorer, title in perplexities.items()}
    panels["dist1"] = f"Distinct words (dist-1) of {of_a_prompt(sweep)}"
    panels |= scorer_titles(plan, name, others)
    panels["loss"] = "Loss on held-out text, nats a token"
    alpha, groups = letter(sweep.coordinates[0]), pair_groups(plan, name)
    label = f"{alpha} in (1−{alpha})·a + {alpha}·b"
    params = {"panels": panels, "groups": groups}
    params["looks"] = numbers(plan, (scheme for group in groups.values() for scheme in group))
    params["line"] = {**line_labels(plan, name), "label": label}
    endings = {"table": "", "excess": "excess", "barriers": "barriers"}
    inputs = {name_: paths.table(name, ending) for name_, ending in endings.items()}
    return inputs, {**params, **intervals(plan, sweep)}


def pretraining(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """The losses of the models that a sweep's checkpoints were pretrained as."""
    entries = plan.config["checkpoints"]
    names = registry.with_parents(plan.config, sweep.checkpoints())
    names = [name for name in names if entries[name]["kind"] == "pretrained"]
    corpora = {name: entries[name]["corpus"] for name in names}
    inputs = {
        "losses": [f"{paths.checkpoint(name)}.losses.csv" for name in names],
        "baselines": [paths.BASELINES.format(corpus=c) for c in dict.fromkeys(corpora.values())],
    }
    return inputs, {"corpora": corpora}


def seeds(plan: Plan, figure: dict, sweep: Sweep) -> Drawing:
    """The scorers of a sweep along its line, with each seed of its experts."""
    name = figure["sweep"]
    by_seed = plan.by_seed(name)
    params = {"panels": scorer_titles(plan, name), "line": line_labels(plan, name)}
    params |= {"seeds": list(by_seed), "spoken": spoken(plan, name, params["panels"])}
    inputs = {
        "seeds": paths.table(name, "seeds"),
        "tables": [paths.table(copy) for copy in by_seed.values()],
    }
    return inputs, {**params, **intervals(plan, sweep)}


#: kind of figure (`shows` in the config) -> its function
KINDS = {
    "line": line,
    "next_words": next_words,
    "two_lines": two_lines,
    "ensemble": ensemble,
    "plane": plane,
    "plane_losses": plane_losses,
    "differences": differences,
    "pairs": pairs,
    "pretraining": pretraining,
    "seeds": seeds,
}


def drawing(plan: Plan, name: str) -> Drawing:
    """The inputs and params of a figure of the config, by name."""
    figure = {"name": name, **plan.config["figures"][name]}
    return KINDS[figure["shows"]](plan, figure, plan.sweeps[figure["sweep"]])
