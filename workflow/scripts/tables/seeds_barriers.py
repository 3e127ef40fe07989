"""The barriers of a sweep with each seed: what other trainings say of the verdict of the first.

Each row is one of the sweep's own table, or of a copy whose experts were trained again; its
interval is over prompts and test texts, given these experts.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job


def main(tables: dict[int, pd.DataFrame], schemes: dict[int, dict[str, str]]) -> pd.DataFrame:
    """The rows of all tables (seed -> barriers), those of one barrier beside each other.

    `schemes` is seed -> the scheme that each copy was made of. The seed of the sweep itself is 0.
    """
    rows = pd.concat(
        table.replace({"scheme": schemes[seed]}).assign(seed=seed) for seed, table in tables.items()
    )
    barrier = [c for c in ("scheme", "quantity", "prompts", "definition") if c in rows]
    names = [*barrier, "seed"]
    order = rows.groupby(barrier, sort=False, dropna=False).ngroup()
    rows = rows.assign(order=order).sort_values("order", kind="stable")
    return rows[[*names, *(c for c in rows if c not in (*names, "order"))]]


if __name__ == "__main__":
    with job(snakemake):
        schemes = snakemake.params.schemes
        paths = zip(schemes, snakemake.input.barriers, strict=True)
        tables = {seed: pd.read_csv(path, dtype={"at": str}) for seed, path in paths}
        files.write_frame(snakemake.output.barriers, main(tables, schemes))
