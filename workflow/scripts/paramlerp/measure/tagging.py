"""A grammar scorer from an edit tagger (GECToR, Omelianchuk et al. 2020), without PyTorch."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from ..jobs.errors import UserError
from ..lm.batching import batches_by_length, pad

#: tokens of one batch, padding included
BATCH_TOKENS = 2048


def first_word(prompt: str, text: str) -> int:
    """The number, from 0, of the first word of `prompt + text` that `text` adds or completes.

    Words are split at white space. If there is no such word, it is the number of words.
    """
    completes = bool(prompt and text) and not (prompt[-1].isspace() or text[0].isspace())
    return len(prompt.split()) - completes


class Tagger:
    """Predicts, for each word of a text, the edit that it needs; the tag $KEEP is no edit.

    `directory` holds tagger.onnx, tokenizer.json and tag_vocab.json. Raises UserError if one of
    them is missing or the tags lack $KEEP.
    """

    def __init__(self, directory, threads: int):
        directory = Path(directory)
        for name in ("tagger.onnx", "tokenizer.json", "tag_vocab.json"):
            if not (directory / name).exists():
                raise UserError(f"{directory / name}: no such file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        self.path = directory / "tagger.onnx"
        self.session = onnxruntime.InferenceSession(
            self.path, options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.tokenizer.no_truncation()
        tags = json.loads((directory / "tag_vocab.json").read_text())["tags"]
        if "$KEEP" not in tags:
            raise UserError(f"{directory / 'tag_vocab.json'}: no tag $KEEP")
        self.keep = tags.index("$KEEP")

    def acceptability(
        self,
        texts: Sequence[str],
        starts: Sequence[int],
        progress: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """The geometric mean of P(the word needs no edit) over words of each text: (texts,).

        The words from number `starts[i]` on (0: all) count in text i; the tagger reads the words
        before them as context. Words are split at white space; a word's tag is predicted at its
        first token. The sum of logs would penalise length, so it is divided by the number of
        words. NaN if no word counts. `progress` gets the number of texts done. Raises UserError if
        a logit is NaN.
        """
        encoded = [self.tokenizer.encode(t.split(), is_pretokenized=True) for t in texts]
        scores, done = np.full(len(texts), np.nan), 0
        for batch in batches_by_length([len(e.ids) for e in encoded], BATCH_TOKENS):
            ids = pad([encoded[i].ids for i in batch], 0)
            mask = pad([encoded[i].attention_mask for i in batch], 0)
            (logits,) = self.session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
            logits = logits.astype(np.float64)
            top = logits.max(-1)
            log_sum = top + np.log(np.exp(logits - top[..., None]).sum(-1))
            log_keep = logits[..., self.keep] - log_sum
            if np.isnan(log_keep[mask > 0]).any():
                raise UserError(f"{self.path}: its logits hold NaN or Inf")
            for row, index in zip(log_keep, batch, strict=True):
                words = encoded[index].word_ids
                first = [i for i, w in enumerate(words) if w is not None and w not in words[:i]]
                counted = [i for i in first if words[i] >= starts[index]]
                if counted:
                    scores[index] = np.exp(row[counted].mean())
            done += len(batch)
            progress(done)
        return scores
