"""Every metric along a line with intervals, and paired differences between its points.

The reference of the differences is the point nearest to alpha = 0 (theta- in g1).
`variance_saved` is what shared prompts and common random numbers together take
off the variance of a difference; `variance_saved_by_random_numbers` what the
numbers alone take off the part of it that sampling adds.

A text that ended by itself and one that was cut at the limit are different things
to a language model; so the metrics of each sort are told apart in a table too.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from paramlerp import files, metrics, statistics
from paramlerp.errors import UserError
from paramlerp.runtime import job


@dataclass(frozen=True)
class Point:
    """A point of the walk: where, its texts, their scores, and every metric's estimate."""

    where: dict
    texts: pd.DataFrame
    found: dict[str, tuple[metrics.Metric, statistics.Estimate]]

    def row(self) -> dict:
        row = dict(self.where)
        for name, (_, e) in self.found.items():
            row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
        empty = int((self.texts["text"].str.strip() == "").sum())
        return {**row, "n_texts": len(self.texts), "n_empty": empty}


def measure(where: dict, texts: pd.DataFrame, scores: dict, how: dict, seed) -> Point:
    """Estimate every metric of these texts."""
    weights = statistics.resamples(texts["prompt_id"].nunique(), how["resamples"], seed)
    found = {
        metric.name: (metric, statistics.estimate(metric.of(weights), how["confidence"]))
        for metric in metrics.table_metrics(texts, scores)
    }
    return Point(where, texts, found)


def differences(walk: list[Point], confidence: float) -> list[dict]:
    """Each point against the reference of its prompt set, metric by metric."""
    rows = []
    for prompts in dict.fromkeys(point.where["prompts"] for point in walk):
        own = [point for point in walk if point.where["prompts"] == prompts]
        reference = min(own, key=lambda point: abs(float(point.where["alpha"])))
        rows += [
            {
                "prompts": prompts,
                "alpha": point.where["alpha"],
                "reference": reference.where["alpha"],
                "metric": name,
                **difference(reference, point, name, confidence),
            }
            for point in own
            if point is not reference
            for name in point.found
        ]
    return rows


def difference(start: Point, end: Point, name: str, confidence: float) -> dict[str, float]:
    """The paired difference of one metric between two points."""
    (metric_a, a), (metric_b, b) = start.found[name], end.found[name]
    gap = statistics.estimate(np.append(b.value - a.value, b.draws - a.draws), confidence)
    by_numbers = float("nan")
    if metric_a.values is not None:
        prompt, _ = pd.factorize(start.texts["prompt_id"], sort=True)
        by_numbers = statistics.variance_saved_by_coupling(metric_a.values, metric_b.values, prompt)
    return {
        "difference": gap.value,
        "low": gap.low,
        "high": gap.high,
        "variance_saved": statistics.variance_saved(a, b),
        "variance_saved_by_random_numbers": by_numbers,
    }


def main(points: list[dict], texts: list[str], scores: dict, kinds: dict, how: dict, seed):
    """Return the table, the differences, and the table of ended and cut texts apart."""
    walk, apart = [], []
    for place, where in enumerate(points):
        own = pd.DataFrame(files.read_jsonl(texts[place]))
        read = {name: (kinds[name], pd.read_csv(paths[place])) for name, paths in scores.items()}
        try:
            walk.append(measure(where, own, read, how, seed))
        except ValueError as error:
            raise UserError(f"{texts[place]}: {error}") from None
        for ended, some in own.groupby("ended", sort=True):
            part = {
                name: (kind, frame.loc[some.index].reset_index(drop=True))
                for name, (kind, frame) in read.items()
            }
            some = some.reset_index(drop=True)
            which = {"texts": ENDINGS[ended], "n_prompts": some["prompt_id"].nunique()}
            apart.append(measure({**where, **which}, some, part, how, seed))
    return (
        pd.DataFrame([point.row() for point in walk]),
        pd.DataFrame(differences(walk, how["confidence"])),
        pd.DataFrame([point.row() for point in apart]).drop(
            columns=[f"{name}{end}" for name in NOT_APART for end in ("", "_low", "_high")]
        ),
    )


ENDINGS = {True: "ended", False: "cut"}
#: metrics that make no sense for one sort of texts: dist-n falls as a prompt has more texts
NOT_APART = ("ended", "dist1", "dist2", "dist3")


if __name__ == "__main__":
    with job(snakemake):
        table, gaps, endings = main(
            snakemake.params.points,
            snakemake.input.texts,
            {name: snakemake.input[name] for name in snakemake.params.kinds},
            snakemake.params.kinds,
            snakemake.params.statistics,
            snakemake.params.seed,
        )
        files.write_csv(snakemake.output.table, table)
        files.write_csv(snakemake.output.differences, gaps)
        files.write_csv(snakemake.output.endings, endings)
