"""Keep the first check that an attribute's scorer has passed: from now on texts are generated."""

from pathlib import Path

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

if __name__ == "__main__":
    with job(snakemake):
        files.write_text(snakemake.output.passed, Path(snakemake.input.check).read_text())
