"""Figures 3 and 5 to 8: their labels and curves, and that no text is cut off."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import Normalize

from conftest import DEFAULT, SCHEMA, over_default
from figures import ensemble as figure_ensemble
from figures import line as figure_line
from figures import plane as figure_plane
from figures import plane_losses as figure_plane_losses
from figures import two_lines as figure_two_lines
from paramlerp.config import layers, registry, sweeps
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


REFERENCES = {"grammar": pd.DataFrame({"text": ["real", "swapped"], "score": [0.97, 0.6]})}
SPOKEN = {"sentiment": "positive sentiment", "perplexity": "perplexity", "grammar": "grammar"}
SPOKEN |= {"reviews": "perplexity under reviewer", "register": "a formal register"}


def changes(table: pd.DataFrame, metrics, half: float = 0.1, coordinate="alpha") -> pd.DataFrame:
    """A table of differences from 0: the coordinate itself, with intervals of ± `half`."""
    rows = []
    for prompts, at in zip(table["prompts"], table[coordinate], strict=True):
        for metric in metrics:
            row = {"prompts": prompts, coordinate: at, "reference": 0.0, "metric": metric}
            row |= {"first_at": at, "difference": at, "low": at - half, "high": at + half}
            rows.append({**row, "band_low": at - 2 * half, "band_high": at + 2 * half})
    return pd.DataFrame(rows)


def equal(sets: list[str], metrics, low: float = -1.3) -> pd.DataFrame:
    """A table at equal attribute whose differences are ln .25, with an interval from `low` to 0."""
    row = {"difference": np.log(0.25), "low": low - 1, "high": low, "band_low": -9, "band_high": 9}
    return pd.DataFrame(
        {"prompts": s, "metric": m, "level": at, "scale": "ln" if "p" in m else "linear", **row}
        for s in sets
        for m in metrics
        for at in ("0.3", "0.4", "all")
    )


def figure_3(table, titles, line, half=0.1, taggers=REFERENCES):
    differences = changes(table[table[line["coordinate"]] != 0], titles, half, line["coordinate"])
    return figure_line.main(table, differences, titles, line, 0.95, spoken=SPOKEN, taggers=taggers)


def figure_5(table, titles, low=-1.3):
    sets = list(dict.fromkeys(table["prompts"]))
    return figure_two_lines.main(
        (line_of("g1"), line_of("g2")),
        (table, table),
        changes(table, titles),
        equal(sets, [m for m in titles if m != "sentiment"], low),
        titles,
        0.5,
        0.95,
        spoken=SPOKEN,
        taggers=REFERENCES,
    )


def headline(figure) -> str:
    return " ".join(figure._suptitle.get_text().split())


@pytest.mark.parametrize("grammar", ["tagger", "classifier"])
@SETS
def test_no_text_of_figures_3_and_5_is_cut(grammar, sets):
    table = a_table(sets)
    one = {"perplexity": "base"}
    figure = figure_3(table, panels(grammar, one), line_of("g1"))
    assert figure.axes[3].get_xlabel() == "α in g₁(α) = αθ⁺ + (1−α)θ⁻"
    assert [t.get_text() for t in figure.axes[0].texts] == ["θ⁻", "θ⁺"], (
        "marks at both ends of the line"
    )
    assert_no_text_is_cut(figure, y_labels=True)
    for scorers in (one, {**one, "reviews": "reviewer"}):
        figure = figure_5(table, panels(grammar, scorers))
        assert len(figure.axes) == 3 * len(sets) * (2 + len(scorers))
        assert_no_text_is_cut(figure, y_labels=True)


def test_figure_3_shows_a_line_of_any_attribute():
    """Another coordinate and scorer, one metric; a line with one end has no marks, no finding."""
    table = a_table(["neutral"]).rename(columns=lambda c: c.replace("sentiment", "register"))
    table = table.rename(columns={"alpha": "gamma"})
    line = {**line_of("g2"), "coordinate": "gamma", "label": "γ in formal(γ)"}
    titles = {"register": "Mean probability of a formal register"}
    figure = figure_3(table, titles, line)
    axis, below = figure.axes
    assert axis._left_title.get_text() == "(a) Mean probability of a formal register"
    assert below._left_title.get_text() == "(b) Difference from γ = 0"
    assert below.get_xlabel() == "γ in formal(γ)" and not axis.texts
    assert headline(figure) == "A formal register along g₂"
    assert_no_text_is_cut(figure, y_labels=True)


def test_figure_3_says_what_changes_only_if_the_interval_supports_it():
    titles, table = panels("tagger", {"perplexity": "base"}), a_table(["neutral"])
    figure = figure_3(table, titles, line_of("g1"))
    assert headline(figure) == "Positive sentiment rises by 1.0 [.8, 1.2] from θ⁻ to θ⁺"
    assert figure.axes[4]._left_title.get_text() == "(e) rises by 1.0 [.8, 1.2] from θ⁻ to θ⁺"
    unsure = figure_3(table, titles, line_of("g1"), half=0.6)
    assert headline(unsure) == "Positive sentiment along g₁"
    assert unsure.axes[4]._left_title.get_text() == "(e) Difference from α = 0"
    several = headline(figure_3(a_table(["neutral", "glad"]), titles, line_of("g1")))
    assert several.endswith("to θ⁺: by 1.0 [.8, 1.2] (neutral), 1.0 [.8, 1.2] (glad prompts)")


def test_grammar_is_shown_down_to_the_level_of_a_slip():
    titles, table = panels("tagger", {"perplexity": "base"}), a_table(["neutral"])
    table[["grammar", "grammar_low", "grammar_high"]] = [0.99, 0.98, 1.0]
    for axis in (figure_3(table, titles, line_of("g1")).axes[2], figure_5(table, titles).axes[2]):
        assert axis.get_ylim()[0] < 0.6 and 1 < axis.get_ylim()[1] < 1.1
        levels = [line.get_ydata()[0] for line in axis.lines if len(set(line.get_ydata())) == 1]
        assert {0.97, 0.6} <= set(levels)
    axis = figure_3(table, titles, line_of("g1"), taggers={}).axes[2]
    assert axis.get_ylim()[0] > 0.9


def test_figure_5_gives_the_factor_at_equal_attribute_only_if_its_interval_lacks_1():
    titles, table = panels("tagger", {"perplexity": "base"}), a_table(["neutral"])
    figure = figure_5(table, titles)
    start = "At equal positive sentiment, texts of g₂ have .25 [.10, .27] times the perplexity"
    assert headline(figure) == f"{start} of texts of g₁"
    assert "times" not in headline(figure_5(table, titles, low=0.5))
    names = [axis._left_title.get_text() for axis in figure.axes]
    assert names[3] == "(d) g₂ − g₁, points above each other"
    assert names[6:8] == [
        "(g) Perplexity against positive sentiment",
        "(h) Perplexity at equal positive sentiment",
    ]
    assert figure.axes[7].get_ylabel() == "ln(g₂ / g₁)"
    assert figure.axes[8].get_ylabel() == "g₂ − g₁"
    rings = [text.get_text() for text in figure.axes[6].texts]
    assert rings == ["θ⁻", "θ⁺", "α = −2", "α = 3", "θ⁰", "α = −2", "α = 3"]
    assert not figure.axes[0].patches, "no line is shaded: only one of them has experts"


def test_figures_without_differences_are_drawn():
    """A line of one point; two lines that share no point, no level and have no point but ends."""
    titles, table = panels("tagger", {"perplexity": "base"}), a_table(["neutral"])
    one, none = table[table["alpha"] == 1], figure_line.NO_DIFFERENCES
    line = line_of("g1")
    figure = figure_line.main(one, none, titles, line, 0.95, spoken=SPOKEN, taggers={})
    assert headline(figure) == "Positive sentiment along g₁"
    lines, at_equal = (line, line_of("g2")), none.rename(columns={"reference": "level"})
    ends = table[table["alpha"].isin([0, 1])]
    figure = figure_two_lines.main(
        lines,
        (ends, ends),
        none,
        at_equal.assign(scale=""),
        titles,
        0.5,
        0.95,
        spoken=SPOKEN,
        taggers={},
    )
    assert "times" not in headline(figure)
    assert_no_text_is_cut(figure)


def both_sides(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A metric of merged weights and of the ensemble, with the columns of ensemble_against.csv."""
    ends = ("", "_low", "_high")
    both = {f"{side}{e}": table[metric + e] for side in ("weights", "logits") for e in ends}
    gap = {"difference": -0.1, "band_low": -0.3, "band_high": 0.2}
    return table[["prompts", "alpha", "n_texts"]].assign(**both, **gap)


