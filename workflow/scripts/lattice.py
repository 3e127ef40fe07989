"""One row of g3's lattice: merge each of its points into one model in memory, sample, test.

The texts of a row go into one file, with their alpha; and so do the losses. A point
whose weights or logits hold NaN or Inf leaves no rows: it lies too far out.
"""

import pandas as pd

from paramlerp import decoding, files, likelihood, merging, models, schemes
from paramlerp.errors import NotFiniteError
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
    said = Progress(len(alphas), "models")
    for done, alpha in enumerate(alphas, 1):
        where = {"alpha": alpha}
        try:
            models.fill(model, sources, schemes.coefficients("g3", alpha, beta))
            for own, rows in zip(prompts, texts, strict=True):
                source = decoding.ModelLogits(model)
                rows += [
                    where | row
                    for row in decoding.continue_prompts(source, tokenizer, own, how, seed)
                ]
        except NotFiniteError as error:
            log.warning("alpha=%s,beta=%s: %s", alpha, beta, error)
        else:
            losses += [
                where | row for row in likelihood.losses(model, tokenizer, tests, max_tokens)
            ]
        said(done)
    return texts, losses


if __name__ == "__main__":
    with job(snakemake) as log:
        texts, losses = main(
            {name: snakemake.input[name] for name in schemes.coefficients("g3", 0, 0)},
            snakemake.wildcards.beta,
            snakemake.params.alphas,
            [files.read_jsonl(path) for path in snakemake.input.prompts],
            files.read_texts(
                {pole: snakemake.input[f"{pole}_test"] for pole in schemes.POLES},
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
