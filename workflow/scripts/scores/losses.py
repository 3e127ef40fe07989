"""NLL of test texts under one model: text (its set), text_id, nll (a sum), n_tokens."""

from paramlerp.jobs import files
from paramlerp.jobs.runtime import Progress, job
from paramlerp.lm import models, scoring

if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        paths = dict(zip(params.sets, snakemake.input.tests, strict=True))
        texts = files.read_texts(paths, params.test_texts)
        model, tokenizer = models.load_causal_lm(snakemake.input.model)
        progress = Progress(sum(map(len, texts.values())), "texts")
        rows = scoring.losses(model, tokenizer, texts, params.max_tokens, progress)
        files.write_rows(snakemake.output.losses, rows)
