"""Seeds of a sweep: its experts trained again, the sweep measured again, and the spread between."""

import os
import shutil
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

from conftest import DEFAULT, SCHEMA, laid_over, over_default
from figures import seeds as figure_seeds
from mistakes import assert_refused
from paramlerp.config import layers
from paramlerp.drawing import style
from paramlerp.plan import estimate, figures
from paramlerp.plan.plan import Plan
from runs import planned, snakemake
from tables import seeds_barriers, seeds_table
from test_figures import assert_no_text_is_cut
from tiny_dag import TINY

SECTIONS = ("checkpoints", "schemes", "sweeps")


def complete(overrides: dict) -> dict:
    return layers.complete(over_default(overrides), SCHEMA)


def copies(overrides: dict) -> dict[str, set[str]]:
    """The names that a config has and the default config lacks, by section."""
    config = complete(overrides)
    return {part: config[part].keys() - DEFAULT[part].keys() for part in SECTIONS}


def with_seeds(**seeds: list[int]) -> dict:
    return {"sweeps": {name: {"seeds": values} for name, values in seeds.items()}}


# what a config's seeds stand for


def test_a_seed_makes_a_copy_of_the_sweep_its_schemes_and_their_experts():
    config = complete(with_seeds(g2=[7]))
    expert = {**DEFAULT["checkpoints"]["positive"], "seed": 7}
    assert config["checkpoints"]["positive_seed7"] == expert
    difference = {"positive_seed7": 1, "negative_seed7": -1}
    assert config["schemes"]["g2_seed7"] == {"origin": {"base": 1}, "alpha": difference}
    copy = {**DEFAULT["sweeps"]["g2"], "schemes": ["g2_seed7"]}
    assert config["sweeps"]["g2_seed7"] == copy, "and a copy has no seeds"
    assert config["sweeps"]["g2"] == {**DEFAULT["sweeps"]["g2"], "seeds": [7]}


def test_sweeps_share_copies_as_they_share_what_is_copied():
    added = copies(with_seeds(g1=[2, 3], g2=[2], ensemble=[2]))
    experts = {"positive", "negative"}
    assert added["checkpoints"] == {f"{name}_seed{s}" for name in experts for s in (2, 3)}
    schemes = {"g1_seed2", "g1_seed3", "g2_seed2", "ensemble_seed2", "truncated_ensemble_seed2"}
    assert added["schemes"] == schemes
    assert added["sweeps"] == {"g1_seed2", "g1_seed3", "g2_seed2", "ensemble_seed2"}


def test_without_seeds_nothing_is_added():
    assert copies({}) == {part: set() for part in SECTIONS}


def test_an_ensemble_is_compared_with_the_merged_weights_of_its_own_experts():
    config = complete(with_seeds(g2=[2], ensemble=[2]))
    assert config["sweeps"]["ensemble_seed2"]["against"] == "g2_seed2"
    truncated = config["schemes"]["truncated_ensemble_seed2"]
    assert truncated["mixes"] == "logits" and truncated["nucleus_of"] == "base"
    scheme = {
        "origin": {"positive": 1},
        "alpha": {"base": 1, "positive": -1},
        "mixes": "logits",
        "nucleus_of": "positive",
    }
    config = complete({"schemes": {"ensemble": scheme}, **with_ensemble_of("ensemble")})
    assert config["schemes"]["ensemble_seed2"]["nucleus_of"] == "positive_seed2"


def with_ensemble_of(scheme: str) -> dict:
    """A change of the config: the ensemble of this scheme alone, compared with none, seed 2."""
    sweep = {key: v for key, v in DEFAULT["sweeps"]["ensemble"].items() if key != "against"}
    return {
        "sweeps": {"ensemble": None, "mine": {**sweep, "schemes": [scheme], "seeds": [2]}},
        "figures": {"fig6": None},
    }


def test_a_plane_and_a_pair_are_repeated_too_the_plane_without_what_is_drawn_over_it():
    pair = {**DEFAULT["sweeps"]["pairs"], "schemes": ["finetuned"], "seeds": [2]}
    changes = laid_over(with_seeds(g3=[2]), {"sweeps": {"pairs": None, "pair": pair}})
    config = complete({**changes, "figures": {"fig9": None, "fig10": None, "fig11": None}})
    assert config["sweeps"]["g3_seed2"]["over"] == []
    assert config["schemes"]["finetuned_seed2"]["alpha"] == {
        "films_1_positive_seed2": 1,
        "films_1": -1,
    }
    plan = Plan(config)
    assert plan.with_seeds == ["g3", "pair"] and plan.barriers_with_seeds == ["pair"]


