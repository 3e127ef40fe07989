"""Score texts with an HF sequence classifier: score = sum over labels of value x P(label).

With values 0, 0.5, 1 that is the paper's eq. 6; a two-class scorer has no middle. `target`
is the probability of the label that counts 1.
"""

import numpy as np

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import models
from paramlerp.measure import classifiers


def main(rows: list[dict], model_dir: str, scorer: dict, log) -> dict[str, np.ndarray]:
    model, tokenizer = models.load_classifier(model_dir, scorer["labels"])
    texts = [row["prompt"] + row["text"] for row in rows]
    whole = classifiers.encode_all(tokenizer, texts, None)
    long = sum(len(ids) > scorer["max_tokens"] for ids in whole)
    if long:
        log.warning("%d texts are cut to max_tokens, %d", long, scorer["max_tokens"])
    progress = Progress(len(texts), "texts")
    p = classifiers.probabilities(model, tokenizer, texts, scorer["max_tokens"], progress)
    return {"score": p @ scorer["values"], "target": p[:, scorer["values"].index(1)]}


if __name__ == "__main__":
    with job(snakemake) as log:
        rows = files.read_jsonl(snakemake.input.texts)
        scores = main(rows, snakemake.input.model, snakemake.params.scorer, log)
        files.write_scores(snakemake.output.scores, rows, **scores)
