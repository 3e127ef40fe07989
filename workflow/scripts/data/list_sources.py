"""Who made each source, and under which licence, as a table and in the log."""

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

if __name__ == "__main__":
    with job(snakemake) as log:
        rows = snakemake.params.rows
        for row in rows:
            log.info("%s", row["source"])
            for column, value in list(row.items())[1:]:
                log.info("    %-9s %s", column, value)
        columns = ("source", "used_for", "kind", "pinned", "origin", "licence")
        files.write_rows(snakemake.output.table, rows, columns)
