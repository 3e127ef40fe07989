"""Continue every prompt with an ensemble of models, a JSON line a text.

z = z0 + alpha (z+ - z-) at each step, in place of weights (section 3.2 of the paper).
A model whose coefficient is 0 is not even loaded.
"""

from decimal import Decimal

from paramlerp import decoding, files, models, schemes
from paramlerp.runtime import Progress, job


def main(
    directories: dict[str, str],
    coefficients: dict[str, Decimal],
    truncated: bool,
    prompts: list[dict],
    how: dict,
    seed: int,
) -> list[dict]:
    taking_part = {name: c for name, c in coefficients.items() if c}
    loaded = [models.load_causal_lm(directories[name]) for name in taking_part]
    source = decoding.EnsembleLogits(
        [decoding.ModelLogits(model) for model, _ in loaded],
        [float(c) for c in taking_part.values()],
        how["top_p"] if truncated else None,
    )
    said = Progress(len(prompts) * how["samples"], "texts")
    return decoding.continue_prompts(source, loaded[0][1], prompts, how, seed, said)


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
