"""Outputs added up against weights added up: the ensemble and g2 at the same alpha.

Paired: the same prompts and random numbers. Beside it, over real sentences, the mean KL
a token between the two's distributions.
"""

import pandas as pd

from paramlerp import files
from paramlerp.points import columns, difference, mean_over, measure, read, some
from paramlerp.runtime import job


def main(
    stops: list[dict],
    g2: dict[str, list[str]],
    ensemble: dict[str, list[str]],
    kinds: dict[str, str],
    how: dict,
    seed,
) -> pd.DataFrame:
    """Both's figures and ensemble minus g2: `g2` and `ensemble` are texts or scorer -> a path
    a stop. Of g2 only the samples that the ensemble has take part."""
    rows = []
    for place, where in enumerate(stops):
        pair = []
        for paths in (g2, ensemble):
            own = {name: paths[name][place] for name in paths}
            pair.append(read(own.pop("texts"), own, kinds))
        last = min(texts["sample_id"].max() for texts, _ in pair)
        a, b = (
            measure(where, *some(texts["sample_id"] <= last, texts, scores), how, seed)
            for texts, scores in pair
        )
        for name in a.found:
            both = columns("g2", a.found[name][1]) | columns("ensemble", b.found[name][1])
            found = difference(a, b, name, how["confidence"])
            gap = {key: found[key] for key in ("difference", "low", "high")}
            rows.append({**where, "metric": name, **both, **gap, "n_texts": len(a.texts)})
    return pd.DataFrame(rows)


def divergence(alphas: list[str], paths: list[str], how: dict, seed) -> pd.DataFrame:
    """Mean KL a token at each alpha."""
    rows = []
    for alpha, frame in zip(alphas, map(pd.read_csv, paths), strict=True):
        kl = columns("kl", mean_over(frame, "kl", how, seed))
        rows.append({"alpha": alpha, **kl, "n_texts": len(frame), "n_tokens": frame.n_tokens.sum()})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    with job(snakemake):
        params, given = snakemake.params, snakemake.input
        names = ["texts", *params.kinds]
        table = main(
            params.stops,
            {name: given[f"g2_{name}"] for name in names},
            {name: given[f"ensemble_{name}"] for name in names},
            params.kinds,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.differences, table)
        kl = divergence(params.alphas, given.divergence, params.statistics, params.seed)
        files.write_csv(snakemake.output.divergence, kl)
