"""KL(ensemble || merged) along test texts: merged weights against the ensemble of the same point.

The divergence of the next token, in nats, summed over the n_tokens of a text. If logits were
linear in the weights, the two would be one model (section 5.2 of the paper); the divergence
measures how far they are from that.
"""

from decimal import Decimal

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import ensembles, models, text_losses

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        coefficients = {name: Decimal(c) for name, c in params.coefficients.items()}
        directories = dict(zip(coefficients, snakemake.input.models, strict=True))
        members, weights, tokenizer = ensembles.load(directories, coefficients)
        merged, _ = models.load_causal_lm(snakemake.input.model)
        paths = dict(zip(params.test_sets, snakemake.input.tests, strict=True))
        texts = files.read_texts(paths, params.texts_per_set)
        progress = Progress(sum(map(len, texts.values())), "texts")
        rows = text_losses.measure_divergence(
            members, weights, merged, tokenizer, texts, params.max_tokens, progress
        )
        files.write_rows(snakemake.output.divergence, rows)
