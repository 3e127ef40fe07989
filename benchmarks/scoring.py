"""All scores of a point's texts: sentiment, grammar and perplexity, one core.

The models are loaded before the clock starts. VADER is left out: it takes a hundredth of a
second, the same on every side.
"""

from functools import partial

import bench
from bench import Setup, timed

UNIT = "texts"
OURS = "ours"
CASES = ["g1/alpha=0.500", "g2/alpha=0.500"]


def _scorers(setup: Setup):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from paramlerp.lm import models
    from paramlerp.measure.tagging import Tagger

    torch.set_num_threads(setup.threads)
    folder = setup.checkpoint("sentiment_judge")
    classifier = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    classifier = classifier.to(models.device())
    tagger = Tagger(setup.results / "sources" / "tagger", setup.threads)
    return classifier, AutoTokenizer.from_pretrained(folder), tagger


def ours(setup: Setup) -> dict:
    from paramlerp.lm import continuations
    from paramlerp.measure import classifiers
    from paramlerp.measure.tagging import first_word

    model, tokenizer = bench.our_model(setup.checkpoint("base"), setup.threads)
    classifier, classifier_tokenizer, tagger = _scorers(setup)

    def score(rows: list[dict]) -> dict:
        texts = [row["prompt"] + row["text"] for row in rows]
        classifiers.probabilities(classifier, classifier_tokenizer, texts, 128)
        starts = [first_word(row["prompt"], row["text"]) for row in rows]
        tagger.acceptability(texts, starts)
        pairs = [
            continuations.encode_continuation(tokenizer, row["prompt"], row["text"]) for row in rows
        ]
        sequences, starts = zip(*pairs, strict=True)
        parts = continuations.continuation_nll(model, list(sequences), list(starts))
        return {"amount": len(rows), "nll": sum(float(part.sum()) for part in parts)}

    return _measured(score, setup)


def _measured(score, setup: Setup) -> dict:
    rows = setup.texts()
    score(rows[:4])
    return timed(lambda: score(rows))


def _in_slices(setup: Setup, size: int, sentiment) -> dict:
    """Texts in their original order, `size` at a time, through transformers."""
    import torch

    from paramlerp.lm.continuations import encode_continuation
    from paramlerp.lm.tokenization import encode
    from paramlerp.measure.tagging import first_word

    model, tokenizer = bench.plain_model(setup.checkpoint("base"), setup.threads)
    classifier, classifier_tokenizer, tagger = _scorers(setup)
    classify = sentiment(classifier, classifier_tokenizer)

    @torch.inference_mode()
    def nll_of(rows: list[dict]) -> float:
        pairs = [encode_continuation(tokenizer, row["prompt"], row["text"]) for row in rows]
        width = max(len(ids) for ids, _ in pairs)
        eos = encode(tokenizer, "")
        ids = torch.tensor([row + eos * (width - len(row)) for row, _ in pairs])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row, _ in pairs])
        ids, mask = ids.to(model.device), mask.to(model.device)
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
        nll = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
        )
        return sum(
            float(row[start - 1 : len(tokens) - 1].sum())
            for row, (tokens, start) in zip(nll.view(len(ids), -1), pairs, strict=True)
        )

    def score(rows: list[dict]) -> dict:
        texts = [row["prompt"] + row["text"] for row in rows]
        classify(texts)
        total = 0.0
        firsts = [first_word(row["prompt"], row["text"]) for row in rows]
        for start in range(0, len(rows), size):
            chosen = slice(start, start + size)
            tagger.acceptability(texts[chosen], firsts[chosen])
            total += nll_of(rows[chosen])
        return {"amount": len(rows), "nll": total}

    return _measured(score, setup)


def one_at_a_time(setup: Setup) -> dict:
    import torch

    def sentiment(model, tokenizer):
        @torch.inference_mode()
        def classify(texts):
            for text in texts:
                model(**tokenizer(text, return_tensors="pt").to(model.device)).logits.softmax(-1)

        return classify

    return _in_slices(setup, 1, sentiment)


def in_batches(setup: Setup, size: int = 16) -> dict:
    from transformers import pipeline

    def sentiment(model, tokenizer):
        return pipeline(
            "text-classification", model, tokenizer=tokenizer, batch_size=size, device=model.device
        )

    return _in_slices(setup, size, sentiment)


SIDES = {
    "ours": ours,
    "one text at a time": one_at_a_time,
    "transformers.pipeline and padded batches, 16 texts each": partial(in_batches, size=16),
}

if __name__ == "__main__":
    bench.main(SIDES)
