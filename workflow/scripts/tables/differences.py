"""How far the weights of two models are apart, tensor by tensor.

The distance is the scaled l2 norm ||a - b||_2 / sqrt(number of elements) of section 5.3.
"""

import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.weights import checkpoints, compatibility, distances


def main(pairs: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """A row for each scheme and tensor of floats; `layer` is empty outside the layers.

    `pairs` is scheme -> the directories of its two checkpoints. Raises UserError if these have
    different tensors.
    """
    rows = []
    for scheme, directories in pairs.items():
        a, b = map(checkpoints.Checkpoint, directories)
        compatibility.require_mixable([a, b])
        for name, distance in distances.by_tensor(a, b).items():
            layer = checkpoints.LAYER.search(name)
            rows.append(
                {
                    "scheme": scheme,
                    "tensor": name,
                    "layer": int(layer[1]) if layer else None,
                    "parameter": layer[2] if layer else name,
                    "shape": "x".join(map(str, a.tensors[name].shape)),
                    "difference": distance.rms,
                }
            )
    return pd.DataFrame(rows).astype({"layer": "Int64"})


if __name__ == "__main__":
    with job(snakemake):
        ends = iter(snakemake.input.ends)
        pairs = {scheme: (next(ends), next(ends)) for scheme in snakemake.params.schemes}
        files.write_frame(snakemake.output.table, main(pairs))
