"""Cut a corpus into disjoint parts and splits, a file for each pole."""

from paramlerp import files, readers, splitting
from paramlerp.errors import about
from paramlerp.runtime import job


def main(source: str, reading: dict, outputs: dict, log, **how) -> None:
    rows = readers.read(source, reading)
    kept = splitting.official_splits(rows)
    log.info("splits: %s", "the source's own" if kept else "made by the config's fractions")
    with about(source):
        places = splitting.split(rows, **how)
    for place, texts in places.items():
        files.write_jsonl(outputs["_".join(place)], ({"id": r.id, "text": r.text} for r in texts))
        log.info("%s: %d texts", "/".join(place), len(texts))


if __name__ == "__main__":
    with job(snakemake) as log:
        main(
            snakemake.input.source,
            snakemake.params.reading,
            dict(snakemake.output.items()),
            log,
            parts=snakemake.params.parts,
            splits=snakemake.params.splits,
            near_duplicate=snakemake.params.near_duplicate,
            seed=snakemake.params.seed,
        )
