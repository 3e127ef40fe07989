"""Outputs added up against weights added up: an ensemble and merged models at equal points.

Paired: the same prompts and random numbers. Beside it, over real sentences, the mean KL
a token between the two's distributions.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.points import columns, difference, grouped, mean_over, measure, read, some

#: what the two sides of a difference mix
SIDES = ("weights", "logits")


def main(
    places: list[dict],
    weights: dict[str, list[list[str]]],
    logits: dict[str, list[list[str]]],
    kinds: dict[str, str],
    how: dict,
    seed,
) -> pd.DataFrame:
    """Both's figures and logits minus weights: texts or scorer -> the paths of each place. Only
    the samples that both have take part."""
    rows = []
    for index, where in enumerate(places):
        sides = []
        for paths in (weights, logits):
            own = {name: paths[name][index] for name in paths}
            sides.append(read(own.pop("texts"), own, kinds))
        last = min(texts["sample_id"].max() for texts, _ in sides)
        a, b = (
            measure(where, *some(texts["sample_id"] <= last, texts, scores), how, seed)
            for texts, scores in sides
        )
        for name in a.found:
            both = columns(SIDES[0], a.found[name][1]) | columns(SIDES[1], b.found[name][1])
            found = difference(a, b, name, how["confidence"])
            gap = {key: found[key] for key in ("difference", "low", "high")}
            rows.append({**where, "metric": name, **both, **gap, "n_texts": len(a.texts)})
    return pd.DataFrame(rows)


def divergence(points: list[dict], paths: list[str], how: dict, seed) -> pd.DataFrame:
    """Mean KL a token at each point."""
    rows = []
    for point, frame in zip(points, map(pd.read_csv, paths), strict=True):
        kl = columns("kl", mean_over(frame, "kl", how, seed))
        rows.append({**point, **kl, "n_texts": len(frame), "n_tokens": frame.n_tokens.sum()})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    with job(snakemake):
        params, given = snakemake.params, snakemake.input
        names = ["texts", *params.kinds]
        table = main(
            params.places,
            *(
                {name: grouped(given[f"{side}_{name}"], params.sizes[side]) for name in names}
                for side in SIDES
            ),
            params.kinds,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.differences, table)
        kl = divergence(params.points, given.divergence, params.statistics, params.seed)
        files.write_csv(snakemake.output.divergence, kl)
