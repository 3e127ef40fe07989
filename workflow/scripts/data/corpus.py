"""Make a corpus for pretraining: its text in as many files as there are shards, some held out.

Texts are ordered by a hash of seed and text, and the last are held out: the split by
which experts are trained takes its texts from the front of the same order, so what is
held out here is no expert's either (unless a source's official splits were kept, or the
experts have almost all of it).
"""

from paramlerp.data import corpora, readers
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job
from paramlerp.jobs.seeds import seed_for


def main(
    paths: list[str], readings: list[dict], share: float, seed, train: str, held_out: str, log
):
    rows = [
        row for path, how in zip(paths, readings, strict=True) for row in readers.read(path, how)
    ]
    texts = sorted({row.text for row in rows if row.text}, key=lambda text: seed_for(seed, text))
    kept = len(texts) - max(1, round(share * len(texts)))
    if kept < corpora.SHARDS:
        raise UserError(f"{', '.join(paths)}: {len(texts)} texts are too few to pretrain on")
    log.info("%d texts, %d held out", kept, len(texts) - kept)
    with files.writing(train) as beside:
        beside.mkdir()
        for shard in range(corpora.SHARDS):
            name = f"train-{shard:05d}-of-{corpora.SHARDS:05d}.jsonl"
            files.write_jsonl(
                beside / name, ({"text": t} for t in texts[shard : kept : corpora.SHARDS])
            )
    files.write_jsonl(held_out, ({"text": text} for text in texts[kept:]))


if __name__ == "__main__":
    with job(snakemake) as log:
        main(
            snakemake.input.sources,
            snakemake.params.readings,
            snakemake.params.held_out,
            snakemake.params.seed,
            snakemake.output.train,
            snakemake.output.held_out,
            log,
        )
