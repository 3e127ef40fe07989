"""The files of a sweep's measurements: inputs of the rules that make tables."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..config import sweeps
from ..weights import naming
from . import paths
from .plan import Plan


class Measured(NamedTuple):
    """A measurement (scheme, prompts and coordinates, of a point or of a line) and its files."""

    measurement: dict[str, str]
    sample_ranges: list[str]


def point_name(plan: Plan, measurement: dict) -> str:
    """The name of a measurement's point, or of its line, in paths."""
    values = {k: v for k, v in measurement.items() if k not in ("prompts", "scheme")}
    if len(values) < len(plan.schemes[measurement["scheme"]].coordinates):
        return naming.line_name(values)
    return naming.point_name(values)


def files(
    plan: Plan,
    pattern: str,
    measurements: Iterable[dict],
    sample_ranges: Sequence[str | None] = (None,),
    **wildcards: str,
) -> list[str]:
    """The files of a path's pattern at measurements, and for each range of samples."""
    return [
        pattern.format(
            prompts=measurement.get("prompts"),
            scheme=measurement["scheme"],
            point=point_name(plan, measurement),
            samples=samples,
            **wildcards,
        )
        for measurement in measurements
        for samples in sample_ranges
    ]


def texts_and_scores(
    plan: Plan, measured: Iterable[Measured], scorers: Sequence[str], prefix: str = ""
) -> dict[str, list[str]]:
    """Named inputs: "texts" and each scorer, with a prefix -> files in measurements' order."""
    measured = list(measured)
    patterns = {"texts": (paths.TEXTS, {})}
    patterns |= {scorer: (paths.SCORES, {"scorer": scorer}) for scorer in scorers}
    return {
        f"{prefix}{name}": [
            file
            for measurement, sample_ranges in measured
            for file in files(plan, pattern, [measurement], sample_ranges, **wildcards)
        ]
        for name, (pattern, wildcards) in patterns.items()
    }


def of_sweep(plan: Plan, name: str) -> dict[str, list[str]]:
    """Texts and scores of a sweep as named inputs: of its points, or of its lines."""
    sweep = plan.sweeps[name]
    measurements = sweep.line_measurements() if sweep.in_memory else sweep.measurements()
    measured = [Measured(measurement, sweep.sample_ranges) for measurement in measurements]
    return texts_and_scores(plan, measured, sweep.scorers)


def at_points(plan: Plan, name: str, prompts: str | None = None) -> list[dict[str, str]]:
    """The measurements of a sweep's first scheme with one set of prompts."""
    sweep = plan.sweeps[name]
    fixed = {"prompts": prompts, "scheme": sweep.schemes[0].title}
    return [{**fixed, **point} for point in sweep.points()]


def values_between(plan: Plan, name: str) -> list[str]:
    """The values of a line's coordinate from one of its two checkpoints (0) to the other (1)."""
    return [value for value in plan.sweeps[name].first_values if 0 <= float(value) <= 1]


def between(plan: Plan, name: str, prompts: str | None = None) -> list[dict[str, str]]:
    """`at_points`, from one of the line's two checkpoints to the other."""
    coordinate = plan.sweeps[name].coordinates[0]
    values = values_between(plan, name)
    return [m for m in at_points(plan, name, prompts) if m[coordinate] in values]


def perplexities_between(plan: Plan, name: str) -> list[str]:
    """Perplexity scores `between`: by scorer, then by set of prompts, then by point."""
    sweep = plan.sweeps[name]
    return [
        file
        for scorer in plan.scorers_of_kind(name, "perplexity")
        for prompts in sweep.prompts
        for file in files(
            plan,
            paths.SCORES,
            between(plan, name, prompts),
            sweep.sample_ranges,
            scorer=scorer,
        )
    ]


def first_ranges(sweep: sweeps.Sweep, samples: int) -> list[str]:
    """The ranges of a sweep's samples that hold any of the first `samples`."""
    return [r for r in sweep.sample_ranges if sweeps.sample_ids(r)[0] < samples]


