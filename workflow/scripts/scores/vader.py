"""Score texts with VADER's compound score, from -1 (negative) to 1 (positive)."""

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

if __name__ == "__main__":
    with job(snakemake):
        rows = files.read_jsonl(snakemake.input.texts)
        analyzer = SentimentIntensityAnalyzer()
        score = [analyzer.polarity_scores(row["prompt"] + row["text"])["compound"] for row in rows]
        files.write_scores(snakemake.output.scores, rows, score=score)
