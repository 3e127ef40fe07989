"""NLL of test sentences of both poles under one model: pole, text_id, nll (a sum), n_tokens."""

from paramlerp import files, models, scoring
from paramlerp.names import POLES
from paramlerp.runtime import Progress, job

if __name__ == "__main__":
    with job(snakemake):
        texts = files.read_texts(
            {pole: snakemake.input[f"{pole}_test"] for pole in POLES},
            snakemake.params.test_texts,
        )
        model, tokenizer = models.load_causal_lm(snakemake.input.model)
        said = Progress(sum(map(len, texts.values())), "texts")
        rows = scoring.losses(model, tokenizer, texts, snakemake.params.max_tokens, said)
        files.write_rows(snakemake.output.losses, rows)
