"""How far g2(alpha) is from the ensemble at the same alpha, along real sentences.

KL(ensemble || g2) of the next token, in nats, summed over a sentence's n_tokens. Were
the logits linear in the weights the two would be one model (section 5.2 of the paper);
this is how much they are not.
"""

from decimal import Decimal

import pandas as pd

from paramlerp import files, likelihood, models, schemes
from paramlerp.runtime import Progress, job


def main(
    directories: dict[str, str],
    coefficients: dict[str, Decimal],
    merged: str,
    texts: dict[str, list[str]],
    max_tokens: int,
) -> pd.DataFrame:
    taking_part = {name: c for name, c in coefficients.items() if c}
    loaded = [models.load_causal_lm(directories[name])[0] for name in taking_part]
    other, tokenizer = models.load_causal_lm(merged)
    rows = [(pole, i, text) for pole, own in texts.items() for i, text in enumerate(own)]
    sequences = [models.encode(tokenizer, text, end=True)[:max_tokens] for _, _, text in rows]
    parts = likelihood.divergence_of_all(
        loaded,
        [float(c) for c in taking_part.values()],
        other,
        sequences,
        Progress(len(rows), "texts"),
    )
    return pd.DataFrame(
        {"pole": pole, "text_id": i, "kl": float(kl.sum(dtype="float64")), "n_tokens": len(kl)}
        for (pole, i, _), kl in zip(rows, parts, strict=True)
    )


if __name__ == "__main__":
    with job(snakemake):
        coefficients = schemes.coefficients("ensemble", *schemes.values(snakemake.wildcards.point))
        frame = main(
            {name: snakemake.input[name] for name in coefficients},
            coefficients,
            snakemake.input.model,
            files.read_texts(
                {pole: snakemake.input[f"{pole}_test"] for pole in schemes.POLES},
                snakemake.params.test_texts,
            ),
            snakemake.params.max_tokens,
        )
        files.write_csv(snakemake.output.divergence, frame)
