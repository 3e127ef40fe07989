"""Time, GPU hours and disk that a run of the config will take, as tables and in the log."""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def with_total(rows: list[dict]) -> pd.DataFrame:
    """The rows as a table, with the sum of each column in a last row."""
    table = pd.DataFrame(rows)
    table.loc[len(table)] = ["total", *(table[name].sum() for name in table.columns[1:])]
    return table


if __name__ == "__main__":
    with job(snakemake) as log:
        for name, rows in snakemake.params.costs.items():
            table = with_total(rows)
            for line in table.round(2).to_string(index=False).splitlines():
                log.info("%s", line)
            files.write_frame(snakemake.output[name], table)
