"""Tables 1 and 2: the settings tried, their validation perplexity, each checkpoint's best."""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def main(runs: list[dict], losses: list[str], table1: str, table2: str) -> None:
    rows = []
    for run, path in zip(runs, losses, strict=True):
        records = pd.read_csv(path)
        figures = {
            "validation_perplexity_before": records["validation_perplexity"].iloc[0],
            "validation_perplexity": records["validation_perplexity"].iloc[-1],
        }
        rows.append({**run, **figures})
    table = pd.DataFrame(rows)
    files.write_csv(table1, table)
    best = table.loc[table.groupby("checkpoint", sort=False)["validation_perplexity"].idxmin()]
    files.write_csv(table2, best)


if __name__ == "__main__":
    with job(snakemake):
        main(
            snakemake.params.runs,
            snakemake.input.losses,
            snakemake.output.table1,
            snakemake.output.table2,
        )
