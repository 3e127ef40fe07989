"""How far the weights of two models are apart, tensor by tensor.

The distance is the scaled l2 norm ||a - b||_2 / sqrt(number of elements) of section 5.3.
"""

import numpy as np
import pandas as pd

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.weights import checkpoints, compatibility


def difference(a: np.ndarray, b: np.ndarray, chunk: int = 1 << 20) -> float:
    """Root mean square of a - b over flat arrays, summed in float64."""
    total = 0.0
    # In chunks: the arrays are mapped files, and float64 copies of them would be in memory.
    for start in range(0, a.size, chunk):
        gap = a[start : start + chunk].astype(np.float64) - b[start : start + chunk]
        total += float(gap @ gap)
    return (total / a.size) ** 0.5


def main(pairs: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """A row for each scheme and tensor of floats; `layer` is empty outside the layers.

    `pairs` is scheme -> the directories of its two checkpoints. Raises UserError if these have
    different tensors.
    """
    rows = []
    for scheme, directories in pairs.items():
        a, b = map(checkpoints.Checkpoint, directories)
        compatibility.require_mixable([a, b])
        for name, tensor in a.tensors.items():
            if tensor.dtype not in checkpoints.FLOATS:
                continue
            layer = checkpoints.LAYER.search(name)
            rows.append(
                {
                    "scheme": scheme,
                    "tensor": name,
                    "layer": int(layer[1]) if layer else None,
                    "parameter": layer[2] if layer else name,
                    "shape": "x".join(map(str, tensor.shape)),
                    "difference": difference(tensor.data, b.tensors[name].data),
                }
            )
    return pd.DataFrame(rows).astype({"layer": "Int64"})


if __name__ == "__main__":
    with job(snakemake):
        ends = iter(snakemake.input.ends)
        pairs = {scheme: (next(ends), next(ends)) for scheme in snakemake.params.schemes}
        files.write_frame(snakemake.output.table, main(pairs))
