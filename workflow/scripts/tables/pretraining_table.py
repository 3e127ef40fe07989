"""Table 4: settings and last losses of the pretrained models, one column per model.

The last rows are losses of guesses without context on the same held-out text (see `baselines`).
"""

import json
from pathlib import Path

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def main(
    corpora: dict[str, str], settings: list[str], losses: list[str], baselines: list[str]
) -> pd.DataFrame:
    """A row for each setting.

    `corpora` is model -> corpus; `settings` and `losses` are the files that the pretraining of
    each model wrote, `baselines` the files of its corpus.
    """
    columns = {}
    for (model, corpus), used, path, guesses in zip(
        corpora.items(), settings, losses, baselines, strict=True
    ):
        last, guess = pd.read_csv(path).iloc[-1], pd.read_csv(guesses).iloc[0]
        columns[model] = {
            "corpus": corpus,
            **json.loads(Path(used).read_text()),
            "loss": last["loss"],
            "validation_loss": last["validation_loss"],
            "uniform_loss": guess["uniform_loss"],
            "unigram_loss": guess["unigram_loss"],
        }
    table = pd.DataFrame(columns)
    table.insert(0, "parameter", table.index)
    return table


if __name__ == "__main__":
    with job(snakemake):
        inputs = snakemake.input
        table = main(snakemake.params.models, inputs.settings, inputs.losses, inputs.baselines)
        files.write_frame(snakemake.output.table4, table)
