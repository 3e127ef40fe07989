"""The dial at a few points of a line, to be read in a terminal.

A bar for the mean of the attribute's scorer at each point, with its interval, and the texts of one
prompt and sample: the clearest of all, whose scores follow these means the furthest.
"""

import textwrap

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.bootstrap import Bootstrap
from paramlerp.measure.measurement import measure
from paramlerp.measure.samples import SampleFiles, Samples, read, sample_files

#: characters of a whole bar, and of a line of text
BAR, WIDTH = 40, 78


def bar(value: float, low: float, high: float) -> str:
    """A share as a bar: full up to `low`, half up to `high`; the value and interval behind it."""
    ends = [round(end * BAR) for end in (low, high)]
    drawn = "█" * ends[0] + "▒" * (ends[1] - ends[0])
    return f"{drawn:·<{BAR}} {value:.2f} [{low:.2f}, {high:.2f}]"


def clearest(scores: np.ndarray) -> int:
    """The row of `scores` (texts, points) with the largest projection on the mean row's changes."""
    means = scores.mean(0)
    return int((scores @ (means - means.mean())).argmax())


def page(table: pd.DataFrame, samples: list[Samples], scorer: str, names: dict[str, str]) -> str:
    """What the terminal shows. `names` has the coordinate, the attribute's title and the line."""
    coordinate = names["coordinate"]
    labels = [f"{names['letter']} = {float(value):+g}" for value in table[coordinate]]
    labels = [label.replace("+0", " 0") if label.endswith("+0") else label for label in labels]
    indent = max(map(len, labels)) + 2
    first = samples[0].texts
    lines = [
        f"{names['title'][0].upper()}{names['title'][1:]} along {names['line']}",
        f"The mean over {len(first)} texts, {first['sample_id'].nunique()} of each of"
        f" {first['prompt_id'].nunique()} prompts, and its {names['confidence']} interval:",
        "",
    ]
    bounds = table[[scorer, f"{scorer}_low", f"{scorer}_high"]].to_numpy()
    lines += [f"{name:<{indent}}{bar(*row)}" for name, row in zip(labels, bounds, strict=True)]
    scores = np.array([point.scores[scorer][1]["score"] for point in samples]).T
    chosen = clearest(scores)
    prompt = first["prompt"][chosen]
    lines += ["", f"The clearest of them: {prompt} ...", ""]
    for name, point in zip(labels, samples, strict=True):
        text = " ".join(point.texts["text"][chosen].split())
        text += "" if point.texts["ended"][chosen] else " ..."
        lines += textwrap.wrap(
            text or "(nothing)",
            WIDTH,
            initial_indent=f"{name:<{indent}}",
            subsequent_indent=" " * indent,
        )
    return "\n".join(lines) + "\n"


def main(
    paths: list[SampleFiles],
    values: list[str],
    scorer: str,
    kind: str,
    names: dict[str, str],
    bootstrap: Bootstrap,
) -> tuple[str, pd.DataFrame]:
    """The page and its table: all metrics at each of `values`, whose files are `paths`."""
    samples = [read(point, {scorer: kind}) for point in paths]
    measured = [
        measure({names["coordinate"]: value}, point, bootstrap)
        for value, point in zip(values, samples, strict=True)
    ]
    table = pd.DataFrame([point.row() for point in measured])
    return page(table, samples, scorer, names), table


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        text, table = main(
            sample_files(snakemake.input, [params.scorer], [1] * len(params.values)),
            params.values,
            params.scorer,
            params.kind,
            params.names,
            Bootstrap(**params.statistics, seed=params.seed),
        )
        files.write_frame(snakemake.output.table, table)
        files.write_text(snakemake.output.page, text)
