"""Tables 1 and 2: validation perplexity of every setting tried, and each checkpoint's best."""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.training.selection import best_candidate


def main(runs: list[dict], losses: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All runs, and the run of lowest perplexity of each checkpoint.

    `runs` has the checkpoint and the settings of each fine-tuning, `losses` its file of losses.
    """
    rows = []
    for run, path in zip(runs, losses, strict=True):
        perplexity = pd.read_csv(path)["validation_perplexity"]
        rows.append(
            {
                **run,
                "validation_perplexity_before": perplexity.iloc[0],
                "validation_perplexity": perplexity.iloc[-1],
            }
        )
    table = pd.DataFrame(rows)
    groups = table.groupby("checkpoint", sort=False)["validation_perplexity"]
    best = [runs.index[best_candidate(runs.to_list())] for _, runs in groups]
    return table, table.loc[best]


if __name__ == "__main__":
    with job(snakemake):
        tried, best = main(snakemake.params.runs, snakemake.input.losses)
        files.write_frame(snakemake.output.table1, tried)
        files.write_frame(snakemake.output.table2, best)
