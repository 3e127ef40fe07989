"""NLL of test texts under one model.

A row per text: text (its set), text_id, document, nll (in nats, summed over the text), n_tokens.
"""

from paramlerp.jobs import files
from paramlerp.jobs.progress import Progress
from paramlerp.jobs.runtime import job
from paramlerp.lm import models, text_losses

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        paths = dict(zip(params.test_sets, snakemake.input.tests, strict=True))
        texts = files.read_texts(paths, params.texts_per_set)
        model, tokenizer = models.load_causal_lm(snakemake.input.model)
        progress = Progress(sum(map(len, texts.values())), "texts")
        rows = text_losses.measure_losses(model, tokenizer, texts, params.max_tokens, progress)
        files.write_rows(snakemake.output.losses, rows)