def sides(plan: Plan, name: str) -> dict[str, list[Measured]]:
    """An ensemble's measurements, "logits", and those of merged weights there, "weights"."""
    sweep = plan.sweeps[name]
    merged = plan.sweeps[sweep.against]
    scheme, ranges = merged.schemes[0].title, first_ranges(merged, sweep.samples)
    return {
        "weights": [Measured({**m, "scheme": scheme}, ranges) for m in sweep.measurements()],
        "logits": [Measured(m, sweep.sample_ranges) for m in sweep.measurements()],
    }


def of_sides(plan: Plan, name: str) -> dict[str, list[str]]:
    """Texts and scores of `sides` as named inputs."""
    return _by_side(plan, sides(plan, name), plan.sweeps[name].scorers)


def two_lines(plan: Plan, figure: str) -> dict[str, list[Measured]]:
    """All points of the two lines of a figure, with the prompts and samples that both have."""
    entry = plan.config["figures"][figure]
    lines = {"first": plan.sweeps[entry["sweep"]], "second": plan.sweeps[entry["beside"]]}
    samples = min(sweep.samples for sweep in lines.values())
    shared = set.intersection(*(set(sweep.prompts) for sweep in lines.values()))
    return {
        side: [
            Measured(measurement, first_ranges(sweep, samples))
            for measurement in sweep.measurements()
            if measurement["prompts"] in shared
        ]
        for side, sweep in lines.items()
    }


def of_two_lines(plan: Plan, figure: str) -> dict[str, list[str]]:
    """Texts and scores of `two_lines` as named inputs."""
    return _by_side(plan, two_lines(plan, figure), sweep_of(plan, figure).scorers)


def points_of_two_lines(plan: Plan, figure: str) -> dict[str, list[dict[str, str]]]:
    """The prompts and the coordinate (`at`) of the points of `two_lines`, in their order."""
    return {
        side: [
            {"prompts": m["prompts"], "at": m[plan.schemes[m["scheme"]].coordinates[0]]}
            for m, _ in measured
        ]
        for side, measured in two_lines(plan, figure).items()
    }


def sweep_of(plan: Plan, figure: str) -> sweeps.Sweep:
    """The sweep that a figure shows."""
    return plan.sweeps[plan.config["figures"][figure]["sweep"]]


def _by_side(
    plan: Plan, measured: dict[str, list[Measured]], scorers: Sequence[str]
) -> dict[str, list[str]]:
    """`texts_and_scores` of several sides, with their names as prefixes."""
    return {
        key: value
        for side, of_side in measured.items()
        for key, value in texts_and_scores(plan, of_side, scorers, f"{side}_").items()
    }


def of_seeds(plan: Plan, name: str) -> dict[str, list[str]]:
    """The tables of a sweep with each seed as named inputs: "tables" and "differences".

    Sweeps in memory have no differences between points, nor have lines of one point.
    """
    sweep, with_seeds = plan.sweeps[name], plan.by_seed(name).values()
    differ = not sweep.in_memory and len(sweep.first_values) > 1
    return {
        "tables": [paths.table(copy) for copy in with_seeds],
        "differences": [paths.table(copy, "differences") for copy in with_seeds if differ],
    }


def of_first(plan: Plan) -> dict[str, list[str]]:
    """Texts and the attribute's scores at the points of `first`: each point's first file."""
    first = plan.config["first"]
    name, sweep = first["sweep"], plan.sweeps[first["sweep"]]
    values = sweeps.first_points(first, sweep)
    points = at_points(plan, name, sweep.prompts[0])
    measured = [
        Measured(point, sweep.sample_ranges[:1])
        for point in points
        if point[sweep.coordinates[0]] in values
    ]
    scorer = plan.attributes[sweep.attribute].scorer
    return texts_and_scores(plan, measured, [scorer])


def aim_of_pick(plan: Plan) -> dict:
    """What `pick` looks for: the scorers of the attribute and of perplexity, and their bounds."""
    pick = plan.config["pick"]
    attribute = plan.attributes[plan.sweeps[pick["sweep"]].attribute]
    return {
        "attribute": attribute.scorer,
        "perplexity": plan.scorers_of_kind(pick["sweep"], "perplexity")[0],
        "sign": 1 if pick["pole"] == attribute.high else -1,
        "level": pick["level"],
        "cost": pick["cost"],
    }


