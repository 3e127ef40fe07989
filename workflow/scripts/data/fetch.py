"""Download a source: a package's file by name and hash, a file by its URL, or a hub repository.

Of a hub's repository that is streamed only the revision is looked up. What was fetched
first is noted in results/revisions/, which is no output and so outlives every rerun.
"""

from pathlib import Path

from paramlerp.data import sources
from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def main(location: dict, dataset: bool, stream: bool, record: Path, target: str) -> None:
    where = {key: value for key, value in location.items() if key != "kind"}
    with files.writing(target) as beside:
        beside.mkdir()
        if location["kind"] == "package":
            sources.fetch_package(beside, **where)
        elif location["kind"] == "url":
            sources.fetch_url(beside, **where, record=record)
        else:
            sources.fetch_hub(beside, **where, dataset=dataset, stream=stream, record=record)


if __name__ == "__main__":
    with job(snakemake):
        main(
            snakemake.params.source,
            snakemake.params.dataset,
            snakemake.params.stream,
            Path("results", "revisions", f"{snakemake.wildcards.source}.json"),
            snakemake.output.files,
        )
