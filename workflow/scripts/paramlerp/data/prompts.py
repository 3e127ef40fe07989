"""Prompts drawn from the texts of a source."""

from itertools import islice

from ..jobs.errors import UserError
from ..jobs.seeds import seed_for
from .readers import Row
from .selections import is_selected


def draw(
    rows: list[Row], *, count: int | None, words: int | None, selection: dict, seed: int
) -> dict[str, str]:
    """`count` distinct prompts (default: all), each with the document that it is drawn from.

    A prompt is a selected text, or its first `words` words. A text that is cut must have at
    least three words more than its prompt, so that there is something to continue. The order is
    that of a hash of seed and text. No document gives two prompts, since intervals are made by
    drawing prompts as if they were independent.
    Raises UserError if there are fewer than `count` prompts, or none.
    """
    prompts, documents = {}, set()
    for row in sorted(rows, key=lambda row: seed_for(seed, row.text)):
        parts = row.text.split()
        if not is_selected(row, selection) or not parts or (words and len(parts) < words + 3):
            continue
        prompt = " ".join(parts[:words])
        if prompt not in prompts and row.document not in documents:
            prompts[prompt] = row.document
            documents.add(row.document)
    if len(prompts) < (count or 1):
        length = f" with {words + 3} words or more" if words else ""
        raise UserError(
            f"{count or 1} prompts are asked for, but there are {len(prompts)} different ones, each"
            f" of another document, in its texts{length}"
        )
    return dict(islice(prompts.items(), count))
