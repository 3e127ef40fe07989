"""Download a source: a Python package's file by name and hash, or a hub repository."""

from paramlerp import files, sources
from paramlerp.runtime import job


def main(location: dict, dataset: bool, target: str) -> None:
    where = {key: value for key, value in location.items() if key != "kind"}
    with files.writing(target) as beside:
        beside.mkdir()
        if location["kind"] == "package":
            sources.fetch_package(beside, **where)
        else:
            sources.fetch_hub(beside, **where, dataset=dataset)


if __name__ == "__main__":
    with job(snakemake):
        main(snakemake.params.source, snakemake.params.dataset, snakemake.output.files)
