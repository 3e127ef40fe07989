"""Time, GPU hours and disk that the config will take, said and written down."""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def told(rows: list[dict], log) -> pd.DataFrame:
    """Rows with their sum, said in the log."""
    table = pd.DataFrame(rows)
    table.loc[len(table)] = ["total", *(table[name].sum() for name in table.columns[1:])]
    for line in table.round(2).to_string(index=False).splitlines():
        log.info("%s", line)
    return table


if __name__ == "__main__":
    with job(snakemake) as log:
        for name, rows in snakemake.params.costs.items():
            files.write_csv(snakemake.output[name], told(rows, log))