def test_what_a_repeated_checkpoint_is_made_of_is_repeated_if_it_is_fine_tuned():
    """A permuted copy stays one of what it is mixed with; the pretrained base stays as it is."""
    more = {**DEFAULT["checkpoints"]["positive"], "of": "positive"}
    line = {"origin": {"more": 1}, "alpha": {"shuffled": 1, "more": -1}}
    changes = {
        "checkpoints": {"more": more, "shuffled": {"kind": "permuted", "of": "more", "seed": 5}},
        "schemes": {"line": line},
        "sweeps": {"line": {**DEFAULT["sweeps"]["g1"], "schemes": ["line"], "seeds": [2]}},
    }
    added = complete(changes)["checkpoints"]
    assert added["more_seed2"] == {**more, "seed": 2, "of": "positive_seed2"}
    shuffled = {"kind": "permuted", "of": "more_seed2", "seed": 5, "symbol": "shuffled"}
    assert added["shuffled_seed2"] == shuffled
    assert "base_seed2" not in added and added["positive_seed2"]["of"] == "base"


TAKEN = {
    "checkpoints": ("positive_seed2", DEFAULT["checkpoints"]["positive"], "checkpoint"),
    "schemes": ("g1_seed2", DEFAULT["schemes"]["g1"], "scheme"),
    "sweeps": ("g1_seed2", DEFAULT["sweeps"]["g1"], "sweep"),
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_name_of_a_copy_that_is_taken_is_refused(section):
    name, entry, kind = TAKEN[section]
    config = over_default(laid_over(with_seeds(g1=[2]), {section: {name: entry}}))
    assert_refused(config, f"{section}.{name}: a sweep's seeds make a {kind} of that name")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (with_seeds(g1=[0]), "sweeps.g1.seeds.0: 0 is less than the minimum of 1"),
        (with_seeds(g1=[2, 2]), "sweeps.g1.seeds: [2, 2] has non-unique elements"),
        (with_seeds(g1=2), "sweeps.g1.seeds: 2 is not of type 'array'"),
        (
            with_seeds(pairs=[2]),
            "sweeps.pairs.seeds: unrelated mixes no fine-tuned checkpoint",
        ),
        (
            with_seeds(ensemble=[2], g2=[3]),
            "sweeps.ensemble.seeds: sweeps.g2, which it is compared with, has no seed 2",
        ),
        (
            laid_over(
                with_seeds(g1=[2]),
                {"checkpoints": {"positive": {**DEFAULT["checkpoints"]["positive"], "seed": 2}}},
            ),
            "sweeps.g1.seeds: 2 is the seed of checkpoints.positive itself",
        ),
        (
            {"sweeps": {"g1_seeds": {**DEFAULT["sweeps"]["g1"], "losses": []}}},
            "sweeps.g1_seeds: another table has that name",
        ),
        (
            {"figures": {"mine": {"shows": "seeds", "sweep": "g1"}}},
            "sweeps.g1.seeds: missing; figures.mine shows them",
        ),
        # mistakes beside seeds are still reported by their own checks
        (
            laid_over(with_seeds(g1=[2]), {"sweeps": {"g1": {"schemes": ["g4"]}}}),
            "sweeps.g1.schemes: no scheme is called 'g4'",
        ),
        (
            laid_over(
                with_seeds(g1=[2]),
                {"schemes": {"g1": {**DEFAULT["schemes"]["g1"], "origin": {"positiv": 1}}}},
            ),
            "schemes.g1: origin: no checkpoint is called 'positiv'",
        ),
    ],
)
def test_a_mistake_in_seeds_is_refused_in_one_line(change, line):
    assert_refused(over_default(change), line)


