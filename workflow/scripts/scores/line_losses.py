"""NLL of test texts at each point of a line, whose models are merged in memory.

A row per text, as `losses.py` writes it, with the value of the line's coordinate. A point
whose weights or losses hold NaN or Inf has no rows.
"""

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import lines, text_losses


def main(
    directories: dict[str, str],
    coordinate: str,
    points: dict[str, dict[str, str]],
    texts: dict[str, list[dict]],
    max_tokens: int,
    log,
) -> list[dict]:
    """`points` is value of `coordinate` -> coefficient of each checkpoint of `directories`;
    `texts` is set -> its texts, with their documents."""
    progress, rows = Progress(len(points), "models"), []

    def measure(model, tokenizer) -> list[dict]:
        return text_losses.measure_losses(model, tokenizer, texts, max_tokens)

    measured = lines.map_points(directories, points, measure, log)
    for done, (value, losses) in enumerate(measured, 1):
        rows += [{coordinate: value, **loss} for loss in losses]
        progress(done)
    return rows


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        paths = dict(zip(params.test_sets, snakemake.input.tests, strict=True))
        rows = main(
            dict(zip(params.checkpoints, snakemake.input.models, strict=True)),
            params.coordinate,
            params.points,
            files.read_texts(paths, params.texts_per_set),
            params.max_tokens,
            log,
        )
        # Named, because a line whose points all overflow has no first row to name them.
        columns = [params.coordinate, "text", "text_id", "document", "nll", "n_tokens"]
        files.write_rows(snakemake.output.losses, rows, columns)
