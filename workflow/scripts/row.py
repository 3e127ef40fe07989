"""Points in a row, of g3's lattice or on a pair's line: merge each in memory, sample, test.

The texts of a row go into one file, with their alpha; and so do the losses. A point
whose weights or logits hold NaN or Inf leaves no rows: it lies too far out.
"""

from paramlerp import decoding, files, merging, models, schemes, scoring
from paramlerp.errors import NotFiniteError
from paramlerp.runtime import Progress, job


def main(
    directories: dict[str, str],
    scheme: str,
    points: dict[str, list[str]],
    prompts: list[list[dict]],
    tests: dict[str, list[str]],
    how: dict,
    max_tokens: int,
    seed: int,
    log,
) -> tuple[list[list[dict]], list[dict]]:
    """Texts of each set of prompts, and the losses of test sentences.

    `points` is alpha -> the scheme's coordinates.
    """
    sources = merging.Sources(directories)
    model, tokenizer = models.load_causal_lm(next(iter(directories.values())))
    texts, losses = [[] for _ in prompts], []
    counts = [len(own) * how["samples"] for own in prompts]
    said = Progress(len(points) * sum(counts), "texts")
    for place, (alpha, point) in enumerate(points.items()):
        done = place * sum(counts)
        try:
            models.fill(model, sources, schemes.coefficients(scheme, *point))
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
            log.warning("%s: %s", schemes.name(scheme, *point), error)
            continue
        for rows, more in zip((*texts, losses), (*found, tested), strict=True):
            rows += [{"alpha": alpha, **row} for row in more]
    return texts, losses


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        texts, losses = main(
            {name: snakemake.input[name] for name in params.checkpoints},
            params.scheme,
            params.points,
            [files.read_jsonl(path) for path in snakemake.input.prompts],
            files.read_texts(
                dict(zip(params.sets, snakemake.input.tests, strict=True)), params.test_texts
            ),
            params.generation,
            params.max_tokens,
            params.seed,
            log,
        )
        for path, rows in zip(snakemake.output.texts, texts, strict=True):
            files.write_jsonl(path, rows)
        losses = [{**row, params.column: row["pole"]} for row in losses]
        columns = ["alpha", params.column, "text_id", "nll", "n_tokens"]
        files.write_rows(snakemake.output.losses, losses, columns)
