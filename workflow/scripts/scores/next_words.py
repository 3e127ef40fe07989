"""How probable each word of two lists is to come right after a prompt.

A word of several tokens has the product of their probabilities, each given those
before. No sampling takes part. A row a word: pole, word, n_tokens, nll (-ln P).
"""

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.lm import models, scoring


def main(model_dir, prompt: str, words: dict[str, list[str]], attribute: str) -> list[dict]:
    """Raises UserError for a word that the tokenizer lacks, or merges with the prompt; it names
    the key of the attribute."""
    key = f"config: attributes.{attribute}.next_words.words"
    model, tokenizer = models.load_causal_lm(model_dir)
    rows = [{"pole": pole, "word": word} for pole, own in words.items() for word in own]
    before = models.encode(tokenizer, prompt)
    pairs = [scoring.continuation(tokenizer, prompt, f" {row['word']}") for row in rows]
    for row, (ids, start) in zip(rows, pairs, strict=True):
        if ids[:start] != before or start == len(ids):
            raise UserError(
                f"{key}.{row['pole']}: {row['word']!r} is no token or tokens of its own"
                f" after {prompt!r}: the tokenizer of {model_dir} merges the two"
            )
        if tokenizer.unk_token_id in ids[start:] and tokenizer.unk_token_id is not None:
            raise UserError(
                f"{key}.{row['pole']}: the tokenizer of {model_dir}"
                f" has no tokens for {row['word']!r}"
            )
    sequences, starts = [ids for ids, _ in pairs], [start for _, start in pairs]
    parts = scoring.continuation_nll(model, sequences, starts)
    return [
        {**row, "n_tokens": len(part), "nll": part.sum(dtype="float64")}
        for row, part in zip(rows, parts, strict=True)
    ]


if __name__ == "__main__":
    with job(snakemake):
        rows = main(
            snakemake.input.model,
            snakemake.params.prompt,
            snakemake.params.words,
            snakemake.wildcards.attribute,
        )
        files.write_rows(snakemake.output.words, rows)
