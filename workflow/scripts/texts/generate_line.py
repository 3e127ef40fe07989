"""Continue every prompt at each point of a line, whose models are merged in memory.

The texts of a line share a file; each has the value of the line's coordinate. A point whose
weights or logits hold NaN or Inf has no texts.
"""

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import decoding, lines


def main(
    directories: dict[str, str],
    coordinate: str,
    points: dict[str, dict[str, str]],
    prompts: list[dict],
    samples: list[int],
    settings: dict,
    seed: int,
    log,
) -> list[dict]:
    """`points` is value of `coordinate` -> coefficient of each checkpoint of `directories`."""
    progress, rows = Progress(len(points) * len(prompts) * len(samples), "texts"), []

    def continue_all(model, tokenizer) -> list[dict]:
        source, before = decoding.ModelLogits(model), len(rows)
        return decoding.continue_prompts(
            source, tokenizer, prompts, samples, settings, seed, lambda n: progress(before + n)
        )

    for value, texts in lines.map_points(directories, points, continue_all, log):
        rows += [{coordinate: value, **text} for text in texts]
    return rows


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        rows = main(
            dict(zip(params.checkpoints, snakemake.input.models, strict=True)),
            params.coordinate,
            params.points,
            files.read_jsonl(snakemake.input.prompts),
            params.samples,
            params.generation,
            params.seed,
            log,
        )
        files.write_jsonl(snakemake.output.texts, rows)
