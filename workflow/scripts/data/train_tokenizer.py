"""Train a byte-level BPE tokenizer, of GPT-2's kind, on the text of corpora."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from paramlerp.jobs import files
from paramlerp.jobs.runtime import job

EOS = "<|endoftext|>"


def main(folders: list[str], vocabulary: int, target: str) -> None:
    bpe = Tokenizer(BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    paths = [path for folder in folders for path in sorted(Path(folder).glob("*.jsonl"))]
    bpe.train_from_iterator(
        (row["text"] for path in paths for row in files.read_jsonl(path)), trainer
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token=EOS, eos_token=EOS)
    with files.writing(target) as folder:
        tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    with job(snakemake):
        main(snakemake.input.corpora, snakemake.params.vocabulary, snakemake.output.tokenizer)
