"""Table 3: the parameters of generation."""

import pandas as pd

from paramlerp import files
from paramlerp.runtime import job

if __name__ == "__main__":
    with job(snakemake):
        how = {k: v for k, v in snakemake.params.generation.items() if k != "max_rows"}
        rows = [
            {"prompts": name, "n_prompts": n, **how} for name, n in snakemake.params.prompts.items()
        ]
        files.write_csv(snakemake.output.table3, pd.DataFrame(rows))
