"""Download a source: a Python package's files, a file by its URL, or a hub repository.

For a repository that is streamed, only the revision is looked up. The first fetch records its hash
or revision in results/revisions/, which is no rule's output, so reruns do not delete it.
"""

from pathlib import Path

from paramlerp.data import sources
from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def main(location: dict, dataset: bool, stream: bool, record: Path, target: str) -> None:
    arguments = {key: value for key, value in location.items() if key != "kind"}
    with files.writing(target) as folder:
        folder.mkdir()
        if location["kind"] == "package":
            sources.fetch_package(folder, **arguments)
        elif location["kind"] == "url":
            sources.fetch_url(folder, **arguments, record=record)
        else:
            sources.fetch_hub(folder, **arguments, dataset=dataset, stream=stream, record=record)


if __name__ == "__main__":
    with job(snakemake):
        main(
            snakemake.params.location,
            snakemake.params.is_dataset,
            snakemake.params.stream,
            Path("results", "revisions", f"{snakemake.wildcards.source}.json"),
            snakemake.output.files,
        )
