"""An ensemble (mixed logits) compared with merged models (mixed weights) at the same points.

Both sides continue the same prompts with the same random numbers, so differences are paired. A
second table has the mean KL per token between their distributions along test text.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.measurement import mean_per_token, measure
from paramlerp.measure.pairing import common, compare, with_bands
from paramlerp.measure.samples import SampleFiles, read, read_numbers, sample_files

#: the two sides, by what each mixes; differences are the second minus the first
SIDES = ("weights", "logits")
#: the columns that all points of a family share: bands hold for all points of a scheme
FAMILY = ("prompts", "scheme", "metric")


def main(
    keys: list[dict],
    weights: list[SampleFiles],
    logits: list[SampleFiles],
    kinds: dict[str, str],
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """A row for each measurement and metric: both sides' estimates and their difference.

    `keys` name the measurements; `weights` and `logits` are the files of each. Only the samples
    that both sides have take part. `kinds` is scorer -> kind. An interval is of one point; the
    bands of a metric hold for all points of a scheme with one set of prompts.
    """
    rows = []
    for key, *sides in zip(keys, weights, logits, strict=True):
        samples = common(read(paths, kinds) for paths in sides)
        measured = (measure(key, side, bootstrap) for side in samples)
        rows += compare(key, dict(zip(SIDES, measured, strict=True)), bootstrap)
    return pd.DataFrame(with_bands(rows, FAMILY, bootstrap))


def divergence(points: list[dict], paths: list[str], bootstrap: Bootstrap) -> pd.DataFrame:
    """Mean KL per token at each point, from its file of KL sums over sentences."""
    rows = []
    for point, path in zip(points, paths, strict=True):
        sentences = read_numbers(path)
        kl = mean_per_token(sentences, "kl", bootstrap).columns("kl")
        n_tokens = sentences["n_tokens"].sum()
        rows.append({**point, **kl, "n_texts": len(sentences), "n_tokens": n_tokens})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        bootstrap = Bootstrap(**params.statistics, seed=params.seed)
        weights, logits = (
            sample_files(inputs, params.kinds, params.file_counts[side], f"{side}_")
            for side in SIDES
        )
        table = main(params.measurements, weights, logits, params.kinds, bootstrap)
        files.write_frame(snakemake.output.differences, table)
        kl = divergence(params.points, inputs.divergence, bootstrap)
        files.write_frame(snakemake.output.divergence, kl)
