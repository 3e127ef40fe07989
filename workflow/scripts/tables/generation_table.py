"""Table 3: the settings of generation, for each sweep and set of prompts."""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def main(rows: list[dict], prompts: dict[str, str]) -> pd.DataFrame:
    """The settings with the number of prompts; `prompts` is a set's name -> its file."""
    n_prompts = {name: len(files.read_jsonl(path)) for name, path in prompts.items()}
    # max_rows is the size of a batch and does not change the texts.
    table = pd.DataFrame(rows).drop(columns="max_rows")
    table.insert(2, "n_prompts", table["prompts"].map(n_prompts))
    return table


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        prompts = dict(zip(params.prompts, snakemake.input.prompts, strict=True))
        files.write_frame(snakemake.output.table3, main(params.rows, prompts))
