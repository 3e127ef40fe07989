"""Draw a set of prompts from a source of texts."""

from paramlerp.data import prompts, readers
from paramlerp.jobs import files
from paramlerp.jobs.errors import errors_in
from paramlerp.jobs.runtime import job


def main(source: str, reading: dict, settings: dict, seed, out) -> None:
    """`settings` has count, words and selection."""
    rows = readers.read(source, reading)
    with errors_in(source):
        drawn = prompts.draw(rows, **settings, seed=seed)
    files.write_jsonl(
        out,
        (
            {"prompt_id": i, "prompt": prompt, "document": document}
            for i, (prompt, document) in enumerate(drawn.items())
        ),
    )


if __name__ == "__main__":
    with job(snakemake):
        main(
            snakemake.input.source,
            snakemake.params.reading,
            snakemake.params.drawing,
            snakemake.params.seed,
            snakemake.output.prompts,
        )
