"""Write the first texts of a streamed corpus's validation split: its held-out texts.

Each text is a document of its own.
"""

from itertools import islice

from paramlerp.data import corpora, tables
from paramlerp.jobs import files
from paramlerp.jobs.errors import UserError
from paramlerp.jobs.runtime import job


def main(text: dict, count: int) -> list[str]:
    """`text` holds the arguments of `corpora.Documents`."""
    documents = corpora.Documents(**text, split="validation")
    with tables.datasets_errors_in(documents.where):
        texts = [
            tables.text_cell(row, documents.column, documents.where, number)
            for number, row in enumerate(islice(documents.rows, count))
        ]
    if not texts:
        raise UserError(f"{documents.where}: its validation split is empty")
    return texts


if __name__ == "__main__":
    with job(snakemake):
        params = snakemake.params
        texts = main(params.documents, params.n_texts)
        corpus = snakemake.wildcards.corpus
        rows = ({"document": f"{corpus}/{i}", "text": text} for i, text in enumerate(texts, 1))
        files.write_jsonl(snakemake.output.held_out, rows)
