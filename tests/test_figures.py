"""Figures: what they show is all inside them."""

import pandas as pd
import pytest

import fig3
from paramlerp import plotting


@pytest.mark.parametrize("grammar", ["tagger", "classifier"])
@pytest.mark.parametrize("sets", [["neutral"], ["neutral", "positive", "negative"]])
def test_no_text_of_figure_3_is_cut(grammar, sets):
    plotting.plt.rcParams.update(plotting.STYLE)
    alphas = [-2, -1, 0, 0.5, 1, 3]
    rows = [{"prompts": s, "alpha": a, "n_texts": 10} for s in sets for a in alphas]
    table = pd.DataFrame(rows)
    for metric, high in (("sentiment", 1), ("perplexity", 1e4), ("grammar", 1)):
        for end, share in (("_low", 0.2), ("", 0.5), ("_high", 0.9)):
            table[f"{metric}{end}"] = high * share
    figure = fig3.main(table, 0.95, grammar)
    figure.canvas.draw()
    width, height = figure.bbox.width, figure.bbox.height
    texts = [axis.title for axis in figure.axes] + [axis.xaxis.label for axis in figure.axes]
    texts += [axis._left_title for axis in figure.axes] + [figure._supxlabel]
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
    plotting.plt.close(figure)
