"""Score texts with an HF sequence classifier: score = sum over labels of value x P(label).

With values 0, 0.5 and 1 this is eq. 6 of the paper; a scorer of two classes has no middle
value. `target` is the probability of the label with value 1. A classifier that has been calibrated
gives calibrated probabilities; `raw` is its score without.
"""

import numpy as np

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import models
from paramlerp.measure import calibration, classifiers


def main(
    rows: list[dict], model_dir: str, scorer: dict, log, fitted: dict | None = None
) -> dict[str, np.ndarray]:
    """`score` and `target` of each row's prompt + text, and `raw` if there is a calibration.

    `scorer` is its entry in the config. `fitted` is a calibration (slope, intercept) of the second
    of two labels.
    """
    model, tokenizer = models.load_classifier(model_dir, scorer["labels"])
    texts = [row["prompt"] + row["text"] for row in rows]
    uncut = classifiers.encode(tokenizer, texts, None)
    long = sum(len(ids) > scorer["max_tokens"] for ids in uncut)
    if long:
        log.warning("%d texts are cut to max_tokens, %d", long, scorer["max_tokens"])
    progress = Progress(len(texts), "texts")
    p = classifiers.probabilities(model, tokenizer, texts, scorer["max_tokens"], progress)
    target = scorer["values"].index(1)
    if fitted is None:
        return {"score": p @ scorer["values"], "target": p[:, target]}
    high = calibration.calibrated(p[:, 1], fitted["slope"], fitted["intercept"])
    better = np.stack([1 - high, high], axis=1)
    return {
        "score": better @ scorer["values"],
        "target": better[:, target],
        "raw": p @ scorer["values"],
    }


if __name__ == "__main__":
    with job(snakemake) as log:
        rows = files.read_jsonl(snakemake.input.texts)
        fitted = [files.read_json(path) for path in snakemake.input.get("calibration", [])]
        scores = main(rows, snakemake.input.model, snakemake.params.scorer, log, *fitted)
        files.write_scores(snakemake.output.scores, rows, **scores)