def test_a_seed_costs_its_trainings_and_its_texts_once_more():
    rows = {name: estimate.estimate(complete(change))["stages"] for name, change in COSTS.items()}
    jobs = {name: {row["stage"]: row["jobs"] for row in stages} for name, stages in rows.items()}
    points = len(DEFAULT["sweeps"]["g1"]["points"]["alpha"])
    more = {stage: jobs["seed"][stage] - n for stage, n in jobs["default"].items()}
    assert more["candidate"] == 2 and more["generate"] == points and more["losses"] == points
    assert more["pretrain"] == more["ensemble"] == more["generate_line"] == 0


COSTS = {"default": {}, "seed": with_seeds(g1=[2])}


# the table


def a_table(values: list[float], half: float, **columns) -> pd.DataFrame:
    """A sweep's table of one metric at alpha = 0 and 1, with an interval of ± `half`."""
    frame = pd.DataFrame({"prompts": "p", "alpha": ["0.000", "1.000"], "score": values})
    low, high = frame["score"] - half, frame["score"] + half
    return frame.assign(score_low=low, score_high=high, n_texts=9, **columns)


def a_difference(value: float, half: float) -> pd.DataFrame:
    row = {"prompts": "p", "alpha": "1.000", "reference": "0.000", "metric": "score"}
    return pd.DataFrame([{**row, "difference": value, "low": value - half, "high": value + half}])


def test_the_table_of_seeds_by_hand():
    """Values 1, 2, 4: mean 7/3, sd √(7/3), and t of 95% with two degrees of freedom is 4.3027."""
    values, halves = {0: [1, 5], 2: [2, 5], 3: [4, 5]}, {0: 0.1, 2: 0.2, 3: 0.6}
    tables = {seed: a_table(values[seed], halves[seed]) for seed in values}
    differences = {seed: a_difference(5 - values[seed][0], halves[seed]) for seed in values}
    table = seeds_table.main(tables, differences, ["alpha"], 0.95)
    assert list(table["quantity"]) == ["level", "level", "difference"]
    assert list(table["alpha"]) == ["0.000", "1.000", "1.000"]
    first, second, difference = table.to_dict("records")
    sd, half = (7 / 3) ** 0.5, 4.302653 * (7 / 3) ** 0.5 / 3**0.5
    assert first["n_seeds"] == 3 and first["mean"] == pytest.approx(7 / 3)
    assert first["sd"] == pytest.approx(sd) and first["seed_half_width"] == pytest.approx(half)
    assert (first["low"], first["high"]) == pytest.approx((7 / 3 - half, 7 / 3 + half))
    assert first["prompts_half_width"] == pytest.approx(0.3)
    assert [first[f"seed_{seed}"] for seed in (0, 2, 3)] == [1, 2, 4]
    assert second["sd"] == second["seed_half_width"] == 0 and second["low"] == 5
    assert difference["mean"] == pytest.approx(8 / 3) and difference["reference"] == "0.000"
    assert difference["sd"] == pytest.approx(sd)


def test_another_confidence_changes_the_t_interval_alone():
    """With two seeds t of 80% is 3.0777, and of 95% 12.706."""
    tables = {0: a_table([0, 0], 1), 1: a_table([2, 0], 1)}
    widths = [seeds_table.main(tables, {}, ["alpha"], c).iloc[0] for c in (0.8, 0.95)]
    assert [w["seed_half_width"] for w in widths] == pytest.approx([3.077684, 12.706205])
    assert widths[0]["sd"] == widths[1]["sd"] == pytest.approx(2**0.5)


def test_a_value_that_one_seed_lacks_leaves_the_others():
    tables = {0: a_table([1, np.nan], 0.1), 2: a_table([3, 5], 0.1), 3: a_table([5, np.inf], 0.1)}
    one, two = seeds_table.main(tables, {}, ["alpha"], 0.95).to_dict("records")
    assert one["n_seeds"] == 3 and two["n_seeds"] == 1 and two["mean"] == 5
    assert np.isnan([two["sd"], two["low"], two["high"], two["seed_half_width"]]).all()


def test_a_metric_is_a_column_with_an_interval_and_overlays_are_left_out():
    table = a_table([1, 2], 0.1, kind=["lattice", "overlay"], score_band_low=0, score_band_high=1)
    (row,) = seeds_table.main({0: table, 2: table}, {}, ["alpha"], 0.95).to_dict("records")
    assert row["metric"] == "score" and row["alpha"] == "0.000"


