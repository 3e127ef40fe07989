"""Every metric along the lines between pairs of models, and the barriers between them.

`state` tells a point that broke from one that did not, as in a plane's table. `loss` is the
mean NLL a token of all test text together; barriers are of that, by both definitions (see
`barriers`).
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.measure.points import a_point, along, as_table, barriers, by_text, grouped


def main(rows, coordinate, values, paths, kinds, sets, between, margin, how, seed):
    """`rows` say which line; `paths` are its texts', losses' and scores'. Returns both tables.

    Barriers are on the lines of the schemes `between` two checkpoints, from 0 to 1.
    """
    table, rises = [], []
    for index, line in enumerate(rows):
        own = {name: given[index] for name, given in paths.items()}
        walk = {}
        for value, texts, scores, tested in along(own, kinds, coordinate, values):
            parts = {"loss": tested, **by_text(tested, sets)}
            row, found = a_point({**line, coordinate: value}, texts, scores, parts, how, seed)
            table.append(row)
            if 0 <= float(value) <= 1 and "loss" in found:
                walk[value] = found["loss"]
        if line["scheme"] not in between:
            continue
        where = {"scheme": line["scheme"], "quantity": "loss"}
        if len(walk) == sum(0 <= float(value) <= 1 for value in values):
            rises += barriers(where, walk, how, margin)
        else:  # a point between that broke is as high as barriers come
            rises.append({**where, "barrier": float("inf"), "within_margin": False})
    columns = None if rises else ["scheme", "quantity"]
    return as_table(table), pd.DataFrame(rises, columns=columns).drop_duplicates()


if __name__ == "__main__":
    with job(snakemake):
        params, given = snakemake.params, snakemake.input
        sizes = [params.shards] * len(params.rows)
        table, rises = main(
            params.rows,
            params.coordinate,
            params.values,
            {name: grouped(given[name], sizes) for name in ("texts", *params.kinds)}
            | {"losses": list(given.losses)},
            params.kinds,
            params.sets,
            params.between,
            params.margin,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.table, table)
        files.write_csv(snakemake.output.barriers, rises)
