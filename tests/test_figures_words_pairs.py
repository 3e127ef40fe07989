"""Figures 4, 9, 10 and 11: their curves, cells and marks, compared with the numbers they show."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import LogNorm, to_hex

from figures import differences as figure_differences
from figures import next_words as figure_next_words
from figures import pairs as figure_pairs
from figures import pretraining as figure_pretraining
from paramlerp.drawing import style

ALPHAS = [-0.5, 0.0, 0.5, 1.0]
LINE = {"coordinate": "alpha", "label": "α in g₁(α)", "ends": {0: "θ⁻", 1: "θ⁺"}, "look": 0}


@pytest.fixture(autouse=True)
def in_the_style_of_figures():
    with style.applied():
        yield


def curve(axis, label: str):
    """The curve of an axis with this label."""
    (line,) = (line for line in axis.lines if line.get_label() == label)
    return line


def texts_in(axis) -> set[str]:
    return {text.get_text() for text in axis.texts}


def probabilities() -> pd.DataFrame:
    """Probabilities of three words. Two curves end so close that their labels would overlap."""
    words = {"good": "positive", "bad": "negative", "null": "negative"}
    slopes = {"good": 2.0, "bad": -2.0, "null": -2.01}
    rows = [
        {"pole": pole, "word": word, "alpha": a, "probability": 1e-3 * np.exp(slopes[word] * a)}
        for word, pole in words.items()
        for a in ALPHAS
    ]
    return pd.DataFrame(rows)


POLES = ("positive", "negative")


def figure_4(line=LINE, monotone=True):
    table = probabilities()
    trends = table[["pole", "word"]].drop_duplicates().assign(monotone=monotone)
    return figure_next_words.main(table, trends, "The movie was", line, POLES)


def curves_of(axis, words) -> dict:
    return {line.get_label(): line for line in axis.lines if line.get_label() in set(words)}


def test_figure_4_has_a_curve_for_each_word_in_the_colour_of_its_pole():
    table, figure = probabilities(), figure_4()
    for axis, pole, colour in zip(figure.axes, POLES, (style.HIGH, style.LOW), strict=False):
        of_pole = table[table["pole"] == pole]
        curves = curves_of(axis, of_pole["word"])
        assert len({line.get_marker() for line in curves.values()}) == len(curves)
        for word, rows in of_pole.groupby("word"):
            assert to_hex(curves[word].get_color()) == colour
            np.testing.assert_array_equal(curves[word].get_xdata(), ALPHAS)
            np.testing.assert_array_equal(curves[word].get_ydata(), rows["probability"])
        assert axis.get_yscale() == "log" and f"P({pole} word), log" in axis._left_title.get_text()
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_figure_4_has_the_log_odds_of_both_poles():
    axis = figure_4().axes[2]
    expected = [np.log(np.exp(2 * a) / (np.exp(-2 * a) + np.exp(-2.01 * a))) for a in ALPHAS]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), expected)
    assert axis.get_ylabel() == "ln P(positive words) / P(negative words)"


def test_figure_4_names_its_words_beside_their_markers():
    """A name is in ink, to the right of its curve's end, and no two overlap."""
    figure = figure_4()
    figure.canvas.draw()
    for axis, names in zip(figure.axes, ({"good"}, {"bad", "null"}), strict=False):
        assert texts_in(axis) - {""} == {*names, "θ⁻", "θ⁺"}
        labels = [text for text in axis.texts if text.get_text() in names]
        assert {to_hex(text.get_color()) for text in labels} == {style.INK}
        last = axis.transData.transform((ALPHAS[-1], 1e-3))[0]
        boxes = sorted((t.get_window_extent() for t in labels), key=lambda box: box.y0)
        assert all(box.x0 >= last and box.x1 <= figure.bbox.width for box in boxes)
        assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))
    assert "shaded: beyond θ⁻ and θ⁺" in figure._supxlabel.get_text()


def test_figure_4_counts_the_words_that_move_steadily_and_claims_nothing_else():
    found = " ".join(figure_4()._suptitle.get_text().split())
    assert found == (
        "After “The movie was”, 1 of 1 positive words become likelier and 2 of 2 negative words"
        " less likely at every step from θ⁻ to θ⁺"
    )
    figure = figure_4(monotone=False)
    assert figure._suptitle.get_text() == "The next word after “The movie was”"
    figure = figure_4({**LINE, "ends": {}})
    assert figure._suptitle.get_text() == "The next word after “The movie was”"
    assert "shaded" not in figure._supxlabel.get_text()
    assert "θ⁺" not in texts_in(figure.axes[0])


def tensors(scheme: str, scale: float) -> list[dict]:
    """Differences of two layers of two tensors, of which one is equal, and of an embedding."""
    rows = [
        {"layer": layer, "parameter": parameter, "difference": scale * value}
        for layer, values in enumerate([(1.0, 0.0), (3.0, 4.0)])
        for parameter, value in zip(("attn.weight", "mlp.weight"), values, strict=True)
    ]
    rows.append({"layer": None, "parameter": "transformer.wte.weight", "difference": 10 * scale})
    return [{"scheme": scheme, **row} for row in rows]


