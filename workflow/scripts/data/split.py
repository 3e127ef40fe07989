"""Split an attribute's texts into disjoint parts with train, validation and test, by pole."""

from paramlerp.data import readers, selections, splitting
from paramlerp.jobs import files
from paramlerp.jobs.errors import errors_in
from paramlerp.jobs.runtime import job


def main(sources: list[str], texts: list[dict], outputs: dict, log, poles: list[str], **settings):
    """`texts` has for each source its `reading` and its `selections`: pole -> selection."""
    rows = []
    for source, text in zip(sources, texts, strict=True):
        source_rows = readers.read(source, text["reading"])
        with errors_in(source):
            rows += selections.assign_poles(source_rows, text["selections"])
    official = splitting.has_official_splits(rows, poles)
    log.info("splits: %s", "the source's own" if official else "made by the config's fractions")
    with errors_in(" and ".join(map(str, sources))):
        subsets = splitting.split(rows, poles=poles, **settings)
    for names, subset in subsets.items():
        files.write_jsonl(
            outputs["_".join(names)],
            ({"id": row.id, "document": row.document, "text": row.text} for row in subset),
        )
        log.info("%s: %d texts", "/".join(names), len(subset))


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        main(
            snakemake.input.sources,
            params.readings,
            dict(snakemake.output.items()),
            log,
            poles=params.poles,
            parts=params.splitting["parts"],
            splits=params.splitting["splits"],
            near_duplicate=params.splitting["near_duplicate"],
            seed=params.seed,
        )
