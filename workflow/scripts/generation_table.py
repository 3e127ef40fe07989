"""Table 3: the parameters of generation."""

import pandas as pd

from paramlerp import files
from paramlerp.runtime import job

if __name__ == "__main__":
    with job(snakemake):
        table = pd.DataFrame(snakemake.params.rows).drop(columns="max_rows")
        files.write_csv(snakemake.output.table3, table)
