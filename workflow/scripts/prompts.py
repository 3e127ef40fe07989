"""Draw a set of prompts from a source of texts."""

from paramlerp import files, readers, splitting
from paramlerp.errors import about
from paramlerp.runtime import job


def main(
    source: str, reading: dict, count: int | None, words: int | None, pole: str, seed, out
) -> None:
    rows = readers.read(source, reading)
    with about(source):
        prompts = splitting.openings(rows, count=count, words=words, pole=pole, seed=seed)
    files.write_jsonl(out, ({"prompt_id": i, "prompt": p} for i, p in enumerate(prompts)))


if __name__ == "__main__":
    with job(snakemake):
        p = snakemake.params
        main(
            snakemake.input.source,
            p.reading,
            p.prompts["count"],
            p.prompts["words"],
            p.prompts["pole"],
            p.seed,
            snakemake.output.prompts,
        )
