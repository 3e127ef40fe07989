"""Selections: the texts of a source that the config means, by their label or rating."""

import math
from dataclasses import replace

from ..jobs.errors import UserError
from .readers import Row


def is_selected(row: Row, selection: dict) -> bool:
    """Whether a row's label is in `labels`, or its rating within `at_least` and `at_most`.

    An empty selection selects every row.
    """
    if "labels" in selection:
        return row.label in selection["labels"]
    if not selection:
        return True
    return selection.get("at_least", -math.inf) <= row.label <= selection.get("at_most", math.inf)


def assign_poles(rows: list[Row], selections: dict[str, dict]) -> list[Row]:
    """The rows that one of `selections` (pole -> selection) selects, with their pole, in order.

    Raises UserError if a row stands for two poles.
    """
    selected = []
    for row in rows:
        poles = [pole for pole, selection in selections.items() if is_selected(row, selection)]
        if len(poles) > 1:
            raise UserError(f"{row.id}: {row.label!r} stands for {' and for '.join(poles)}")
        selected += [replace(row, pole=pole) for pole in poles]
    return selected
