"""The grid's best: one rule for the checkpoint and for table 2."""

import logging
from pathlib import Path

import pandas as pd
import pytest

from checkpoints import select_candidate
from paramlerp.jobs.errors import UserError
from paramlerp.training.selection import best_candidate
from tables import training_tables

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("perplexities", "best"),
    [([5.0, 3.0, 4.0], 1), ([3.0, 3.0], 0), ([NAN, 5.0], 1), ([5.0, NAN], 0), ([INF, NAN, 7.0], 2)],
)
def test_the_lowest_finite_perplexity_wins(perplexities, best):
    assert best_candidate(perplexities) == best


def test_no_finite_perplexity_is_an_error():
    for perplexities in ([NAN], [NAN, INF], []):
        with pytest.raises(UserError, match="no candidate has a finite validation perplexity"):
            best_candidate(perplexities)


def write_losses(folder: Path, name: str, *perplexities: float) -> str:
    """The losses of a fine-tuning, and a candidate of its name beside them."""
    (folder / name).mkdir()
    (folder / name / "model.txt").write_text(name)
    path = folder / f"{name}.csv"
    pd.DataFrame({"validation_perplexity": perplexities}).to_csv(path, index=False)
    return str(path)


def test_table_2_names_the_candidate_that_became_the_checkpoint(tmp_path):
    """Also where the first candidate's perplexity is NaN, which `min` would return."""
    losses = [write_losses(tmp_path, "a", 9, NAN), write_losses(tmp_path, "b", 9, 5)]
    losses += [write_losses(tmp_path, "c", 9, 6)]
    candidates = [str(tmp_path / name) for name in "abc"]
    select_candidate.main(candidates, losses, str(tmp_path / "best"), logging.getLogger())
    assert (tmp_path / "best" / "model.txt").read_text() == "b"
    runs = [{"checkpoint": "expert", "steps": steps} for steps in (1, 2, 3)]
    _, best = training_tables.main(runs, losses)
    assert best["steps"].to_list() == [2]
    with pytest.raises(UserError, match="no candidate"):
        select_candidate.main(candidates[:1], losses[:1], str(tmp_path / "x"), logging.getLogger())
