"""Continue every prompt with an ensemble of models, a JSON line a text.

z = z0 + alpha (z+ - z-) at each step, in place of weights (section 3.2 of the paper).
"""

from decimal import Decimal

from paramlerp import decoding, ensembles, files, schemes
from paramlerp.runtime import Progress, job


def main(
    directories: dict[str, str],
    coefficients: dict[str, Decimal],
    truncated: bool,
    prompts: list[dict],
    how: dict,
    seed: int,
) -> list[dict]:
    loaded, weights, tokenizer = ensembles.load(directories, coefficients)
    sources = [decoding.ModelLogits(model) for model in loaded]
    source = decoding.EnsembleLogits(sources, weights, how["top_p"] if truncated else None)
    said = Progress(len(prompts) * how["samples"], "texts")
    return decoding.continue_prompts(source, tokenizer, prompts, how, seed, said)


if __name__ == "__main__":
    with job(snakemake):
        scheme, point = snakemake.wildcards.scheme, snakemake.wildcards.point
        coefficients = schemes.coefficients(scheme, *schemes.values(point))
        rows = main(
            {name: snakemake.input[name] for name in coefficients},
            coefficients,
            scheme == "truncated_ensemble",
            files.read_jsonl(snakemake.input.prompts),
            snakemake.params.generation,
            snakemake.params.seed,
        )
        files.write_jsonl(snakemake.output.texts, rows)
