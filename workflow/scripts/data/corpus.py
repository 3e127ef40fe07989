"""Write the text of a pretraining corpus, a file for each shard, and its held-out texts.

Documents are ordered by a hash of seed and texts, and the last of them are held out. The split of
an attribute takes its experts' documents from the front of the same order, so no expert is trained
on a held-out text, unless a source's official splits were kept or the experts use almost all texts.
A text that several documents have is kept once. Documents that prompts are drawn from are left out.
"""

from itertools import chain

from paramlerp.data import corpora, documents
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job


def main(
    corpus: str,
    paths: list[str],
    readings: list[dict],
    prompts: list[list[str]],
    held_out_share: float,
    seed,
    train: str,
    held_out: str,
    log,
) -> None:
    """`prompts` has for each source the files of prompts that are drawn from it. Ids of documents
    begin with `corpus`, since those of several files of test text may be resampled together."""
    rows = list(chain.from_iterable(documents.read_training_text(paths, readings, prompts)))
    distinct = {}
    for row in rows:
        distinct.setdefault(row.text, row)
    ordered = documents.in_order(distinct.values(), documents.order(rows, seed))
    last = len(distinct) - max(1, round(held_out_share * len(distinct)))
    # The last document is held out even if its middle is not.
    front = documents.cut(ordered[:-1], [last])[0]
    texts = [row.text for row in chain.from_iterable(front)]
    tests = list(chain.from_iterable(ordered[len(front) :]))
    if len(texts) < corpora.SHARDS:
        raise UserError(f"{', '.join(paths)}: {len(distinct)} texts are too few to pretrain on")
    log.info("%d texts, %d held out", len(texts), len(tests))
    with files.writing(train) as folder:
        folder.mkdir()
        for shard in range(corpora.SHARDS):
            name = f"train-{shard:05d}-of-{corpora.SHARDS:05d}.jsonl"
            shard_texts = texts[shard :: corpora.SHARDS]
            files.write_jsonl(folder / name, ({"text": text} for text in shard_texts))
    files.write_jsonl(
        held_out, ({"document": f"{corpus}/{row.document}", "text": row.text} for row in tests)
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        main(
            snakemake.wildcards.corpus,
            snakemake.input.sources,
            snakemake.params.readings,
            snakemake.params.prompts,
            snakemake.params.held_out_share,
            snakemake.params.seed,
            snakemake.output.train,
            snakemake.output.held_out,
            log,
        )