def test_the_barriers_of_all_seeds_stand_beside_each_other():
    rows = [{"scheme": "a", "quantity": q, "definition": "d", "barrier": 1.0} for q in ("x", "y")]
    first = pd.DataFrame(rows)
    copy = first.assign(scheme="a_seed2", barrier=2.0)
    table = seeds_barriers.main({0: first, 2: copy}, {0: {"a": "a"}, 2: {"a_seed2": "a"}})
    assert list(table["scheme"].unique()) == ["a"]
    assert list(table["quantity"]) == ["x", "x", "y", "y"] and list(table["seed"]) == [0, 2, 0, 2]
    assert list(table["barrier"]) == [1, 2, 1, 2]


# the figure


@pytest.mark.parametrize("n_seeds", [2, 3, 9])
@pytest.mark.parametrize("sets", [["neutral"], ["neutral", "glad"]])
def test_the_figure_shows_each_seed_and_both_kinds_of_interval(n_seeds, sets):
    titles = figures.scorer_titles(Plan(DEFAULT), "g1")
    tables = {seed: drawn_table(sets, titles, seed) for seed in range(n_seeds)}
    spread = seeds_table.main(tables, {}, ["alpha"], 0.95)
    figure = drawn(tables, spread, titles)
    assert len(figure.axes) == len(sets) * len(titles), "a row for each set of prompts"
    of_set = [table[table["prompts"] == sets[0]] for table in tables.values()]
    for curve, table in zip(figure.axes[1].lines[:n_seeds], of_set, strict=True):
        assert (curve.get_ydata() == table["perplexity"]).all()
    level = spread.query(f"metric == 'perplexity' and prompts == '{sets[0]}'")
    bars = next(c for c in figure.axes[1].containers).lines[2][0].get_segments()
    assert np.allclose([high - low for (_, low), (_, high) in bars], 2 * level["seed_half_width"])
    band = figure.axes[1].collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx((level["mean"] + level["prompts_half_width"]).max())
    note = " ".join(figure._supxlabel.get_text().split())
    assert f"bold: mean over {n_seeds} trainings; thin: each of them; 95% intervals" in note


def drawn(tables: dict, spread: pd.DataFrame, titles: dict):
    line, plan = figures.line_labels(Plan(DEFAULT), "g1"), Plan(DEFAULT)
    spoken = figures.spoken(plan, "g1", titles)
    with style.applied():
        figure = figure_seeds.main(tables, spread, titles, line, 0.95, spoken=spoken)
        assert_no_text_is_cut(figure)
    return figure


@pytest.mark.parametrize(
    ("low", "found"),
    [
        (0.1, "Positive sentiment rises from θ⁻ to θ⁺ in 2 of 3 trainings: by .20 [.10, .30]"),
        (-0.1, "Positive sentiment along g₁, with 3 trainings of its models"),
    ],
)
def test_the_title_counts_the_trainings_that_agree_if_the_t_interval_says_so(low, found):
    titles = figures.scorer_titles(Plan(DEFAULT), "g1")
    tables = {seed: drawn_table(["neutral"], titles, seed) for seed in range(3)}
    spread = seeds_table.main(tables, {}, ["alpha"], 0.95)
    row = {"prompts": "neutral", "alpha": 1.0, "metric": "sentiment", "quantity": "difference"}
    row |= {"reference": 0.0, "mean": 0.2, "low": low, "high": 0.3}
    row |= {"seed_0": 0.3, "seed_1": 0.4, "seed_2": -0.1}
    figure = drawn(tables, pd.concat([spread, pd.DataFrame([row])]), titles)
    assert " ".join(figure._suptitle.get_text().split()) == found


def drawn_table(sets: list[str], metrics, seed: int) -> pd.DataFrame:
    """A table that is drawn: values that grow with the seed."""
    rows = [
        {"prompts": name, "alpha": alpha, "n_texts": 10}
        | {f"{m}{end}": 0.4 + 0.02 * seed + by for m in metrics for end, by in ENDS}
        for name in sets
        for alpha in (-1, 0, 0.5, 1, 2)
    ]
    return pd.DataFrame(rows)


ENDS = (("", 0), ("_low", -0.1), ("_high", 0.1))


# a run

