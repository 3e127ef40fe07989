"""What a pretrained model's validation loss is to be compared with: two guesses without context.

`uniform_loss` is ln of the vocabulary's size. `unigram_loss` is the mean NLL under the counts of
tokens in the corpus, where one is added to every count. Both are in nats a token, over the tokens
of held-out text that validation losses are over: blocks without their first token.
"""

from collections.abc import Iterable
from itertools import islice

import numpy as np

from paramlerp.data import corpora
from paramlerp.jobs import files
from paramlerp.jobs.runtime import job
from paramlerp.lm import tokenization

#: tokens of at most so many texts are counted; a stream may have hundreds of millions
TEXTS = 100_000
#: texts that are tokenized at a time
BATCH = 1000


def main(
    texts: Iterable[str],
    held_out: list[str],
    encode: corpora.Encode,
    vocabulary: int,
    block: int,
    eos: int,
) -> dict:
    """The two losses, and `n_tokens`, the number of tokens that they are over.

    `texts` are of the corpus, each followed by the id `eos`; held-out text is cut into blocks of
    `block` ids. Ids are below `vocabulary`.
    """
    counts, texts = np.ones(vocabulary), iter(texts)
    while batch := list(islice(texts, BATCH)):
        for ids in encode(batch):
            counts += np.bincount([*ids, eos], minlength=vocabulary)
    tokens = corpora.pack(held_out, encode, block, eos)[:, 1:].ravel()
    nll = np.log(counts.sum()) - np.log(counts)
    return {
        "uniform_loss": float(np.log(vocabulary)),
        "unigram_loss": float(nll[tokens].mean()),
        "n_tokens": len(tokens),
    }


if __name__ == "__main__":
    with job(snakemake):
        inputs, params = snakemake.input, snakemake.params
        tokenizer = tokenization.load_lm_tokenizer(inputs.tokenizer)
        documents = corpora.Documents(**params.documents)
        texts = (text for shard in range(corpora.SHARDS) for _, text in documents.read(shard))
        held_out = [row["text"] for row in files.read_jsonl(inputs.held_out)]
        row = main(
            islice(texts, TEXTS),
            held_out[: params.validation_texts],
            lambda texts: tokenizer(texts, add_special_tokens=False)["input_ids"],
            len(tokenizer),
            params.block,
            tokenizer.eos_token_id,
        )
        files.write_rows(snakemake.output.losses, [row])
