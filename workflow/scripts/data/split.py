"""Split an attribute's texts into disjoint parts with train, validation and test, by pole.

Documents that prompts are drawn from are left out.
"""

from itertools import chain

from paramlerp.data import documents, selections, splitting
from paramlerp.jobs import files
from paramlerp.jobs.errors import errors_in
from paramlerp.jobs.runtime import job


def main(
    attribute: str,
    sources: list[str],
    texts: list[dict],
    prompts: list[list[str]],
    outputs: dict,
    log,
    poles: list[str],
    **settings,
) -> None:
    """`texts` has for each source its `reading` and its `selections`: pole -> selection;
    `prompts` the files of prompts that are drawn from it. Ids of documents begin with `attribute`,
    since documents of several files of test text may be resampled together."""
    read = documents.read_training_text(sources, [text["reading"] for text in texts], prompts)
    rows = []
    for source, text, source_rows in zip(sources, texts, read, strict=True):
        with errors_in(source):
            rows += selections.assign_poles(source_rows, text["selections"])
    official = splitting.has_official_splits(rows, poles)
    log.info("splits: %s", "the source's own" if official else "made by the config's fractions")
    with errors_in(" and ".join(map(str, sources))):
        subsets = splitting.split(rows, poles=poles, whole=[*chain.from_iterable(read)], **settings)
    for names, subset in subsets.items():
        files.write_jsonl(
            outputs["_".join(names)],
            (
                {"id": row.id, "document": f"{attribute}/{row.document}", "text": row.text}
                for row in subset
            ),
        )
        log.info("%s: %d texts", "/".join(names), len(subset))


if __name__ == "__main__":
    with job(snakemake) as log:
        params = snakemake.params
        main(
            params.attribute,
            snakemake.input.sources,
            params.readings,
            params.prompts,
            dict(snakemake.output.items()),
            log,
            poles=params.poles,
            parts=params.splitting["parts"],
            splits=params.splitting["splits"],
            near_duplicate=params.splitting["near_duplicate"],
            seed=params.seed,
        )
