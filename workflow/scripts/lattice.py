"""One row of g3's lattice: merge each of its points into one model in memory, sample, test.

The texts of a row go into one file, with their alpha; and so do the losses. A point
whose weights or logits hold NaN or Inf leaves no rows: it lies too far out.
"""

import pandas as pd

from paramlerp import decoding, files, merging, models, schemes, scoring
from paramlerp.errors import NotFiniteError
from paramlerp.names import POLES
from paramlerp.runtime import Progress, job

#: columns of a losses file
LOSSES = ["alpha", "pole", "text_id", "nll", "n_tokens"]


def main(
    directories: dict[str, str],
    beta: str,
    alphas: list[str],
    prompts: list[list[dict]],
    tests: dict[str, list[str]],
    how: dict,
    max_tokens: int,
    seed: int,
    log,
) -> tuple[list[list[dict]], list[dict]]:
    """Texts of each set of prompts, and the losses of test sentences."""
    sources = merging.Sources(directories)
    model, tokenizer = models.load_causal_lm(directories["base"])
    texts, losses = [[] for _ in prompts], []
    counts = [len(own) * how["samples"] for own in prompts]
    said = Progress(len(alphas) * sum(counts), "texts")
    for place, alpha in enumerate(alphas):
        done = place * sum(counts)
        try:
            models.fill(model, sources, schemes.coefficients("g3", alpha, beta))
            found = []
            for own, count in zip(prompts, counts, strict=True):
                source = decoding.ModelLogits(model)
                found.append(
                    decoding.continue_prompts(
                        source, tokenizer, own, how, seed, lambda n, before=done: said(before + n)
                    )
                )
                done += count
            tested = scoring.losses(model, tokenizer, tests, max_tokens)
        except NotFiniteError as error:
            log.warning("alpha=%s,beta=%s: %s", alpha, beta, error)
            continue
        for rows, more in zip((*texts, losses), (*found, tested), strict=True):
            rows += [{"alpha": alpha, **row} for row in more]
    return texts, losses


if __name__ == "__main__":
    with job(snakemake) as log:
        texts, losses = main(
            {name: snakemake.input[name] for name in schemes.coefficients("g3", 0, 0)},
            snakemake.wildcards.beta,
            snakemake.params.alphas,
            [files.read_jsonl(path) for path in snakemake.input.prompts],
            files.read_texts(
                {pole: snakemake.input[f"{pole}_test"] for pole in POLES},
                snakemake.params.test_texts,
            ),
            snakemake.params.generation,
            snakemake.params.max_tokens,
            snakemake.params.seed,
            log,
        )
        for path, rows in zip(snakemake.output.texts, texts, strict=True):
            files.write_jsonl(path, rows)
        files.write_csv(snakemake.output.losses, pd.DataFrame(losses, columns=LOSSES))
