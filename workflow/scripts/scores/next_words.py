"""The probability of each word of two lists right after a prompt, computed without sampling.

The probability of a word of several tokens is the product of its tokens' probabilities, each
given the tokens before. A row per word: pole, word, n_tokens, nll (-ln P).
"""

from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.lm import continuations, models, tokenization


def main(model_dir, prompt: str, words: dict[str, list[str]], attribute: str) -> list[dict]:
    """The rows of `words`, a list for each pole.

    Raises UserError for a word that the tokenizer lacks or merges with the prompt; the message
    names the word's key in the config.
    """
    key = f"config: attributes.{attribute}.next_words.words"
    model, tokenizer = models.load_causal_lm(model_dir)
    rows = [{"pole": pole, "word": word} for pole, listed in words.items() for word in listed]
    prompt_ids = tokenization.encode(tokenizer, prompt)
    pairs = [
        continuations.encode_continuation(tokenizer, prompt, f" {row['word']}") for row in rows
    ]
    for row, (ids, start) in zip(rows, pairs, strict=True):
        if ids[:start] != prompt_ids or start == len(ids):
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
    parts = continuations.continuation_nll(model, sequences, starts)
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
