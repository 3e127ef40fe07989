"""Write the merged model of a point: an affine combination of checkpoints (eqs. 1, 3, 4)."""

from decimal import Decimal

from paramlerp.jobs.runtime import job
from paramlerp.weights import merging

if __name__ == "__main__":
    with job(snakemake):
        coefficients = {name: Decimal(c) for name, c in snakemake.params.coefficients.items()}
        merging.write_merged(
            snakemake.wildcards.scheme,
            snakemake.wildcards.point,
            coefficients,
            dict(zip(coefficients, snakemake.input.models, strict=True)),
            snakemake.output.model,
        )
