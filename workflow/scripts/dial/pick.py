"""Choose a point of a line: enough of the attribute, at a cost of perplexity that is allowed.

The prompts are split in two halves. On one half the point is chosen: the one nearest to the
reference (the point nearest to 0) whose texts reach the level within the cost; without a level, the
one that moves the attribute furthest within the cost. What it gives is then measured on the other
half, since the numbers that chose it are too good (winner's curse).
"""

import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.measure.bootstrap import Bootstrap, Estimate
from paramlerp.measure.measurement import measure
from paramlerp.measure.samples import SampleFiles, Samples, read, sample_files

#: characters of a line of the report
WIDTH = 80


@dataclass(frozen=True)
class Aim:
    """What a point must reach, and what it may cost.

    `sign` is 1 if the scorer's mean is to be high, -1 if low; `level` is the mean to reach, None
    for as far as it goes; `cost` is the largest allowed ratio of perplexities to the reference.
    """

    attribute: str  # a scorer
    perplexity: str  # a scorer
    sign: int
    level: float | None
    cost: float

    def reached(self, mean: float) -> bool:
        return self.level is None or self.sign * mean >= self.sign * self.level

    def allowed(self, ratio: float) -> bool:
        return ratio <= self.cost


@dataclass(frozen=True)
class Point:
    """A point on one half of the prompts; `ratio` is its perplexity over the reference's."""

    value: str
    attribute: Estimate
    perplexity: Estimate
    ratio: Estimate

    def row(self, half: str, aim: Aim) -> dict:
        return {
            "half": half,
            "at": self.value,
            **self.attribute.columns(aim.attribute),
            **self.perplexity.columns(aim.perplexity),
            **self.ratio.columns("cost"),
            "reached": aim.reached(self.attribute.value),
            "allowed": aim.allowed(self.ratio.value),
        }


def on_half(samples: dict[str, Samples], half: int, aim: Aim, bootstrap: Bootstrap) -> list[Point]:
    """All points on the prompts of even (0) or odd (1) number, whose order is random.

    `samples` is value of the coordinate -> its texts, all with the same prompts.
    """
    estimates = {}
    for value, point in samples.items():
        chosen = point.select(point.texts["prompt_id"] % 2 == half)
        metrics = measure({"at": value}, chosen, bootstrap).metrics
        estimates[value] = (metrics[aim.attribute][1], metrics[aim.perplexity][1])
    _, unchanged = estimates[reference(list(samples))]
    return [
        Point(
            value,
            attribute,
            perplexity,
            bootstrap.combine(lambda x, y: x / y, [perplexity, unchanged]),
        )
        for value, (attribute, perplexity) in estimates.items()
    ]


def indent(line: str) -> str:
    """The spaces that a line begins with."""
    return " " * (len(line) - len(line.lstrip()))


def reference(values: list[str]) -> str:
    """The value nearest to 0."""
    return min(values, key=lambda value: abs(float(value)))


def choose(points: list[Point], aim: Aim) -> Point | None:
    """The point to use, by estimates of one half; None if no point does."""
    start = float(reference([point.value for point in points]))
    within = [
        point
        for point in points
        if aim.allowed(point.ratio.value) and aim.reached(point.attribute.value)
    ]
    if aim.level is None:
        return max(within, key=lambda point: aim.sign * point.attribute.value, default=None)
    return min(within, key=lambda point: abs(float(point.value) - start), default=None)


def said(value: Estimate, digits: int) -> str:
    return f"{value.value:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"


def goal(aim: Aim, title: str) -> str:
    """The level in words, or what is looked for without one."""
    if aim.level is None:
        return f"the {'highest' if aim.sign > 0 else 'lowest'} mean {title}"
    return f"a mean {title} of at {'least' if aim.sign > 0 else 'most'} {aim.level:g}"


def why_none(points: list[Point], aim: Aim, names: dict[str, str]) -> list[str]:
    """What would be had instead, where no point is both far enough and cheap enough."""
    allowed = [point for point in points if aim.allowed(point.ratio.value)]
    reaching = [point for point in points if aim.reached(point.attribute.value)]
    if not allowed:
        return ["The reference's own texts have no perplexity, so no cost can be told."]
    furthest = max(allowed, key=lambda point: aim.sign * point.attribute.value)
    lines = [
        f"Within that cost the furthest is {names['letter']} = {furthest.value}, with a mean of"
        f" {said(furthest.attribute, 2)}."
    ]
    measured = [point for point in reaching if np.isfinite(point.ratio.value)]
    if not measured:
        return [*lines, "No point reaches that level, whatever it costs."]
    cheapest = min(measured, key=lambda point: point.ratio.value)
    return [
        *lines,
        f"At {names['letter']} = {cheapest.value} that level is reached, for"
        f" {said(cheapest.ratio, 1)} times the reference's perplexity.",
    ]


