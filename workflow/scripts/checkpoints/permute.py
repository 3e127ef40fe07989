"""Make a model's permuted copy: the same function, hidden units and heads in another order."""

from paramlerp.jobs.runtime import job
from paramlerp.lm import models
from paramlerp.weights import permutation

if __name__ == "__main__":
    with job(snakemake):
        model, tokenizer = models.load_causal_lm(snakemake.input.model, train=True)
        permutation.permute(model, *snakemake.params.seed)
        models.save(model, tokenizer, snakemake.output.model)
