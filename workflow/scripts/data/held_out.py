"""The first texts of a stream's validation split, to be tested on."""

from itertools import islice

from paramlerp.data import corpora, readers
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job


def main(text: dict, count: int) -> list[str]:
    documents = corpora.Documents(**text, split="validation")
    with readers.about_table(documents.where):
        texts = [
            readers.text_of(row, documents.column, documents.where, number)
            for number, row in enumerate(islice(documents.rows, count))
        ]
    if not texts:
        raise UserError(f"{documents.where}: its validation split is empty")
    return texts


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        texts = main(params.text, params.n_texts)
        files.write_jsonl(snakemake.output.held_out, ({"text": text} for text in texts))
