"""Prompts drawn from the texts of a source."""

from ..jobs.errors import UserError
from ..jobs.seeds import seed_for
from .readers import Row
from .selections import is_selected


def draw(
    rows: list[Row], *, count: int | None, words: int | None, selection: dict, seed: int
) -> list[str]:
    """`count` distinct prompts (default: all): selected texts, or their first `words` words.

    A text that is cut must have at least three words more than its prompt, so that there is
    something to continue. The order is that of a hash of seed and text.
    Raises UserError if there are fewer than `count` prompts, or none.
    """
    prompts = {}  # a dict, as an ordered set
    for row in sorted(rows, key=lambda row: seed_for(seed, row.text)):
        parts = row.text.split()
        if not is_selected(row, selection) or not parts or (words and len(parts) < words + 3):
            continue
        prompts[" ".join(parts[:words])] = None
    if len(prompts) < (count or 1):
        length = f" with {words + 3} words or more" if words else ""
        raise UserError(
            f"{count or 1} prompts are asked for, but there are {len(prompts)} different ones in"
            f" its texts{length}"
        )
    return list(prompts)[:count]
