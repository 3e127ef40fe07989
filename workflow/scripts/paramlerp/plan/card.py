"""What `export` writes into a model and its card: the params and inputs of its rule."""

from ..config import registry
from ..weights import naming
from . import figures, measurements, paths, provenance, reading
from .plan import Plan


def sweep(plan: Plan) -> str | None:
    """The sweep of an attribute that measured the exported scheme's line; None if none did."""
    scheme = plan.exported
    if len(scheme.coordinates) != 1:
        return None
    measured = (
        name
        for name, entry in plan.point_sweeps.items()
        if entry.attribute and entry.schemes[0].title == scheme.title
    )
    return next(measured, None)


def stated(plan: Plan) -> dict | None:
    """The point that the config states, as `pick` writes its choice; None: what `pick` chose."""
    point = plan.config["export"]["point"]
    if point is None:
        return None
    values = {name: naming.format_value(point[name]) for name in plan.exported.coordinates}
    coefficients = plan.coefficients(plan.exported.title, *values.values())
    return {"scheme": plan.exported.title, "point": values, "coefficients": coefficients}


def inputs(plan: Plan) -> dict:
    """What the card tells of: the choice, the line's table and texts, the scorer's test."""
    named: dict = {}
    if plan.config["export"]["point"] is None:
        named |= {"choice": paths.CHOICE, "report": paths.PICK}
    name = sweep(plan)
    if name:
        points = measurements.at_points(plan, name, plan.sweeps[name].prompts[0])
        ranges = plan.sweeps[name].sample_ranges[:1]
        named["table"] = [paths.table(name)]
        named["texts"] = measurements.files(plan, paths.TEXTS, points, ranges)
        judge = registry.scorer_checkpoint(plan.config["scorers"][_attribute(plan, name).scorer])
        if judge in registry.of_kind(plan.config, "classifier"):
            named["classifier"] = [paths.table(judge, "classifier")]
    return named


def settings(plan: Plan) -> dict:
    """How the model is written, and how its texts were generated."""
    export = plan.config["export"]
    return {
        "dtype": export["dtype"],
        "chat_template": export["chat_template"],
        "generation": reading.generation_settings(plan.config),
    }


def metrics(plan: Plan) -> dict[str, str]:
    """Columns of the line's table that the card shows, each with its title."""
    name = sweep(plan)
    return figures.scorer_titles(plan, name) if name else {}


def about(plan: Plan) -> dict:
    """What the card calls the line and its checkpoints, and the confidence of its intervals."""
    scheme, symbols = plan.exported, registry.symbols(plan.config)
    return {
        "line": f"{scheme.title} = {scheme.formula(symbols)}",
        "checkpoints": {n: describe(plan.config, n) for n in scheme.checkpoints},
        "confidence": f"{plan.config['statistics']['confidence']:.0%}",
    }


def describe(config: dict, name: str) -> str:
    """A checkpoint in words: what it was made from, and on what."""
    entry = config["checkpoints"][name]
    if entry["kind"] == "source":
        return f"the weights of {entry['source']}"
    if entry["kind"] == "finetuned":
        poles = ", ".join(entry["poles"])
        return f"{entry['of']}, fine-tuned on {poles} text of the attribute {entry['attribute']}"
    return entry["kind"]


def origins(plan: Plan) -> list[dict]:
    """The rows of `provenance.rows` that the exported scheme's checkpoints come from."""
    config = plan.config
    names = registry.with_parents(config, plan.exported.checkpoints)
    entries = [config["checkpoints"][name] for name in names]
    sources = {entry["source"] for entry in entries if "source" in entry}
    for entry in entries:
        if entry["kind"] == "finetuned":
            text = config["attributes"][entry["attribute"]]["text"]
            sources |= {text[pole]["source"] for pole in entry["poles"]}
    return [row for row in provenance.rows(config) if row["source"] in sources]


def _attribute(plan: Plan, name: str):
    return plan.attributes[plan.sweeps[name].attribute]
