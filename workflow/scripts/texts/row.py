"""Texts of the points of a row: merge each in memory, and continue every prompt with it.

The texts of a row go into one file, with the coordinate along which it runs. A point whose
weights or logits hold NaN or Inf leaves no rows.
"""

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import decoding, rows


def main(
    directories: dict[str, str],
    coordinate: str,
    points: dict[str, dict[str, str]],
    prompts: list[dict],
    samples: list[int],
    how: dict,
    seed: int,
    log,
) -> list[dict]:
    """`points` is the coordinate's value -> coefficients."""
    count = len(prompts) * len(samples)
    progress, texts = Progress(len(points) * count, "texts"), []

    def write(model, tokenizer) -> list[dict]:
        source, before = decoding.ModelLogits(model), len(texts)
        return decoding.continue_prompts(
            source, tokenizer, prompts, samples, how, seed, lambda n: progress(before + n)
        )

    for value, found in rows.each(directories, points, write, log):
        texts += [{coordinate: value, **row} for row in found]
    return texts


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        texts = main(
            dict(zip(params.checkpoints, snakemake.input.models, strict=True)),
            params.coordinate,
            params.points,
            files.read_jsonl(snakemake.input.prompts),
            params.samples,
            params.generation,
            params.seed,
            log,
        )
        files.write_jsonl(snakemake.output.texts, texts)
