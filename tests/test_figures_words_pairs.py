"""Figures 4, 9, 10 and 11: their curves, cells and marks, compared with the numbers they show."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from conftest import DEFAULT
from figures import differences as figure_differences
from figures import next_words as figure_next_words
from figures import pairs as figure_pairs
from figures import pretraining as figure_pretraining
from paramlerp.drawing import style
from paramlerp.plan import figures
from paramlerp.plan.plan import Plan
from test_figures import assert_no_text_is_cut

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
        {"layer": layer, "tensor": f"h.{layer}.{tensor}", "difference": scale * value}
        for layer, values in enumerate([(1.0, 0.0), (3.0, 4.0)])
        for tensor, value in zip(("attn.c.weight", "mlp.c.weight"), values, strict=True)
    ]
    embedding = {"layer": None, "tensor": "transformer.wte.weight", "difference": 10 * scale}
    return [{"scheme": scheme, **row} for row in (*rows, embedding)]


def differences_of(*pairs: list[dict]) -> pd.DataFrame:
    return pd.DataFrame([row for pair in pairs for row in pair]).astype({"layer": "Int64"})


def test_figure_9_has_a_column_for_each_kind_of_tensor_and_a_row_of_ratios():
    table = differences_of(tensors("near", 0.1), tensors("far", 1.0), tensors("hidden", 99.0))
    titles = {"near": "θ⁰ and θ⁺", "far": "θ⁰ and another"}
    figure = figure_differences.main(table, titles, {"near": 3, "far": 5})
    names = [axis._left_title.get_text() for axis in figure.axes]
    assert names == ["(a) Embeddings", "(b) Attention", "(c) MLP", "", "", ""]
    medians = {"Attention": [1, 3], "MLP": [4]}
    for axis, values in zip(figure.axes[1:3], medians.values(), strict=True):
        assert axis.get_yscale() == "log"
        for title, scale, number in (("θ⁰ and θ⁺", 0.1, 3), ("θ⁰ and another", 1, 5)):
            drawn = curve(axis, title)
            np.testing.assert_allclose(drawn.get_ydata(), scale * np.array(values))
            assert drawn.get_color() == style.look(number).colour
    assert curve(figure.axes[2], "θ⁰ and θ⁺").get_xdata().tolist() == [0], "of layer 1 alone"
    for axis in figure.axes[3:]:
        np.testing.assert_allclose(curve(axis, "θ⁰ and another").get_ydata(), 10)
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["wte"]
    assert figure.get_suptitle().replace("\n", " ") == (
        "In the median tensor, θ⁰ and another are 10 times as far apart as θ⁰ and θ⁺"
        " (10 to 10 times in all 4 tensors)."
    )
    assert_no_text_is_cut(figure)


def test_figure_9_claims_nothing_if_some_tensor_is_no_farther_apart():
    table = differences_of(tensors("near", 0.1), tensors("far", 1.0))
    table.loc[table["scheme"] == "far", "difference"] *= [0.05, 1, 1, 1, 1]
    titles = {"near": "a", "far": "b"}
    assert figure_differences.main(table, titles, {"near": 0, "far": 1}).get_suptitle() == ""
    figure = figure_differences.main(table, {"near": "a"}, {"near": 0})
    assert len(figure.axes) == 3, "one pair has no ratios"


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        ("transformer.h.0.ln_1.bias", "Norms"),
        ("model.layers.3.post_attention_layernorm.weight", "Norms"),
        ("model.layers.3.self_attn.q_proj.weight", "Attention"),
        ("transformer.h.0.mlp.c_fc.weight", "MLP"),
        ("model.decoder.layers.0.fc1.weight", "MLP"),
        ("model.embed_tokens.weight", "Embeddings"),
        ("transformer.wpe.weight", "Embeddings"),
        ("score.weight", "Others"),
    ],
)
def test_tensors_have_a_kind(tensor, kind):
    assert figure_differences.kind(tensor) == kind


def excess_of_pairs() -> pd.DataFrame:
    """Three pairs with two sets of prompts. Each band is 0.5 below and above its value."""
    rows = []
    for prompts, factor in (("neutral", 1.0), ("glad", 7.0)):
        for scheme, height in (("finetuned", 0.1), ("permuted", 5.0), ("other", 3.0)):
            for alpha in (0.0, 0.5, 1.0):
                value = factor * height * 4 * alpha * (1 - alpha)
                row = {"prompts": prompts, "scheme": scheme, "alpha": alpha, "difference": value}
                row |= {"band_low": value - 0.5, "band_high": value + 0.5}
                for metric, scale in (("perplexity", "ln"), ("loss", "linear")):
                    rows.append({**row, "metric": metric, "scale": scale})
    return pd.DataFrame(rows)


def barriers_of_pairs(low: float) -> pd.DataFrame:
    """The pair `finetuned` has none; the barriers of others are from `low` on."""
    rows = [("finetuned", 0.01, 0.0, 0.05), ("permuted", 5.0, low, 6.0), ("other", 3.0, low, 6.0)]
    table = pd.DataFrame(rows, columns=["scheme", "barrier", "low", "high"])
    return table.assign(definition="frankle", quantity="loss", margin=0.1)


GROUPS = {"films_1": {"finetuned": "films and expert", "permuted": "films and copy"}}
GROUPS |= {"base": {"other": "base and copy"}}
LOOKS = {"finetuned": 5, "permuted": 1, "other": 2}


def figure_10(low: float = 2.0):
    titles = {"perplexity": "Perplexity", "loss": "Test loss"}
    line = {"coordinate": "alpha", "label": "α"}
    tables = excess_of_pairs(), barriers_of_pairs(low)
    return figure_pairs.main(*tables, 12, GROUPS, titles, line, LOOKS, 0.95)


def test_figure_10_has_a_column_for_each_pair_and_a_row_for_each_metric():
    figure = figure_10()
    assert len(figure.axes) == 2 * 3
    names = [axis._left_title.get_text() for axis in figure.axes]
    assert names == [
        "films and expert\nno sure rise",
        "films and copy\n148 [90, 245] times",
        "base and copy\n20 [12, 33] times",
        "barrier .01 [.00, .05]",
        "barrier 5 [2, 6]",
        "barrier 3 [2, 6]",
    ]
    schemes = [scheme for labels in GROUPS.values() for scheme in labels]
    neutral = excess_of_pairs().query("prompts == 'neutral' and metric == 'loss'")
    for row in (figure.axes[:3], figure.axes[3:]):
        for axis, scheme in zip(row, schemes, strict=True):
            (drawn,) = (line for line in axis.lines if len(line.get_xdata()) == 3)
            expected = neutral.loc[neutral["scheme"] == scheme, "difference"]
            np.testing.assert_array_equal(drawn.get_ydata(), expected)
            assert drawn.get_color() == style.look(LOOKS[scheme]).colour
            assert len(axis.collections) == 1, "a band"
        assert row[0].get_ylim() == row[1].get_ylim() != row[2].get_ylim()
    upright = [line.get_xdata() for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert [0, 0] in upright and [1, 1] in upright
    assert "12 texts a point; bands: 95% intervals" in figure.get_supxlabel().replace("\n", " ")
    assert_no_text_is_cut(figure)


def test_figure_10_claims_barriers_only_if_their_intervals_are_beyond_the_margin():
    text = "Loss has no barrier between films and expert; it has one on all 2 other lines."
    assert figure_10().get_suptitle().replace("\n", " ") == text
    assert figure_10(0.05).get_suptitle() == "On the line between two models"


def test_figure_10_of_points_that_are_broken_is_empty():
    excess = pd.DataFrame(columns=["scheme", "prompts", "metric", "scale"])
    barriers = pd.DataFrame([{"scheme": "other", "quantity": "loss", "barrier": np.inf}])
    line = {"coordinate": "alpha", "label": "α"}
    figure = figure_pairs.main(
        excess, barriers, 0, {"base": {"other": "copy"}}, {"loss": "Loss"}, line, LOOKS, 0.95
    )
    assert figure.axes[0]._left_title.get_text() == "copy"


def losses_of_models() -> dict[str, pd.DataFrame]:
    steps = pd.DataFrame({"step": [1, 2, 3, 4], "loss": [6.0, 5.0, 4.5, 4.0]})
    steps["validation_loss"] = [np.nan, 5.5, np.nan, 4.8]
    shift = {"loss": steps["loss"] + 0.5, "validation_loss": steps["validation_loss"] + 0.5}
    return {"films_1": steps, "papers_1": steps.assign(**shift), "films_2": steps}


CORPORA = {"films_1": "films", "papers_1": "papers", "films_2": "films"}


def guesses(unigrams: float) -> dict[str, pd.Series]:
    row = pd.Series({"uniform_loss": 7.5, "unigram_loss": unigrams, "n_tokens": 10})
    return {"films": row, "papers": row}


def test_figure_11_has_training_curves_and_validation_marks_beside_two_guesses():
    losses = losses_of_models()
    figure = figure_pretraining.main(losses, guesses(6.0), CORPORA)
    names = [axis._left_title.get_text() for axis in figure.axes]
    assert names == ["(a) Models of films", "(b) Models of papers"]
    for axis, models in zip(figure.axes, (["films_1", "films_2"], ["papers_1"]), strict=True):
        assert [text.get_text() for text in axis.get_legend().get_texts()] == models
        for model in models:
            np.testing.assert_array_equal(curve(axis, model).get_xdata(), [2, 4])
            evaluated = losses[model]["validation_loss"].dropna()
            np.testing.assert_array_equal(curve(axis, model).get_ydata(), evaluated)
        assert texts_in(axis) == {"uniform: ln(vocabulary): 7.50", "counts of tokens: 6.00"}
        assert (axis.get_xlabel(), axis.get_ylabel()) == ("step", "loss, nats a token")
    marks = [curve(figure.axes[0], model).get_marker() for model in ("films_1", "films_2")]
    assert len(set(marks)) == 2, "models of one corpus are told apart by marks"
    assert_no_text_is_cut(figure)


def test_figure_11_claims_what_was_learned_only_of_all_models():
    losses = losses_of_models()
    text = "Held-out loss ends 0.70 to 1.20 nats a token below the guess from counts of tokens"
    assert figure_pretraining.found(losses, guesses(6.0), CORPORA) == text
    assert figure_pretraining.found(losses, guesses(5.0), CORPORA) == ""


def test_a_scheme_has_one_number_in_all_figures_and_so_one_look():
    """Schemes that several figures show: those over the plane, and those of pairs."""
    plan = Plan(DEFAULT)
    params = [figures.drawing(plan, name)[1] for name in DEFAULT["figures"]]
    found = [p["looks"] for p in params if "looks" in p] + [
        p["plane"]["looks"] for p in params if "plane" in p
    ]
    assert len(found) > 3
    for looks in found:
        assert looks == {scheme: plan.numbers[scheme] for scheme in looks}
