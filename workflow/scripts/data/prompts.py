"""Draw a set of prompts from a source of texts."""

from paramlerp.data import readers, splitting
from paramlerp.jobs import files
from paramlerp.jobs.errors import about
from paramlerp.jobs.runtime import job


def main(source: str, reading: dict, how: dict, seed, out) -> None:
    """`how` has count, words and selection."""
    rows = readers.read(source, reading)
    with about(source):
        prompts = splitting.openings(rows, **how, seed=seed)
    files.write_jsonl(out, ({"prompt_id": i, "prompt": p} for i, p in enumerate(prompts)))


if __name__ == "__main__":
    with job(snakemake):
        main(
            snakemake.input.source,
            snakemake.params.reading,
            snakemake.params.prompts,
            snakemake.params.seed,
            snakemake.output.prompts,
        )
