"""Table 4: settings and last losses of the pretrained models, one column per model."""

import json
from pathlib import Path

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def main(corpora: dict[str, str], settings: list[str], losses: list[str]) -> pd.DataFrame:
    """A row for each setting.

    `corpora` is model -> corpus; `settings` and `losses` are the files that the pretraining of
    each model wrote.
    """
    columns = {}
    for (model, corpus), used, path in zip(corpora.items(), settings, losses, strict=True):
        last = pd.read_csv(path).iloc[-1]
        columns[model] = {
            "corpus": corpus,
            **json.loads(Path(used).read_text()),
            "loss": last["loss"],
            "validation_loss": last["validation_loss"],
        }
    table = pd.DataFrame(columns)
    table.insert(0, "parameter", table.index)
    return table


if __name__ == "__main__":
    with job(snakemake):
        inputs = snakemake.input
        table = main(snakemake.params.models, inputs.settings, inputs.losses)
        files.write_frame(snakemake.output.table4, table)
