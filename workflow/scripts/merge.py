"""Write the model at a point: an affine combination of checkpoints."""

from paramlerp import merging, schemes
from paramlerp.runtime import job

if __name__ == "__main__":
    with job(snakemake):
        scheme, point = snakemake.wildcards.scheme, snakemake.wildcards.point
        merging.write_merged(
            scheme,
            point,
            schemes.coefficients(scheme, *schemes.values(point)),
            {name: snakemake.input[name] for name in snakemake.params.checkpoints},
            snakemake.output.model,
        )
