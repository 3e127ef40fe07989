"""Every metric along the lines between pairs of models, and the barriers between them.

`state` tells a point that broke from one that did not, as in g3.csv. `loss` is the mean
NLL a token of the held-out text of all corpora together; barriers are of that, by both
definitions (see `barriers`).
"""

import pandas as pd

from paramlerp import files
from paramlerp.points import a_point, along, as_table, barriers
from paramlerp.runtime import job


def main(rows, alphas, paths, kinds, corpora, margin, how, seed):
    """`rows` say which line; `paths` are its texts, losses and scores. Returns both tables."""
    table, rises = [], []
    for place, line in enumerate(rows):
        own = {name: given[place] for name, given in paths.items()}
        walk = {}
        for alpha, texts, scores, tested in along(own, kinds, alphas):
            parts = {"loss": tested}
            parts |= {f"loss_{name}": tested[tested["corpus"] == name] for name in corpora}
            row, found = a_point({**line, "alpha": alpha}, texts, scores, parts, how, seed)
            table.append(row)
            if 0 <= float(alpha) <= 1 and "loss" in found:
                walk[alpha] = found["loss"]
        where = {"pair": line["pair"], "quantity": "loss"}
        if len(walk) == sum(0 <= float(alpha) <= 1 for alpha in alphas):
            rises += barriers(where, walk, how, margin)
        else:  # a point between that broke is as high as barriers come
            rises.append({**where, "barrier": float("inf"), "within_margin": False})
    return as_table(table), pd.DataFrame(rises).drop_duplicates()


if __name__ == "__main__":
    with job(snakemake):
        params, given = snakemake.params, snakemake.input
        table, rises = main(
            params.rows,
            params.alphas,
            {name: given[name] for name in ("texts", "losses", *params.kinds)},
            params.kinds,
            params.corpora,
            params.margin,
            params.statistics,
            params.seed,
        )
        files.write_csv(snakemake.output.table, table)
        files.write_csv(snakemake.output.barriers, rises)
