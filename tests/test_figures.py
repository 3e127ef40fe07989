"""Figures 3 and 5 to 8: their labels and curves, and that no text is cut off."""

import pandas as pd
import pytest
from matplotlib.colors import Normalize

from conftest import DEFAULT
from figures import ensemble as figure_ensemble
from figures import line as figure_line
from figures import plane as figure_plane
from figures import plane_losses as figure_plane_losses
from figures import two_lines as figure_two_lines
from paramlerp.config import registry, sweeps
from paramlerp.drawing import planes as maps
from paramlerp.drawing import style
from paramlerp.drawing.planes import COST, Plane, draw
from paramlerp.plan import figures
from paramlerp.plan.plan import Plan

SYMBOLS = registry.symbols(DEFAULT)
SWEEPS = sweeps.sweeps(DEFAULT)
LOW_HIGH = (("low", "high"), ("high", "low"))
#: labels of the plane g3
PLANE = Plane(
    axes=["alpha", "beta"],
    labels=["α (weight of θ⁺)", "β (weight of θ⁻)"],
    sum="α + β",
    models={"θ⁰": (0.0, 0.0), "θ⁺": (1.0, 0.0), "θ⁻": (0.0, 1.0)},
    over={"g1": "g₁", "g2": "g₂"},
    looks={"g1": 0, "g2": 1},
)
ATTRIBUTE = {"sentiment": "Positive sentiment"}
SCORERS = {"perplexity": "Perplexity"}
GRAMMAR = {
    "tagger": "Grammar: P(a word needs no edit)",
    "classifier": "Mean probability of correct grammar",
}


def line_of(sweep: str) -> dict:
    """A figure's labels for the line of a sweep."""
    return figures.line_labels(Plan(DEFAULT), sweep)


def panels(grammar: str, scorers: dict[str, str]) -> dict[str, str]:
    """Metric -> title. `scorers` maps scorers of perplexity to their models."""
    several = len(scorers) > 1
    titles = {n: f"Perplexity under {m}" if several else "Perplexity" for n, m in scorers.items()}
    first = {"sentiment": "Mean probability of positive sentiment"}
    return {**first, **titles, "grammar": GRAMMAR[grammar]}


@pytest.fixture(autouse=True)
def in_the_style_of_figures():
    with style.applied():
        yield


SETS = pytest.mark.parametrize("sets", [["neutral"], ["neutral", "positive", "negative"]])


@pytest.mark.parametrize("grammar", ["tagger", "classifier"])
@SETS
def test_no_text_of_figures_3_and_5_is_cut(grammar, sets):
    table = a_table(sets)
    one = {"perplexity": "base"}
    figure = figure_line.main(table, panels(grammar, one), line_of("g1"), 0.95)
    assert figure.axes[0].get_xlabel() == "α in g₁(α) = αθ⁺ + (1−α)θ⁻"
    assert [t.get_text() for t in figure.axes[0].texts] == ["θ⁻", "θ⁺"], (
        "marks at both ends of the line"
    )
    assert_no_text_is_cut(figure)
    for scorers in (one, {**one, "reviews": "reviewer"}):
        lines = [line_of("g1"), line_of("g2")]
        figure = figure_two_lines.main((table, table), panels(grammar, scorers), lines, 0.5, 0.95)
        assert len(figure.axes) == len(sets) * (2 + len(scorers))
        assert_no_text_is_cut(figure)


def test_figure_3_shows_a_line_of_any_attribute():
    """Another coordinate and scorer, a single panel; a line with one end has no marks."""
    table = a_table(["neutral"]).rename(columns=lambda c: c.replace("sentiment", "register"))
    table = table.rename(columns={"alpha": "gamma"})
    line = {**line_of("g2"), "coordinate": "gamma", "label": "γ in formal(γ)"}
    titles = {"register": "Mean probability of a formal register"}
    figure = figure_line.main(table, titles, line, 0.95)
    (axis,) = figure.axes
    assert axis._left_title.get_text() == "(a) Mean probability of a formal register"
    assert axis.get_xlabel() == "γ in formal(γ)" and not axis.texts
    assert_no_text_is_cut(figure)