def kinds_of_pick(plan: Plan) -> dict[str, str]:
    """The two scorers of `aim_of_pick`, each with its kind."""
    aim, kinds = aim_of_pick(plan), plan.scorer_kinds(plan.config["pick"]["sweep"])
    return {name: kinds[name] for name in (aim["attribute"], aim["perplexity"])}


def of_pick(plan: Plan) -> dict[str, list[str]]:
    """Texts and both scores at all points of the line of `pick`, with its first prompts."""
    name = plan.config["pick"]["sweep"]
    sweep = plan.sweeps[name]
    points = at_points(plan, name, sweep.prompts[0])
    measured = [Measured(point, sweep.sample_ranges) for point in points]
    return texts_and_scores(plan, measured, kinds_of_pick(plan))


class Overlay(NamedTuple):
    """A measurement of another sweep that lies on a plane: its columns there, and its files."""

    columns: dict[str, str]
    measured: Measured


def overlays(plan: Plan, name: str) -> list[Overlay]:
    """The measurements of other sweeps that are drawn over a plane."""
    plane, points_on_plane = plan.sweeps[name], []
    for other in map(plan.sweeps.get, plane.over):
        ranges = first_ranges(other, plane.samples)
        for measurement in other.measurements():
            if measurement["prompts"] not in plane.prompts:
                continue
            scheme = plan.schemes[measurement["scheme"]]
            point = [measurement[coordinate] for coordinate in scheme.coordinates]
            position = plane.schemes[0].locate(scheme.coefficients(*point))
            if position:
                columns = {key: measurement[key] for key in ("scheme", "prompts")}
                columns |= dict(zip(plane.coordinates, position, strict=True))
                points_on_plane.append(Overlay(columns, Measured(measurement, ranges)))
    return points_on_plane


def own_values(plan: Plan, name: str, line: dict[str, str]) -> list[str]:
    """Values of the first coordinate on a line of a sweep in memory, at which it makes texts.

    Not those of points that sweeps drawn over a plane measure with all of the plane's prompts.
    `line` has the values of the line's other coordinates.
    """
    sweep = plan.sweeps[name]
    prompts: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for overlay in overlays(plan, name):
        prompts[tuple(overlay.columns[c] for c in sweep.coordinates)].add(
            overlay.columns["prompts"]
        )
    shared = {point for point, measured in prompts.items() if measured >= set(sweep.prompts)}
    rest = [line[coordinate] for coordinate in sweep.coordinates[1:]]
    return [value for value in sweep.first_values if (value, *rest) not in shared]


def own_lines(plan: Plan, name: str) -> list[dict[str, str]]:
    """The lines of a sweep in memory that have any `own_values`."""
    lines = plan.sweeps[name].line_measurements()
    return [line for line in lines if own_values(plan, name, line)]


def line_coefficients(plan: Plan, wildcards) -> dict[str, dict[str, str]]:
    """Value of the first coordinate -> coefficients, for the own points of a job's line."""
    name = plan.sweep_of_lines[wildcards.scheme]
    rest = naming.values(wildcards.point)
    line = dict(zip(plan.sweeps[name].coordinates[1:], rest, strict=True))
    return {
        value: plan.coefficients(wildcards.scheme, value, *rest)
        for value in own_values(plan, name, line)
    }


def of_plane(plan: Plan, name: str) -> dict[str, list[str]]:
    """Texts, scores and losses of a plane's own lines and of its overlays, as named inputs."""
    plane, inputs = plan.sweeps[name], {}
    parts = {
        "plane": [Measured(m, plane.sample_ranges) for m in own_lines(plan, name)],
        "overlay": [overlay.measured for overlay in overlays(plan, name)],
    }
    for part, measured in parts.items():
        inputs |= texts_and_scores(plan, measured, plane.scorers, f"{part}_")
        losses = files(plan, paths.LOSSES, [measurement for measurement, _ in measured])
        inputs[f"{part}_losses"] = losses
    return inputs
