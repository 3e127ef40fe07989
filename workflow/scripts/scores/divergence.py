"""How far merged weights are from the ensemble of the same coefficients, along real sentences.

KL(ensemble || merged) of the next token, in nats, summed over a sentence's n_tokens. Were
the logits linear in the weights the two would be one model (section 5.2 of the paper);
this is how much they are not.
"""

from decimal import Decimal

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import ensembles, models, scoring

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        coefficients = {name: Decimal(c) for name, c in params.coefficients.items()}
        directories = dict(zip(coefficients, snakemake.input.models, strict=True))
        own, weights, tokenizer = ensembles.load(directories, coefficients)
        merged, _ = models.load_causal_lm(snakemake.input.model)
        paths = dict(zip(params.sets, snakemake.input.tests, strict=True))
        texts = files.read_texts(paths, params.test_texts)
        progress = Progress(sum(map(len, texts.values())), "texts")
        rows = scoring.divergence(
            own, weights, merged, tokenizer, texts, params.max_tokens, progress
        )
        files.write_rows(snakemake.output.divergence, rows)
