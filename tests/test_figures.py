"""Figures: what they show is all inside them."""

import pandas as pd
import pytest
from matplotlib.colors import Normalize

import fig3
import fig5
import fig6
import fig7
import fig8
from paramlerp import plotting


@pytest.fixture(autouse=True)
def style():
    plotting.plt.rcParams.update(plotting.STYLE)


SETS = pytest.mark.parametrize("sets", [["neutral"], ["neutral", "positive", "negative"]])


@pytest.mark.parametrize("grammar", ["tagger", "classifier"])
@SETS
def test_no_text_of_figures_3_and_5_is_cut(grammar, sets):
    table = a_table(sets)
    assert_whole(fig3.main(table, 0.95, grammar))
    for judges in ({}, {"reviews": "reviewer"}):
        figure = fig5.main(table, table, 0.95, grammar, judges)
        assert len(figure.axes) == len(sets) * (3 + len(judges))
        assert_whole(figure)


def both_sides(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A metric of g2 and of the ensemble, as ensemble_against_g2.csv has them."""
    ends = ("", "_low", "_high")
    both = {f"{side}{e}": table[metric + e] for side in ("g2", "ensemble") for e in ends}
    return table[["prompts", "alpha", "n_texts"]].assign(**both)


@SETS
def test_figure_6_has_a_curve_for_each_way_of_mixing(sets):
    table = a_table(sets)
    kl = table[["alpha"]].drop_duplicates().assign(kl=0.1, kl_low=0, kl_high=0.2)
    for kinds in ([False], [False, True]):
        pairs = pd.concat(
            both_sides(table, metric).assign(truncated=kind, metric=metric)
            for kind in kinds
            for metric in ("sentiment", "perplexity")
        )
        figure = fig6.main(pairs, kl, 0.95)
        curves = [line.get_label() for line in figure.axes[1].lines]
        assert curves == ["g₂", *(fig6.NAMES[t] for t in kinds)]
        assert_whole(figure)


@SETS
def test_no_text_of_figures_7_and_8_is_cut(sets):
    ticks = [-4.0, -2.0, 0.0, 2.0, 4.0]
    rows = [
        {"kind": "lattice", "scheme": "g3", "prompts": s, "alpha": a, "beta": b, "state": "ok"}
        for s in sets
        for a in ticks
        for b in ticks
    ]
    table = pd.DataFrame(rows)
    table["sentiment"] = 0.5
    table["perplexity"] = 30.0 * 10 ** abs(table["alpha"] + table["beta"])
    table["loss_positive"] = table["loss_negative"] = 4 + abs(table["alpha"] + table["beta"])
    table.loc[0, "state"], table.loc[1, "state"] = "overflow", "empty"
    over = table[table["alpha"] == table["beta"]].assign(kind="overlay")
    table = pd.concat([table, over])
    for figure in (fig7.main(table), fig8.main(table)):
        assert_whole(figure)


def test_a_lattice_reads_like_a_map():
    """Alpha to the right, beta upwards; what lies beyond a scale is in a colour of its own."""
    rows = [(a, b, a + 10 * b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
    table = pd.DataFrame(rows, columns=["alpha", "beta", "loss"])
    figure, axis = plotting.plt.subplots()
    norm = Normalize(0, 5)
    table = table.assign(kind="lattice", state="ok")
    plotting.plane(axis, table, "loss", norm=norm, colours=plotting.COST, label="loss")
    drawn = axis.collections[0]
    assert drawn.get_array().tolist() == [[0, 1], [10, 11]], "rows are beta, from below"
    assert axis.get_ylim() == (-0.5, 1.5)
    colours = drawn.to_rgba(drawn.get_array())
    assert (colours[1] == plotting.COST.get_over()).all(), "10 and 11 lie beyond"
    plotting.plt.close(figure)


def a_table(sets: list[str]) -> pd.DataFrame:
    alphas = [-2, -1, 0, 0.5, 1, 3]
    rows = [{"prompts": s, "alpha": a, "n_texts": 10} for s in sets for a in alphas]
    table = pd.DataFrame(rows)
    for metric, high in (("sentiment", 1), ("perplexity", 1e4), ("grammar", 1), ("reviews", 90)):
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
