"""Table 3: the parameters of generation."""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        paths = zip(params.prompts, snakemake.input.prompts, strict=True)
        counts = {name: len(files.read_jsonl(path)) for name, path in paths}
        table = pd.DataFrame(params.rows).drop(columns="max_rows")
        table.insert(2, "n_prompts", table["prompts"].map(counts))
        files.write_csv(snakemake.output.table3, table)