def figure_6(sets, kinds, **columns):
    """Figure 6 of these ensembles; `columns` replace those of the table."""
    table = a_table(sets)
    kl = table[["alpha"]].drop_duplicates().assign(kl=0.1, kl_low=0, kl_high=0.2)
    titles = {
        "perplexity": "Perplexity",
        "sentiment": "Mean probability of positive sentiment",
    }
    formula = SWEEPS["ensemble"].schemes[0].formula(SYMBOLS)
    line = {**line_of("g2"), "label": f"α in {formula}, of θ or of z"}
    pairs = pd.concat(
        both_sides(table, metric).assign(scheme=kind, metric=metric, **columns)
        for kind in kinds
        for metric in ("sentiment", "perplexity")
    )
    if len(kinds) == 1:  # the table names schemes only if there are several
        pairs = pairs.drop(columns="scheme")
    labels = {kind: (kind.replace("_", " "), Plan(DEFAULT).numbers[kind]) for kind in kinds}
    spoken = {metric: SPOKEN[metric] for metric in titles}
    return figure_ensemble.main(pairs, kl, titles, labels, line, 0.95, spoken=spoken)


BOTH = ["ensemble", "truncated_ensemble"]


@SETS
def test_figure_6_has_a_curve_for_each_way_of_mixing(sets):
    for kinds in (BOTH[:1], BOTH):
        figure = figure_6(sets, kinds)
        curves = [line.get_label() for line in figure.axes[1].lines]
        assert curves == ["g₂", *(kind.replace("_", " ") for kind in kinds)]
        assert_no_text_is_cut(figure, y_labels=True)


