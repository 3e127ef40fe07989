"""A per-word edit tagger (GECToR, Omelianchuk et al. 2020) as a grammar scorer, without torch."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from ..jobs.errors import UserError
from ..lm.batching import by_length, pad

BATCH_TOKENS = 2048


class Tagger:
    """tagger.onnx, tokenizer.json and tag_vocab.json of one directory."""

    def __init__(self, directory, threads: int):
        directory = Path(directory)
        for name in ("tagger.onnx", "tokenizer.json", "tag_vocab.json"):
            if not (directory / name).exists():
                raise UserError(f"{directory / name}: no such file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            directory / "tagger.onnx", options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.tokenizer.no_truncation()
        tags = json.loads((directory / "tag_vocab.json").read_text())["tags"]
        if "$KEEP" not in tags:
            raise UserError(f"{directory / 'tag_vocab.json'}: no tag $KEEP")
        self.keep = tags.index("$KEEP")

    def acceptable(self, texts: Sequence[str], progress=lambda done: None) -> np.ndarray:
        """(texts,): the geometric mean over words of P(the word needs no edit).

        Words are split at spaces; a word's tag is read at its first piece. The
        geometric mean, since a sum of logs would punish length. A text without a
        word gets NaN.
        """
        encoded = [self.tokenizer.encode(t.split(), is_pretokenized=True) for t in texts]
        out, done = np.full(len(texts), np.nan), 0
        for batch in by_length([len(e.ids) for e in encoded], BATCH_TOKENS):
            ids = pad([encoded[i].ids for i in batch], 0)
            mask = pad([encoded[i].attention_mask for i in batch], 0)
            (logits,) = self.session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
            logits = logits.astype(np.float64)
            top = logits.max(-1)
            total = top + np.log(np.exp(logits - top[..., None]).sum(-1))
            keep = logits[..., self.keep] - total
            for row, index in zip(keep, batch, strict=True):
                words = encoded[index].word_ids
                first = [i for i, w in enumerate(words) if w is not None and w not in words[:i]]
                if first:
                    out[index] = np.exp(row[first].mean())
            done += len(batch)
            progress(done)
        return out