def test_figure_9_has_a_cell_for_each_tensor_on_one_scale():
    table = pd.DataFrame([*tensors("near", 0.1), *tensors("far", 1.0), *tensors("hidden", 99.0)])
    table["layer"] = table["layer"].astype("Int64")
    titles = {"far": "θ⁰ and another", "near": "θ⁰ and θ⁺"}
    figure = figure_differences.main(table, titles)
    axes = figure.axes[: len(titles)]
    shown = [axis._left_title.get_text() for axis in axes]
    assert shown == ["(a) θ⁰ and another", "(b) θ⁰ and θ⁺"]
    for axis, scale in zip(axes, (1.0, 0.1), strict=True):
        (image,) = axis.images
        cells = np.ma.filled(image.get_array().astype(float), np.nan)
        expected = scale * np.array([[1, np.nan], [3, 4], [10, 10]])
        np.testing.assert_allclose(cells, expected, err_msg="a blank cell for an equal tensor")
        assert [t.get_text() for t in axis.get_yticklabels()] == ["0", "1", "wte"]
        assert [t.get_text() for t in axis.get_xticklabels()] == ["attn", "mlp"]
        (rule,) = axis.lines
        assert set(rule.get_ydata()) == {1.5}, "a line between the layers and the other tensors"
        assert isinstance(image.norm, LogNorm)
        assert (image.norm.vmin, image.norm.vmax) == pytest.approx((0.1, 10.0))


def a_table_of_pairs() -> pd.DataFrame:
    """Three pairs with two sets of prompts. Each interval is from half to twice its value."""
    rows = []
    for prompts, factor in (("neutral", 1.0), ("glad", 7.0)):
        for scheme, height in (("finetuned", 1.0), ("permuted", 5.0), ("other", 3.0)):
            for alpha in (0.0, 0.5, 1.0):
                loss = factor * (2.0 + height * alpha * (1 - alpha))
                row = {"prompts": prompts, "scheme": scheme, "alpha": alpha, "n_texts": 12}
                for metric, value in (("perplexity", np.exp(loss)), ("loss", loss)):
                    row |= {metric: value, f"{metric}_low": value / 2, f"{metric}_high": 2 * value}
                rows.append(row)
    return pd.DataFrame(rows)


def test_figure_10_has_a_row_for_each_first_model_and_a_column_for_each_metric():
    table = a_table_of_pairs()
    groups = {"films_1": {"finetuned": "to its expert", "permuted": "to its copy"}}
    groups["base"] = {"other": "to its own copy"}
    titles = {"perplexity": "Perplexity", "loss": "Test loss"}
    line = {"coordinate": "alpha", "label": "α"}
    figure = figure_pairs.main(table, groups, titles, line, 0.95)
    assert len(figure.axes) == 2 * 2
    names = [axis._left_title.get_text() for axis in figure.axes]
    assert names == ["(a) Perplexity", "(b) Test loss", "(c) Perplexity", "(d) Test loss"]
    assert [axis.get_yscale() for axis in figure.axes] == ["log", "linear"] * 2
    neutral = table[table["prompts"] == "neutral"].set_index("scheme")
    for labels, (left, right) in zip(
        groups.values(), (figure.axes[:2], figure.axes[2:]), strict=True
    ):
        legend = [text.get_text() for text in left.get_legend().get_texts()]
        assert legend == list(labels.values())
        for axis, metric in ((left, "perplexity"), (right, "loss")):
            assert axis.get_xlabel() == "α"
            for scheme, label in labels.items():
                np.testing.assert_array_equal(curve(axis, label).get_xdata(), [0, 0.5, 1])
                np.testing.assert_array_equal(
                    curve(axis, label).get_ydata(), neutral.loc[scheme, metric]
                )
            assert len(axis.collections) == len(labels), "a band for each curve"
    highest = figure.axes[3].collections[0].get_paths()[0].vertices[:, 1].max()
    assert highest == pytest.approx(neutral.loc["other", "loss_high"].max())


def test_figure_10_marks_the_two_models_of_a_pair():
    table = a_table_of_pairs()
    line = {"coordinate": "alpha", "label": "α"}
    figure = figure_pairs.main(table, {"base": {"other": "copy"}}, {"loss": "Loss"}, line, 0.95)
    (axis,) = figure.axes
    upright = [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1]
    assert upright == [0, 1]
    note = figure._supxlabel.get_text()
    assert note.startswith("12 texts a point; bands: 95% intervals")
    assert "(loss: over documents of test text), given these models" in note


def test_figure_11_has_a_training_curve_and_validation_dots_for_each_model():
    steps = pd.DataFrame({"step": [1, 2, 3, 4], "loss": [6.0, 5.0, 4.5, 4.0]})
    steps["validation_loss"] = [np.nan, 5.5, np.nan, 4.8]
    losses = {"films_1": steps, "papers_1": steps.assign(loss=steps["loss"] + 1)}
    figure = figure_pretraining.main(losses, {"films_1": "films", "papers_1": "papers"})
    (axis,) = figure.axes
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["films_1 on films", "papers_1 on papers"]
    lines, dots = axis.lines[::2], axis.lines[1::2]
    for line, points, table in zip(lines, dots, losses.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), table["loss"])
        assert points.get_marker() == "o" and points.get_color() == line.get_color()
        np.testing.assert_array_equal(points.get_xdata(), [2, 4])
        np.testing.assert_array_equal(points.get_ydata(), [5.5, 4.8])
    assert lines[0].get_color() != lines[1].get_color()
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("step", "loss, nats a token")
