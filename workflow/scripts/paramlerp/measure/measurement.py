"""The estimates of a measurement: one point of a scheme with one set of prompts."""

from dataclasses import dataclass

import pandas as pd

from ..jobs.errors import UserError
from .bootstrap import Bootstrap, Estimate
from .metrics import Metric, table_metrics
from .samples import Samples


@dataclass(frozen=True)
class Measurement:
    """Samples, and metric -> its estimate; `key` holds the columns that name the measurement."""

    key: dict
    samples: Samples
    metrics: dict[str, tuple[Metric, Estimate]]

    def row(self) -> dict:
        """The measurement as a row of a table."""
        row = dict(self.key)
        for name, (_, estimate) in self.metrics.items():
            row |= estimate.columns(name)
        texts = self.samples.texts
        empty = int((texts["text"].str.strip() == "").sum())
        return {**row, **self.samples.counts(), "n_empty": empty}


def measure(key: dict, samples: Samples, bootstrap: Bootstrap) -> Measurement:
    """Estimate every metric of these samples; the prompt is the unit of the bootstrap.

    Raises UserError if scores belong to other texts.
    """
    weights = bootstrap.weights(samples.texts["prompt_id"].nunique())
    try:
        metrics = table_metrics(samples.texts, samples.scores)
    except ValueError as error:
        raise UserError(f"{key}: {error}") from None
    return Measurement(
        key,
        samples,
        {m.name: (m, bootstrap.estimate(m.statistic(weights))) for m in metrics},
    )


def mean_per_token(frame: pd.DataFrame, column: str, bootstrap: Bootstrap) -> Estimate:
    """Mean per token of a column of sums over tokens; the unit is the row's `document`.

    The row itself is the unit of a frame without this column. Units are in the order in which
    they first occur, which is the same at all points.
    """
    if "document" in frame:
        frame = frame.groupby("document", sort=False)[[column, "n_tokens"]].sum()
    return bootstrap.ratio(frame[column].to_numpy(), frame["n_tokens"].to_numpy())


def measure_with_losses(
    key: dict, samples: Samples, losses: dict[str, pd.DataFrame], bootstrap: Bootstrap
) -> tuple[dict, dict[str, Estimate]]:
    """A table's row for a point that may be broken, and the estimates in it by name.

    `losses` is column -> losses on test text, a row each. The row's `state` is "overflow" if
    texts or losses are missing (the weights, logits or losses were NaN or Inf), "empty" if all
    texts are empty, else "ok".
    """
    estimates = {}
    if len(samples.texts) and all(map(len, losses.values())):
        measurement = measure(key, samples, bootstrap)
        row = measurement.row()
        estimates = {name: estimate for name, (_, estimate) in measurement.metrics.items()}
        state = "empty" if row["n_empty"] == row["n_texts"] else "ok"
    else:
        row, state = {**key, "n_texts": 0, "n_samples": 0, "n_empty": 0}, "overflow"
    for name, frame in losses.items():
        if len(frame):
            estimates[name] = mean_per_token(frame, "nll", bootstrap)
            row |= estimates[name].columns(name)
    return row | {"state": state}, estimates


def to_table(rows: list[dict]) -> pd.DataFrame:
    """A table of rows of `measure_with_losses`; the rows of broken points have fewer columns."""
    return pd.DataFrame(rows, columns=list(max(rows, key=len)))