def both_sides(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A metric of merged weights and of the ensemble, with the columns of ensemble_against.csv."""
    ends = ("", "_low", "_high")
    both = {f"{side}{e}": table[metric + e] for side in ("weights", "logits") for e in ends}
    return table[["prompts", "alpha", "n_texts"]].assign(**both)


@SETS
def test_figure_6_has_a_curve_for_each_way_of_mixing(sets):
    table = a_table(sets)
    kl = table[["alpha"]].drop_duplicates().assign(kl=0.1, kl_low=0, kl_high=0.2)
    titles = {
        "perplexity": "Perplexity",
        "sentiment": "Mean probability of positive sentiment",
    }
    formula = SWEEPS["ensemble"].schemes[0].formula(SYMBOLS)
    line = {**line_of("g2"), "label": f"α in {formula}, of θ or of z"}
    names = {"ensemble": "ensemble", "truncated_ensemble": "truncated ensemble"}
    for kinds in (["ensemble"], ["ensemble", "truncated_ensemble"]):
        pairs = pd.concat(
            both_sides(table, metric).assign(scheme=kind, metric=metric)
            for kind in kinds
            for metric in ("sentiment", "perplexity")
        )
        if len(kinds) == 1:  # the table names schemes only if there are several
            pairs = pairs.drop(columns="scheme")
        drawn = {kind: names[kind] for kind in kinds}
        figure = figure_ensemble.main(pairs, kl, titles, drawn, line, 0.95)
        curves = [line.get_label() for line in figure.axes[1].lines]
        assert curves == ["g₂", *drawn.values()]
        assert_no_text_is_cut(figure)


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
    table["sentiment"], table["sentiment_low"], table["sentiment_high"] = 0.5, 0.4, 0.6
    table["perplexity"] = 30.0 * 10 ** abs(table["alpha"] + table["beta"])
    table["loss_positive"] = table["loss_negative"] = 4 + abs(table["alpha"] + table["beta"])
    table.loc[0, "state"], table.loc[1, "state"] = "overflow", "empty"
    over = table[table["alpha"] == table["beta"]].assign(kind="overlay", scheme="g1")
    table = pd.concat([table, over])
    for figure in planes(table):
        assert_no_text_is_cut(figure)


def planes(table: pd.DataFrame) -> list:
    """Figures 7 and 8 of a plane's table."""
    sums = sums_of_a_plane(list(table["prompts"].unique()))
    poles, names = {"positive": "high", "negative": "low"}, ["positive", "negative"]
    losses = figure_plane_losses.main(table, sums, names, PLANE, poles, 0.95)
    return [figure_plane.main(table, sums, ATTRIBUTE, SCORERS, PLANE), losses]


def sums_of_a_plane(sets: list[str], low: float = 0.1) -> pd.DataFrame:
    """Means by sum of coordinates: each is 1 above the sum 1, with a band from `low` to 2."""
    rows = [{"prompts": s, "sum": total} for s in sets for total in (0.0, 1.0, 2.0)]
    table = pd.DataFrame(rows)
    for metric in ("perplexity", "loss_positive", "loss_negative"):
        for end, value in (("", 1.0), ("_band_low", low), ("_band_high", 2.0)):
            table[f"{metric}_above{end}"] = value * (table["sum"] != 1)
    return table


def test_the_title_of_a_loss_over_a_plane_claims_a_valley_only_if_all_bands_are_above_it():
    names = ["positive", "negative"]
    text = figure_plane_losses.valley(sums_of_a_plane(["neutral"]), names, PLANE)
    assert text.startswith("Loss is lowest where α + β = 1: at 0 it is 1.0 [.1, 2.0] (positive)")
    assert figure_plane_losses.valley(sums_of_a_plane(["neutral"], -0.1), names, PLANE) == ""
    alone = sums_of_a_plane(["neutral"]).query("sum == 1")
    assert figure_plane_losses.valley(alone, names, PLANE) == "", "nothing to compare with"


def test_titles_of_a_plane_claim_what_intervals_support():
    """g2 rises on the map; g1's last point is off the map, and on it nothing is apart."""
    rows = [("lattice", "g3", a, b, 0.5) for a in (-1, 1) for b in (-1, 1)]
    rows += [("overlay", "g2", -1, 1, 0.2), ("overlay", "g2", 1, -1, 0.8)]
    rows += [
        ("overlay", "g1", -1, 1, 0.2),
        ("overlay", "g1", 0, 1, 0.3),
        ("overlay", "g1", 9, 1, 1),
    ]
    table = pd.DataFrame(rows, columns=["kind", "scheme", "alpha", "beta", "sentiment"])
    for end, gap in (("low", -0.1), ("high", 0.1)):
        table[f"sentiment_{end}"] = table["sentiment"] + gap
    text = figure_plane.rise_along(table, "sentiment", PLANE)
    assert text == "rises from .20 [.10, .30] to .80 [.70, .90] along g₂"
    table[["sentiment_low", "sentiment_high"]] = 0, 1
    assert figure_plane.rise_along(table, "sentiment", PLANE) == ""
    sums = sums_of_a_plane(["neutral"])
    sums[[c for c in sums if c.startswith("perplexity")]] *= -1
    swap = {f"perplexity_above_band_{a}": f"perplexity_above_band_{b}" for a, b in LOW_HIGH}
    sums = sums.rename(columns=swap)
    text = figure_plane.rise_across(sums, "perplexity", PLANE)
    assert text == "is 3 [1, 7] times as high at α + β = 1 as at 0"
    sums["perplexity_above_band_high"] = 0.1
    assert figure_plane.rise_across(sums, "perplexity", PLANE) == ""
    assert figure_plane.rise_across(sums.iloc[:0], "perplexity", PLANE) == ""


def test_contours_are_named_and_a_line_has_its_scheme_s_colour_and_name():
    rows = [(a, b, a + b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)]
    table = pd.DataFrame(rows, columns=["alpha", "beta", "loss"])
    table = table.assign(kind="lattice", scheme="g3", state="ok")
    over = pd.DataFrame([(-1.0, 1.0, 0.0), (1.0, -1.0, 0.0)], columns=["alpha", "beta", "loss"])
    table = pd.concat([table, over.assign(kind="overlay", scheme="g2", state="ok")])
    _, ((axis,),) = style.panels(1, 1, (6.4, 4.8))
    kinds = {"norm": Normalize(-2, 2), "colours": COST, "label": ""}
    draw(axis, table, "loss", PLANE, levels=[-5, -1, 1], **kinds)
    texts = {text.get_text() for text in axis.texts}
    assert {"-1", "1", "g₂"} <= texts and "-5" not in texts, "a level that is not crossed"
    colours = [line.get_color() for line in axis.lines]
    assert style.look(1).colour in colours and style.look(0).colour not in colours


def test_the_round_numbers_between_two():
    assert maps.round_numbers(15, 210) == [20, 50, 100, 200]


def test_a_plane_has_alpha_to_the_right_and_beta_upwards():
    """As on a map. Values beyond the colour scale have a colour of their own."""
    rows = [(a, b, a + 10 * b) for a in (0.0, 1.0) for b in (0.0, 1.0)]
    table = pd.DataFrame(rows, columns=["alpha", "beta", "loss"])
    _, ((axis,),) = style.panels(1, 1, (6.4, 4.8))
    norm = Normalize(0, 5)
    table = table.assign(kind="lattice", scheme="g3", state="ok")
    draw(axis, table, "loss", PLANE, norm=norm, colours=COST, label="loss", levels=[])
    drawn = axis.collections[0]
    assert drawn.get_array().tolist() == [[0, 1], [10, 11]], "rows are values of beta, from below"
    assert axis.get_ylim() == (-0.5, 1.5)
    colours = drawn.to_rgba(drawn.get_array())
    assert (colours[1] == COST.get_over()).all(), "10 and 11 lie beyond the scale"


def a_table(sets: list[str]) -> pd.DataFrame:
    alphas = [-2, -1, 0, 0.5, 1, 3]
    rows = [{"prompts": s, "alpha": a, "n_texts": 10} for s in sets for a in alphas]
    table = pd.DataFrame(rows)
    for metric, high in (("sentiment", 1), ("perplexity", 1e4), ("grammar", 1), ("reviews", 90)):
        for end, share in (("_low", 0.2), ("", 0.5), ("_high", 0.9)):
            table[f"{metric}{end}"] = high * share
    return table


def assert_no_text_is_cut(figure) -> None:
    """Titles, labels and notes lie inside the figure."""
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    texts = [axis.title for axis in figure.axes] + [axis.xaxis.label for axis in figure.axes]
    texts += [axis._left_title for axis in figure.axes] + [figure._supxlabel]
    texts += [figure._suptitle] if figure._suptitle else []
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
