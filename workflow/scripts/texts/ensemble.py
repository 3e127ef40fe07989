"""Continue every prompt with an ensemble of models, a JSON line a text.

z = sum_i c_i z_i at each step, in place of weights (section 3.2 of the paper).
"""

from decimal import Decimal

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import decoding, ensembles


def main(
    directories: dict[str, str],
    coefficients: dict[str, Decimal],
    nucleus_of: str | None,
    prompts: list[dict],
    samples: list[int],
    how: dict,
    seed: int,
) -> list[dict]:
    """`nucleus_of` names the model to whose nucleus tokens are cut; None: to none's."""
    loaded, weights, tokenizer = ensembles.load(directories, coefficients, nucleus_of)
    sources = [decoding.ModelLogits(model) for model in loaded]
    source = decoding.EnsembleLogits(sources, weights, how["top_p"] if nucleus_of else None)
    progress = Progress(len(prompts) * len(samples), "texts")
    return decoding.continue_prompts(source, tokenizer, prompts, samples, how, seed, progress)


if __name__ == "__main__":
    with job(snakemake):
        coefficients = {name: Decimal(c) for name, c in snakemake.params.coefficients.items()}
        rows = main(
            dict(zip(coefficients, snakemake.input.models, strict=True)),
            coefficients,
            snakemake.params.nucleus_of,
            files.read_jsonl(snakemake.input.prompts),
            snakemake.params.samples,
            snakemake.params.generation,
            snakemake.params.seed,
        )
        files.write_jsonl(snakemake.output.texts, rows)
