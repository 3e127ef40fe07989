"""NLL of continuations given their prompts, under a causal LM and under its unigrams.

A row a text: nll and unigram_nll are sums in nats over its n_tokens tokens as the
scoring model cuts them; an empty continuation has none of either.
"""

import pandas as pd

from paramlerp import files, models, scoring
from paramlerp.runtime import Progress, job


def main(rows: list[dict], model_dir: str, unigram_nll) -> pd.DataFrame:
    model, tokenizer = models.load_causal_lm(model_dir)
    pairs = [scoring.continuation(tokenizer, row["prompt"], row["text"]) for row in rows]
    sequences, starts = [ids for ids, _ in pairs], [start for _, start in pairs]
    parts = scoring.continuation_nll(model, sequences, starts, Progress(len(rows), "texts"))
    frame = pd.DataFrame(rows, columns=["prompt_id", "sample_id"])
    frame["nll"] = [float(part.sum(dtype="float64")) for part in parts]
    frame["unigram_nll"] = [float(unigram_nll[ids[start:]].sum()) for ids, start in pairs]
    frame["n_tokens"] = [len(part) for part in parts]
    return frame


if __name__ == "__main__":
    with job(snakemake):
        unigram_nll = pd.read_csv(snakemake.input.unigrams)["nll"].to_numpy()
        rows = files.read_jsonl(snakemake.input.texts)
        frame = main(rows, snakemake.input.model, unigram_nll)
        files.write_csv(snakemake.output.scores, frame)