#: the ends of g1 alone, which the finished run has measured, with a second training of both experts
SWEEP = {
    "schemes": ["g1"],
    "attribute": "sentiment",
    "points": {"alpha": [0, 1]},
    "prompts": ["neutral"],
    "samples": 3,
    "scorers": ["sentiment", "perplexity"],
    "losses": ["positive", "negative"],
    "seeds": [2],
}
CHANGE = {
    "sweeps": {"ends": SWEEP},
    "figures": {"seeds_of_ends": {"shows": "seeds", "sweep": "ends"}},
}
TARGETS = ["results/tables/ends_seeds.csv", "results/tables/ends_seeds_barriers.csv"]
TARGETS += ["seeds_of_ends"]
JOBS = {"candidate": 4, "select": 2, "merge": 2, "generate": 2, "classify": 2, "perplexity": 2}
JOBS |= {"losses": 2, "sweep_table": 2, "barriers": 2, "seeds_table": 1, "seeds_barriers": 1}
JOBS |= {"seeds_of_ends": 1}


@pytest.fixture(scope="module")
def repeated(finished, workflow_copy, tmp_path_factory) -> Iterator:
    """A copy of the finished run after a second training of g1's experts."""
    scratch = tmp_path_factory.mktemp("seeds")
    folder = shutil.copytree(finished, scratch / "run", copy_function=os.link)
    config = scratch / "seeds.yaml"
    config.write_text(yaml.safe_dump(laid_over(TINY, CHANGE), sort_keys=False))
    options = {"configfile": config, "root": workflow_copy}
    assert planned(folder, *TARGETS, **options) == JOBS, "nothing of the first training again"
    run = snakemake(folder, *TARGETS, **options)
    assert run.returncode == 0, run.stdout + run.stderr
    assert planned(folder, *TARGETS, **options) == {}
    yield folder / "results"


def test_the_experts_of_a_seed_are_others_and_their_base_is_the_same(repeated):
    for name in ("positive", "negative"):
        first, second = (
            load_file(repeated / "checkpoints" / n / "model.safetensors")
            for n in (name, f"{name}_seed2")
        )
        assert first.keys() == second.keys()
        assert any((first[tensor] != second[tensor]).any() for tensor in first)
    assert not (repeated / "checkpoints" / "base_seed2").exists()


def test_the_table_of_seeds_has_the_values_of_both_trainings(repeated):
    text = {"alpha": str, "reference": str}
    table = pd.read_csv(repeated / "tables" / "ends_seeds.csv", dtype=text)
    tables = {
        seed: pd.read_csv(repeated / "tables" / f"{name}.csv", dtype=text).set_index("alpha")
        for seed, name in ((0, "ends"), (2, "ends_seed2"))
    }
    level = table[(table["quantity"] == "level") & (table["metric"] == "sentiment")]
    level = level.set_index("alpha")
    assert list(level.index) == ["0.000", "1.000"] and set(table["n_seeds"]) <= {0, 1, 2}
    for seed, of_seed in tables.items():
        assert (level[f"seed_{seed}"] == of_seed["sentiment"]).all()
    assert (level["seed_0"] != level["seed_2"]).any()
    halves = [(t["sentiment_high"] - t["sentiment_low"]) / 2 for t in tables.values()]
    assert np.allclose(level["prompts_half_width"], sum(halves) / 2)
    change = table[(table["quantity"] == "difference") & (table["metric"] == "sentiment")]
    assert list(change["alpha"]) == ["1.000"] and list(change["reference"]) == ["0.000"]
    assert np.allclose(change["seed_2"], np.diff(tables[2]["sentiment"]))


def test_the_barriers_of_both_trainings_are_in_one_table(repeated):
    table = pd.read_csv(repeated / "tables" / "ends_seeds_barriers.csv")
    for seed, name in ((0, "ends"), (2, "ends_seed2")):
        own = pd.read_csv(repeated / "tables" / f"{name}_barriers.csv")
        of_seed = table[table["seed"] == seed].drop(columns="seed").reset_index(drop=True)
        pd.testing.assert_frame_equal(of_seed[own.columns], own)


def test_a_stranger_finds_the_figure(repeated):
    assert (repeated / "figures" / "seeds_of_ends.png").stat().st_size > 10_000
    assert "t-interval" in (repeated / "figures" / "seeds_of_ends.svg").read_text()
