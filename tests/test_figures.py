"""Figures: what they show is all inside them."""

import pandas as pd
import pytest

import fig3
import fig5
from paramlerp import plotting


@pytest.mark.parametrize("grammar", ["tagger", "classifier"])
@pytest.mark.parametrize("sets", [["neutral"], ["neutral", "positive", "negative"]])
def test_no_text_of_figures_3_and_5_is_cut(grammar, sets):
    plotting.plt.rcParams.update(plotting.STYLE)
    table = a_table(sets)
    for figure in (fig3.main(table, 0.95, grammar), fig5.main(table, table, 0.95, grammar)):
        assert_whole(figure)


def a_table(sets: list[str]) -> pd.DataFrame:
    alphas = [-2, -1, 0, 0.5, 1, 3]
    rows = [{"prompts": s, "alpha": a, "n_texts": 10} for s in sets for a in alphas]
    table = pd.DataFrame(rows)
    for metric, high in (("sentiment", 1), ("perplexity", 1e4), ("grammar", 1)):
        for end, share in (("_low", 0.2), ("", 0.5), ("_high", 0.9)):
            table[f"{metric}{end}"] = high * share
    return table


def assert_whole(figure) -> None:
    """Titles, labels and notes lie inside the picture."""
    figure.canvas.draw()
    width, height = figure.bbox.width, figure.bbox.height
    texts = [axis.title for axis in figure.axes] + [axis.xaxis.label for axis in figure.axes]
    texts += [axis._left_title for axis in figure.axes] + [figure._supxlabel]
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    plotting.plt.close(figure)
