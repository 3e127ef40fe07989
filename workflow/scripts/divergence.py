"""How far g2(alpha) is from the ensemble at the same alpha, along real sentences.

KL(ensemble || g2) of the next token, in nats, summed over a sentence's n_tokens. Were
the logits linear in the weights the two would be one model (section 5.2 of the paper);
this is how much they are not.
"""

from paramlerp import ensembles, files, models, schemes, scoring
from paramlerp.names import POLES
from paramlerp.runtime import Progress, job

if __name__ == "__main__":
    with job(snakemake):
        coefficients = schemes.coefficients("ensemble", *schemes.values(snakemake.wildcards.point))
        directories = {name: snakemake.input[name] for name in coefficients}
        own, weights, tokenizer = ensembles.load(directories, coefficients)
        merged, _ = models.load_causal_lm(snakemake.input.model)
        tests = {pole: snakemake.input[f"{pole}_test"] for pole in POLES}
        texts = files.read_texts(tests, snakemake.params.test_texts)
        said = Progress(sum(map(len, texts.values())), "texts")
        rows = scoring.divergence(
            own, weights, merged, tokenizer, texts, snakemake.params.max_tokens, said
        )
        files.write_rows(snakemake.output.divergence, rows)
