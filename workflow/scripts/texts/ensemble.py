"""Continue every prompt with an ensemble: one JSON line per text.

At each step an ensemble mixes the logits of its models, z = sum_i c_i z_i; other schemes mix the
weights (section 3.2 of the paper).
"""

from decimal import Decimal

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import decoding, ensembles


def main(
    directories: dict[str, str],
    coefficients: dict[str, Decimal],
    nucleus_of: str | None,
    prompts: list[dict],
    samples: list[int],
    settings: dict,
    seed: int,
) -> list[dict]:
    """`nucleus_of` names the model whose nucleus truncates the logits; None: no truncation."""
    members, weights, tokenizer = ensembles.load(directories, coefficients, nucleus_of)
    sources = [decoding.ModelLogits(model) for model in members]
    source = decoding.EnsembleLogits(sources, weights, settings["top_p"] if nucleus_of else None)
    progress = Progress(len(prompts) * len(samples), "texts")
    return decoding.continue_prompts(source, tokenizer, prompts, samples, settings, seed, progress)


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
