"""The plane of g3: every metric and both test losses at each point of its lattice.

Over it, as overlays, the points of g1 and g2 from their own runs, cut down to the
lattice's samples. `state` tells a point that broke from one that did not: "overflow" has
NaN or Inf in its weights or logits, and no texts; "empty" wrote nothing at all.

A second table has means over the lattice's points by alpha + beta, across the lines
alpha + beta = 0 and 1. So that they differ in that alone, each is over the same few
alpha - beta, at most 1; every other diagonal of a lattice has these.
"""

from decimal import Decimal

import numpy as np
import pandas as pd

from paramlerp import files, schemes
from paramlerp.names import POLES
from paramlerp.points import a_point, along, as_table, columns, combined, read, some
from paramlerp.runtime import job

#: half the width of the strip about alpha = beta that means are taken over
STRIP = 1


def by_pole(losses: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Test sentences of each pole, by the column that they fill."""
    return {f"loss_{pole}": losses[losses["pole"] == pole] for pole in POLES}


def sums(points: list[tuple[dict, dict]], confidence: float) -> list[dict]:
    """Means over the sound points of equal alpha + beta in the strip; of log perplexity, in fact.

    `points` are pairs of a row of the table and the estimates behind it.
    """
    ticks = sorted({Decimal(row[axis]) for row, _ in points for axis in ("alpha", "beta")})
    groups: dict[tuple, list[dict]] = {}
    for row, found in points:
        a, b = Decimal(row["alpha"]), Decimal(row["beta"])
        even = (ticks.index(a) - ticks.index(b)) % 2 == 0
        if row["state"] == "ok" and even and abs(a - b) <= STRIP:
            groups.setdefault((row["prompts"], a + b), []).append(found)
    most = max(map(len, groups.values()), default=0)
    rows = []
    for (prompts, total), own in sorted(groups.items(), key=lambda item: item[0]):
        if len(own) < most:
            continue
        row = {"prompts": prompts, "sum": schemes.fixed(total), "n_points": len(own)}
        log_mean = combined(
            lambda *x: np.exp(np.log(x).mean(0)), [f["perplexity"] for f in own], confidence
        )
        row |= columns("perplexity", log_mean)
        for name in (f"loss_{pole}" for pole in POLES):
            mean = combined(lambda *x: np.mean(x, 0), [f[name] for f in own], confidence)
            row |= columns(name, mean)
        rows.append(row)
    return rows


def main(
    rows: list[dict],
    alphas: list[str],
    lattice: dict[str, list[str]],
    overlays: list[dict],
    over: dict[str, list[str]],
    kinds: dict[str, str],
    samples: int,
    how: dict,
    seed,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`rows` and `overlays` say where; `lattice` and `over` are paths of texts, losses, scores."""
    found = []
    for place, stop in enumerate(rows):
        own = {name: paths[place] for name, paths in lattice.items()}
        for alpha, texts, scores, tested in along(own, kinds, alphas):
            where = {"kind": "lattice", "scheme": "g3", "prompts": stop["prompts"]}
            where |= {"alpha": alpha, "beta": stop["beta"]}
            found.append(a_point(where, texts, scores, by_pole(tested), how, seed))
    strip = sums(found, how["confidence"])
    table = [row for row, _ in found]
    for place, stop in enumerate(overlays):
        own = {name: paths[place] for name, paths in over.items()}
        losses = pd.read_csv(own.pop("losses"))
        texts, scores = read(own.pop("texts"), own, kinds)
        alpha, beta = schemes.in_plane(stop["scheme"], stop["alpha"])
        where = {"kind": "overlay", "scheme": stop["scheme"], "prompts": stop["prompts"]}
        where |= {"alpha": alpha, "beta": beta}
        its = some(texts["sample_id"] < samples, texts, scores)
        table.append(a_point(where, *its, by_pole(losses), how, seed)[0])
    return as_table(table), pd.DataFrame(strip)


if __name__ == "__main__":
    with job(snakemake):
        params, given = snakemake.params, snakemake.input
        names = ["texts", "losses", *params.kinds]
        table, strip = main(
            params.rows,
            params.alphas,
            {name: given[f"lattice_{name}"] for name in names},
            params.overlays,
            {name: given.get(f"overlay_{name}", []) for name in names},
            params.kinds,
            params.samples,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.table, table)
        files.write_csv(snakemake.output.sums, strip)
