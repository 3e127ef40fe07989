"""Cut an attribute's text into disjoint parts and splits, a file for each pole."""

from paramlerp.data import readers, splitting
from paramlerp.jobs import files
from paramlerp.jobs.errors import about
from paramlerp.jobs.runtime import job


def main(sources: list[str], texts: list[dict], outputs: dict, log, poles: list[str], **how):
    """`texts` say of each source how it is read, and which of its rows stand for which pole."""
    rows = []
    for source, text in zip(sources, texts, strict=True):
        found = readers.read(source, text["reading"])
        with about(source):
            rows += readers.of_poles(found, text["selections"])
    kept = splitting.official_splits(rows, poles)
    log.info("splits: %s", "the source's own" if kept else "made by the config's fractions")
    with about(" and ".join(map(str, sources))):
        places = splitting.split(rows, poles=poles, **how)
    for place, found in places.items():
        files.write_jsonl(outputs["_".join(place)], ({"id": r.id, "text": r.text} for r in found))
        log.info("%s: %d texts", "/".join(place), len(found))


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        main(
            snakemake.input.sources,
            params.texts,
            dict(snakemake.output.items()),
            log,
            poles=params.poles,
            parts=params.splitting["parts"],
            splits=params.splitting["splits"],
            near_duplicate=params.splitting["near_duplicate"],
            seed=params.seed,
        )
