"""A plane: every metric and every test loss at each point of its lattice.

Over it, as overlays, points of other sweeps from their own runs, cut down to the lattice's
samples. `state` tells a point that broke from one that did not: "overflow" has NaN or Inf
in its weights, logits or losses; "empty" wrote nothing at all.

A second table has means over the lattice's points by the sum of both coordinates, across the
lines where it is 0 and 1. So that they differ in that alone, each is over the same few
differences of the two, at most 1; every other diagonal of a lattice has these.
"""

from decimal import Decimal

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.points import (
    a_point,
    along,
    as_table,
    by_text,
    columns,
    combined,
    grouped,
    read,
    some,
)
from paramlerp.weights import naming

#: half the width of the strip about equal coordinates that means are taken over
STRIP = 1


def sums(
    points: list[tuple[dict, dict]], axes: list[str], judges: list[str], sets: list[str], confidence
) -> list[dict]:
    """Means over the sound points of equal sum in the strip; of log perplexity, in fact.

    `points` are pairs of a row of the table and the estimates behind it; `judges` are the
    scorers of perplexity.
    """
    ticks = sorted({Decimal(row[axis]) for row, _ in points for axis in axes})
    groups: dict[tuple, list[dict]] = {}
    for row, found in points:
        a, b = (Decimal(row[axis]) for axis in axes)
        even = (ticks.index(a) - ticks.index(b)) % 2 == 0
        if row["state"] == "ok" and even and abs(a - b) <= STRIP:
            groups.setdefault((row["prompts"], a + b), []).append(found)
    most = max(map(len, groups.values()), default=0)
    rows = []
    for (prompts, total), own in sorted(groups.items(), key=lambda item: item[0]):
        if len(own) < most:
            continue
        row = {"prompts": prompts, "sum": naming.format_value(total), "n_points": len(own)}
        for judge in judges:
            log_mean = combined(
                lambda *x: np.exp(np.log(x).mean(0)), [f[judge] for f in own], confidence
            )
            row |= columns(judge, log_mean)
        for name in (f"loss_{name}" for name in sets):
            mean = combined(lambda *x: np.mean(x, 0), [f[name] for f in own], confidence)
            row |= columns(name, mean)
        rows.append(row)
    return rows


def main(
    scheme: str,
    axes: list[str],
    rows: list[dict],
    values: list[str],
    lattice: dict[str, list],
    overlays: list[dict],
    over: dict[str, list],
    kinds: dict[str, str],
    sets: list[str],
    samples: int,
    how: dict,
    seed,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`rows` (of `values` of the first of the `axes`) and `overlays` say where; `lattice` and
    `over` are, for each of them, the paths of texts and scores, and the path of losses."""
    found = []
    for index, place in enumerate(rows):
        own = {name: paths[index] for name, paths in lattice.items()}
        for value, texts, scores, tested in along(own, kinds, axes[0], values):
            where = {"kind": "lattice", "scheme": scheme, "prompts": place["prompts"]}
            where |= {axes[0]: value, axes[1]: place[axes[1]]}
            found.append(a_point(where, texts, scores, by_text(tested, sets), how, seed))
    judges = [name for name, kind in kinds.items() if kind == "perplexity"]
    strip = sums(found, axes, judges, sets, how["confidence"])
    table = [row for row, _ in found]
    for index, place in enumerate(overlays):
        own = {name: paths[index] for name, paths in over.items()}
        losses = pd.read_csv(own.pop("losses"))
        texts, scores = read(own.pop("texts"), own, kinds)
        kept = some(texts["sample_id"] < samples, texts, scores)
        table.append(
            a_point({"kind": "overlay", **place}, *kept, by_text(losses, sets), how, seed)[0]
        )
    return as_table(table), pd.DataFrame(strip)


if __name__ == "__main__":
    with job(snakemake):
        params, given = snakemake.params, snakemake.input
        names = ["texts", *params.kinds]
        sizes = {"lattice": [params.shards] * len(params.rows), "overlay": params.overlay_shards}
        lattice, over = (
            {name: grouped(given.get(f"{part}_{name}", []), sizes[part]) for name in names}
            | {"losses": list(given.get(f"{part}_losses", []))}
            for part in sizes
        )
        table, strip = main(
            params.scheme,
            params.axes,
            params.rows,
            params.values,
            lattice,
            params.overlays,
            over,
            params.kinds,
            params.sets,
            params.samples,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.table, table)
        files.write_csv(snakemake.output.sums, strip)
