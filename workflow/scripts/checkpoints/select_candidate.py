"""Make the candidate with the lowest final validation perplexity the checkpoint."""

from pathlib import Path

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.training.selection import best_candidate


def main(candidates: list[str], losses: list[str], target: str, log) -> None:
    """Hard-link the files of the best candidate into `target`; `losses` has a CSV file for each."""
    final = [pd.read_csv(path)["validation_perplexity"].iloc[-1] for path in losses]
    index = best_candidate(final)
    best = Path(candidates[index])
    log.info("best of %d: %s, validation perplexity %.3f", len(final), best.name, final[index])
    with files.writing(target) as beside:
        beside.mkdir()
        for file in sorted(best.iterdir()):
            if not file.name.startswith("."):
                files.link(file, beside / file.name)


if __name__ == "__main__":
    with job(snakemake) as log:
        main(snakemake.input.candidates, snakemake.input.losses, snakemake.output.model, log)
