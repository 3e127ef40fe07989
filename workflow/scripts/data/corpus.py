"""Write the text of a pretraining corpus, a file for each shard, and its held-out texts.

Texts are ordered by a hash of seed and text, and the last of them are held out. The split of an
attribute takes its experts' texts from the front of the same order, so no expert is trained on a
held-out text, unless a source's official splits were kept or the experts use almost all texts.
"""

from paramlerp.data import corpora, readers
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.jobs.seeds import seed_for


def main(
    paths: list[str],
    readings: list[dict],
    held_out_share: float,
    seed,
    train: str,
    held_out: str,
    log,
) -> None:
    rows = [
        row
        for path, reading in zip(paths, readings, strict=True)
        for row in readers.read(path, reading)
    ]
    texts = sorted({row.text for row in rows if row.text}, key=lambda text: seed_for(seed, text))
    count = len(texts) - max(1, round(held_out_share * len(texts)))
    if count < corpora.SHARDS:
        raise UserError(f"{', '.join(paths)}: {len(texts)} texts are too few to pretrain on")
    log.info("%d texts, %d held out", count, len(texts) - count)
    with files.writing(train) as folder:
        folder.mkdir()
        for shard in range(corpora.SHARDS):
            name = f"train-{shard:05d}-of-{corpora.SHARDS:05d}.jsonl"
            shard_texts = texts[shard : count : corpora.SHARDS]
            files.write_jsonl(folder / name, ({"text": text} for text in shard_texts))
    files.write_jsonl(held_out, ({"text": text} for text in texts[count:]))


if __name__ == "__main__":
    with job(snakemake) as log:
        main(
            snakemake.input.sources,
            snakemake.params.readings,
            snakemake.params.held_out_share,
            snakemake.params.seed,
            snakemake.output.train,
            snakemake.output.held_out,
            log,
        )
