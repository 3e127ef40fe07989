"""Every metric along a line with intervals, and paired differences between its points.

The reference of the differences is the point nearest to alpha = 0 (theta- in g1).
`variance_saved` is what common random numbers and shared prompts take off the
variance of a difference.
"""

import pandas as pd

from paramlerp import files, metrics, statistics
from paramlerp.errors import UserError
from paramlerp.runtime import job


def estimates(texts: pd.DataFrame, scores: dict, how: dict, seed) -> dict:
    """Metric -> Estimate at one point."""
    weights = statistics.resamples(texts["prompt_id"].nunique(), how["resamples"], seed)
    return {
        metric.name: statistics.estimate(metric.of(weights), how["confidence"])
        for metric in metrics.table_metrics(texts, scores)
    }


def row_of(point: dict, found: dict, texts: pd.DataFrame) -> dict:
    """A point's row: each metric with its interval, and how many texts there were."""
    row = dict(point)
    for name, e in found.items():
        row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
    empty = int((texts["text"].str.strip() == "").sum())
    return {**row, "n_texts": len(texts), "n_empty": empty}


def differences(walk: list[tuple[dict, dict]], confidence: float) -> list[dict]:
    """Each point against the reference of its prompt set, metric by metric."""
    rows = []
    for prompts in dict.fromkeys(point["prompts"] for point, _ in walk):
        own = [(p["alpha"], found) for p, found in walk if p["prompts"] == prompts]
        start, reference = min(own, key=lambda item: abs(float(item[0])))
        for alpha, found in own:
            if alpha == start:
                continue
            for name, e in found.items():
                gap = statistics.estimate(
                    pd.Series(
                        [e.value - reference[name].value, *(e.draws - reference[name].draws)]
                    ).to_numpy(),
                    confidence,
                )
                rows.append(
                    {
                        "prompts": prompts,
                        "alpha": alpha,
                        "reference": start,
                        "metric": name,
                        "difference": gap.value,
                        "low": gap.low,
                        "high": gap.high,
                        "variance_saved": statistics.variance_saved(reference[name], e),
                    }
                )
    return rows


def main(points: list[dict], texts: list[str], scores: dict, kinds: dict, how: dict, seed):
    walk, table = [], []
    for place, point in enumerate(points):
        own = pd.DataFrame(files.read_jsonl(texts[place]))
        read = {name: (kinds[name], pd.read_csv(paths[place])) for name, paths in scores.items()}
        try:
            found = estimates(own, read, how, seed)
        except ValueError as error:
            raise UserError(f"{texts[place]}: {error}") from None
        walk.append((point, found))
        table.append(row_of(point, found, own))
    return pd.DataFrame(table), pd.DataFrame(differences(walk, how["confidence"]))


if __name__ == "__main__":
    with job(snakemake):
        table, gaps = main(
            snakemake.params.points,
            snakemake.input.texts,
            {name: snakemake.input[name] for name in snakemake.params.kinds},
            snakemake.params.kinds,
            snakemake.params.statistics,
            snakemake.params.seed,
        )
        files.write_csv(snakemake.output.table, table)
        files.write_csv(snakemake.output.differences, gaps)
