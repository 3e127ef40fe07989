"""Score continuations with a per-word edit tagger: geometric mean of P(no edit) over their words.

The tagger reads the prompt too, but the prompt's words do not count: a model did not write them.
"""

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.measure import tagging

if __name__ == "__main__":
    with job(snakemake):
        rows = files.read_jsonl(snakemake.input.texts)
        tagger = tagging.Tagger(snakemake.input.model, snakemake.threads)
        score = tagger.acceptability(
            [row["prompt"] + row["text"] for row in rows],
            [tagging.first_word(row["prompt"], row["text"]) for row in rows],
            Progress(len(rows), "texts"),
        )
        files.write_scores(snakemake.output.scores, rows, score=score)
