"""NLL of test text under the models of a row, merged in memory one after the other.

A row a text, with the coordinate along which the row runs; a point whose weights or losses
hold NaN or Inf leaves none.
"""

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import rows, scoring


def main(
    directories: dict[str, str],
    coordinate: str,
    points: dict[str, dict[str, str]],
    texts: dict[str, list[str]],
    max_tokens: int,
    log,
) -> list[dict]:
    """`points` is the coordinate's value -> coefficients; `texts` are by the name of their set."""
    progress, out = Progress(len(points), "models"), []

    def measure(model, tokenizer) -> list[dict]:
        return scoring.losses(model, tokenizer, texts, max_tokens)

    for place, (value, found) in enumerate(rows.each(directories, points, measure, log), 1):
        out += [{coordinate: value, **row} for row in found]
        progress(place)
    return out


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        paths = dict(zip(params.sets, snakemake.input.tests, strict=True))
        found = main(
            dict(zip(params.checkpoints, snakemake.input.models, strict=True)),
            params.coordinate,
            params.points,
            files.read_texts(paths, params.test_texts),
            params.max_tokens,
            log,
        )
        columns = [params.coordinate, "text", "text_id", "nll", "n_tokens"]
        files.write_rows(snakemake.output.losses, found, columns)