def held_verdict(there: Point, aim: Aim) -> str:
    """Whether level and cost hold on the other half: by the estimates, and by the intervals."""
    side = there.attribute.low if aim.sign > 0 else there.attribute.high
    missed = ["the cost is higher"] * (not aim.allowed(there.ratio.value))
    missed += ["the level is missed"] * (not aim.reached(there.attribute.value))
    if missed:
        return f"There it does not hold: {' and '.join(missed)}."
    sure = aim.allowed(there.ratio.high) and aim.reached(side)
    return f"There it holds, {'with' if sure else 'but not with'} the whole of both intervals."


def verdict(
    chosen: Point | None, points: list[Point], held: list[Point], aim: Aim, names: dict[str, str]
) -> list[str]:
    """What was chosen and what it gives on the other half, or why there is nothing to choose."""
    letter, title = names["letter"], names["title"]
    price = f"at most {aim.cost:g} times the reference's perplexity"
    if chosen is None:
        wanted = goal(aim, title) if aim.level is not None else "any texts to judge"
        return [f"NONE: no measured point has {wanted} for {price}.", *why_none(points, aim, names)]
    there = next(point for point in held if point.value == chosen.value)
    nearest = "nearest to the reference " if aim.level is not None else ""
    place = f"the point {nearest}with {goal(aim, title)}"
    return [
        f"PICKED: {letter} = {chosen.value}, {place}, for {price}, by the prompts that choose.",
        "On the prompts that test:",
        f"  mean {title}: {said(there.attribute, 2)}",
        f"  perplexity: {said(there.perplexity, 1)}, {said(there.ratio, 2)} times the reference's",
        held_verdict(there, aim),
    ]


def main(
    paths: list[SampleFiles],
    values: list[str],
    kinds: dict[str, str],
    aim: Aim,
    names: dict[str, str],
    bootstrap: Bootstrap,
) -> tuple[str, str | None, pd.DataFrame]:
    """The report, the chosen value (None: there is none), and all points on both halves.

    Raises UserError if a half has fewer than two prompts, and so no intervals.
    """
    samples = {value: read(point, kinds) for value, point in zip(values, paths, strict=True)}
    prompts = next(iter(samples.values())).texts["prompt_id"].unique()
    counts = [int((prompts % 2 == half).sum()) for half in (0, 1)]
    if min(counts) < 2:
        raise UserError(
            f"pick: halves of {counts[0]} and {counts[1]} prompts are too few: take more"
        )
    choosing, held = (on_half(samples, half, aim, bootstrap) for half in (0, 1))
    chosen = choose(choosing, aim)
    rows = [point.row("choosing", aim) for point in choosing]
    rows += [point.row("held", aim) for point in held]
    lines = [
        f"Along {names['line']}, with the reference {names['letter']} = {reference(values)};"
        f" {counts[0]} prompts choose, {counts[1]} others test; {names['confidence']} intervals.",
        "",
        *verdict(chosen, choosing, held, aim, names),
    ]
    page = "".join(
        f"{textwrap.fill(line, WIDTH, subsequent_indent=indent(line))}\n" for line in lines
    )
    return page, chosen and chosen.value, pd.DataFrame(rows)


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        coordinate = params.names["coordinate"]
        values = [point[coordinate] for point in params.points]
        counts = [params.files_per_point] * len(values)
        page, value, table = main(
            sample_files(snakemake.input, params.kinds, counts),
            values,
            params.kinds,
            Aim(**params.aim),
            params.names,
            Bootstrap(**params.statistics, seed=params.seed),
        )
        scheme = params.points[0]["scheme"]
        choice = {"scheme": scheme, "point": None, "coefficients": None}
        if value is not None:
            choice["point"] = {coordinate: value}
            choice["coefficients"] = params.coefficients[value]
        files.write_frame(snakemake.output.points, table)
        files.write_json(snakemake.output.choice, choice)
        files.write_text(snakemake.output.page, page)