def test_figure_6_says_what_the_bands_allow():
    none = headline(figure_6(["neutral"], BOTH))
    assert "no difference in positive sentiment is shown (bands within ±.30)" in none
    sure = headline(figure_6(["neutral"], BOTH, band_high=-0.05))
    assert "positive sentiment lower by up to .10 [.05, .30] (α = −2, ensemble)" in sure


def test_a_scheme_has_one_colour_in_all_figures():
    plan = Plan(DEFAULT)
    titles, table = panels("tagger", {"perplexity": "base"}), a_table(["neutral"])
    looks = {}
    for figure in (figure_3(table, titles, line_of("g1")), figure_5(table, titles)):
        looks[figure] = figure.axes[0].lines[0].get_color(), figure.axes[0].lines[0].get_marker()
    expected = style.look(plan.numbers["g1"])
    assert set(looks.values()) == {(expected.colour, expected.marker)}
    g2 = [figure_5(table, titles).axes[0], figure_6(["neutral"], BOTH).axes[0]]
    colours = {line.get_color() for axis in g2 for line in axis.lines if line.get_label() == "g₂"}
    assert colours == {style.look(plan.numbers["g2"]).colour}
    drawn = [style.look(plan.numbers[name]).colour for name in ("g1", "g2", *BOTH)]
    assert len(set(drawn)) == 4 and not {style.LOW, style.HIGH} & set(drawn)


def test_numbers_of_schemes_do_not_depend_on_seeds_or_on_the_order_of_a_config():
    numbers = Plan(DEFAULT).numbers
    assert Plan(layers.in_order(DEFAULT)).numbers == numbers
    seeds = layers.complete(over_default({"sweeps": {"g1": {"seeds": [2]}}}), SCHEMA)
    assert Plan(seeds).numbers == {**numbers, "g1_seed2": numbers["g1"]}


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


def assert_no_text_is_cut(figure, y_labels: bool = False) -> None:
    """Titles, labels (those of y on request) and notes lie inside the figure."""
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    texts = [axis.title for axis in figure.axes] + [axis.xaxis.label for axis in figure.axes]
    texts += [axis._left_title for axis in figure.axes] + [figure._supxlabel]
    texts += [figure._suptitle] if figure._suptitle else []
    if y_labels:
        texts += [axis.yaxis.label for axis in figure.axes]
    for text in filter(lambda text: text.get_text(), texts):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
