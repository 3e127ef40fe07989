"""Score texts with a per-word edit tagger: geometric mean of P(no edit)."""

import pandas as pd

from paramlerp import files, tagging
from paramlerp.runtime import Progress, job

if __name__ == "__main__":
    with job(snakemake):
        rows = files.read_jsonl(snakemake.input.texts)
        tagger = tagging.Tagger(snakemake.input.model, snakemake.threads)
        frame = pd.DataFrame(rows, columns=["prompt_id", "sample_id"])
        frame["score"] = tagger.acceptable(
            [row["prompt"] + row["text"] for row in rows], Progress(len(rows), "texts")
        )
        files.write_csv(snakemake.output.scores, frame)
