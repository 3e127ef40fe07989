"""Table 4: what models were really pretrained with, a column a model."""

import json
from pathlib import Path

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

if __name__ == "__main__":
    with job(snakemake):
        models, columns = snakemake.params.models, {}
        given = zip(models, snakemake.input.used, snakemake.input.losses, strict=True)
        for name, used, losses in given:
            last = pd.read_csv(losses).iloc[-1]
            ends = {"loss": last["loss"], "validation_loss": last["validation_loss"]}
            settings = json.loads(Path(used).read_text())
            columns[name] = {"corpus": models[name], **settings, **ends}
        table = pd.DataFrame(columns)
        table.insert(0, "parameter", table.index)
        files.write_csv(snakemake.output.table4, table)
