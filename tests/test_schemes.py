"""Schemes: the coefficients of the checkpoints at a point (eqs. 1 to 4), refusals, formulas."""

import re
from decimal import Decimal

import pytest

from conftest import DEFAULT, SCHEMES, laid_over
from paramlerp.config import registry, sweeps
from paramlerp.jobs.errors import UserError
from paramlerp.weights import naming, schemes

D = Decimal
CHECKPOINTS = ("base", "positive", "negative", "formal", "casual")


@pytest.mark.parametrize(
    ("scheme", "point", "expected"),
    [
        ("g1", ["0"], {"positive": 0, "negative": 1}),
        ("g1", ["1"], {"positive": 1, "negative": 0}),
        ("g1", ["0.5"], {"positive": D("0.5"), "negative": D("0.5")}),
        ("g1", ["2"], {"positive": 2, "negative": -1}),
        ("g1", ["-1"], {"positive": -1, "negative": 2}),
        ("g2", ["0"], {"base": 1, "positive": 0, "negative": 0}),
        ("g2", ["-0.5"], {"base": 1, "positive": D("-0.5"), "negative": D("0.5")}),
        ("g3", ["0", "0"], {"base": 1, "positive": 0, "negative": 0}),
        ("g3", ["1", "0"], {"base": 0, "positive": 1, "negative": 0}),
        ("g3", ["0", "1"], {"base": 0, "positive": 0, "negative": 1}),
        ("g3", ["0.7", "0.3"], {"base": 0, "positive": D("0.7"), "negative": D("0.3")}),
        ("g3", ["4", "-4"], {"base": 1, "positive": 4, "negative": -4}),
        ("unrelated", ["0"], {"films_1": 1, "papers_1": 0}),
        ("unrelated", ["1"], {"films_1": 0, "papers_1": 1}),
    ],
)
def test_coefficients_at_0_half_1_and_outside(scheme, point, expected):
    assert SCHEMES[scheme].coefficients(*point) == expected


@pytest.mark.parametrize("alpha", ["-2", "-0.4", "0", "0.1", "0.7", "1", "3"])
def test_coefficients_sum_to_exactly_one(alpha):
    for name, scheme in SCHEMES.items():
        if name != "g3":
            assert sum(scheme.coefficients(alpha).values()) == 1
    for beta in ("-4", "0.3", "1"):
        assert sum(SCHEMES["g3"].coefficients(alpha, beta).values()) == 1


@pytest.mark.parametrize("alpha", ["-2", "0", "0.3", "0.7", "1", "2.6"])
def test_g1_and_g2_are_lines_of_g3(alpha):
    g1, g2 = (SCHEMES[name].coefficients(alpha) for name in ("g1", "g2"))
    assert SCHEMES["g3"].coefficients(alpha, 1 - D(alpha)) == {"base": 0, **g1}
    assert SCHEMES["g3"].coefficients(alpha, -D(alpha)) == g2


def test_an_ensemble_has_the_coefficients_of_g2():
    for name in ("ensemble", "truncated_ensemble"):
        assert SCHEMES[name].coefficients("1.5") == SCHEMES["g2"].coefficients("1.5")
        assert SCHEMES[name].mixes == "logits"
    assert SCHEMES["ensemble"].nucleus_of is None
    assert SCHEMES["truncated_ensemble"].nucleus_of == "base"


def test_a_point_has_one_name():
    g1, g3 = SCHEMES["g1"], SCHEMES["g3"]
    assert g1.point_name(0.5) == g1.point_name("0.500") == "alpha=0.500"
    assert g1.point_name(-0.0) == g1.point_name("-0.000") == "alpha=0.000"
    assert g3.point_name(0.4, -4) == "alpha=0.400_beta=-4.000"
    assert naming.values("alpha=0.400_beta=-4.000") == ("0.400", "-4.000")


@pytest.mark.parametrize("value", ["x", "nan", "inf", None, "0.0005", 1 / 3])
def test_a_value_that_is_no_number_of_at_most_three_decimals_is_refused(value):
    with pytest.raises(UserError):
        SCHEMES["g1"].point_name(value)
    with pytest.raises(UserError):
        SCHEMES["g1"].coefficients(value)


def test_an_unknown_scheme_is_refused():
    config = laid_over(DEFAULT, {"sweeps": {"g1": {"schemes": ["g9"]}}})
    with pytest.raises(UserError, match=r"sweeps\.g1\.schemes: no scheme is called 'g9'"):
        sweeps.sweeps(config)


def test_a_point_has_as_many_values_as_its_scheme_has_coordinates():
    for scheme, point in (("g1", []), ("g1", ["0", "1"]), ("g3", ["1"])):
        with pytest.raises(UserError, match=f"{scheme} takes alpha"):
            SCHEMES[scheme].coefficients(*point)


def new_scheme(**entry) -> schemes.Linear:
    """A scheme named "mine" from its entry in the config."""
    return schemes.scheme("mine", entry, CHECKPOINTS)


def test_sums_are_decimal():
    """In binary floats 0.1 + 0.2 - 0.3 is not 0, so the sum of a valid direction would not be 0."""
    assert 0.1 + 0.2 - 0.3 != 0
    scheme = new_scheme(
        origin={"base": 0.1, "positive": 0.2, "negative": 0.7},
        alpha={"base": 0.1, "positive": 0.2, "negative": -0.3},
    )
    assert scheme.coefficients("1") == {
        "base": D("0.2"),
        "positive": D("0.4"),
        "negative": D("0.4"),
    }
    scheme = new_scheme(origin={"base": "1"}, alpha={"base": "-0.5", "formal": "0.5"})
    assert scheme.coefficients("2") == {"base": 0, "formal": 1}


#: a valid direction: its coefficients sum to 0
DIRECTION = {"positive": 1, "negative": -1}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"origin": {"base": 0.9}, "alpha": DIRECTION},
            r"origin: its coefficients sum to 0\.9, not",
        ),
        ({"origin": DIRECTION, "alpha": DIRECTION}, "origin: its coefficients sum to 0, not to 1"),
        (
            {"origin": {"base": 1}, "alpha": {"positive": 1, "negative": -0.999}},
            r"alpha: its coefficients sum to 0\.001, not to 0",
        ),
        (
            {"origin": {"base": 1}, "alpha": DIRECTION, "beta": {"formal": 1}},
            "beta: its coefficients sum to 1, not to 0",
        ),
        ({"origin": {"bsae": 1}, "alpha": DIRECTION}, "origin: no checkpoint is called 'bsae'"),
        (
            {"origin": {"base": 1}, "alpha": DIRECTION, "beta": {"formal": 1, "casul": -1}},
            r"beta: no checkpoint is called 'casul'; there are base, casual, formal",
        ),
        ({"origin": {"base": 1}}, "no coordinate"),
        ({"origin": {"base": "much"}, "alpha": DIRECTION}, "'much' is not a finite number"),
        (
            {"origin": {"base": 1}, "alpha": DIRECTION, "nucleus_of": "base"},
            "nucleus_of: only a scheme",
        ),
        (
            {"origin": {"base": 1}, "alpha": DIRECTION, "mixes": "weights", "nucleus_of": "base"},
            "nucleus_of: only a scheme that mixes logits",
        ),
        (
            {
                "origin": {"base": 1},
                "alpha": DIRECTION,
                "mixes": "logits",
                "nucleus_of": "positive",
            },
            "nucleus_of: 'positive' is not in the origin",
        ),
    ],
)
def test_an_entry_that_is_no_affine_combination_of_checkpoints_is_refused(entry, message):
    """The message is one line that names the scheme and the key that is wrong."""
    with pytest.raises(UserError, match=message) as error:
        new_scheme(**entry)
    assert str(error.value).startswith("config: schemes.mine: ")
    assert "\n" not in str(error.value)


def test_a_scheme_of_logits_can_name_a_nucleus():
    ensemble = new_scheme(origin={"base": 1}, alpha=DIRECTION, mixes="logits", nucleus_of="base")
    assert (ensemble.mixes, ensemble.nucleus_of) == ("logits", "base")
    assert new_scheme(origin={"base": 1}, alpha=DIRECTION).mixes == "weights"


def test_a_scheme_that_moves_two_attributes_at_once():
    """theta0 + a (theta+ - theta-) + b (formal - casual)."""
    scheme = new_scheme(
        beta={"formal": 1, "casual": -1},
        origin={"base": 1},
        alpha={"positive": 1, "negative": -1},
    )
    assert scheme.coordinates == ("alpha", "beta"), (
        "sorted by name, whatever their order in the config"
    )
    assert scheme.checkpoints == ["base", "positive", "negative", "formal", "casual"]
    assert scheme.coefficients("0.5", "-2") == {
        "base": 1,
        "positive": D("0.5"),
        "negative": D("-0.5"),
        "formal": -2,
        "casual": 2,
    }
    assert scheme.point_name("0.5", "-2") == "alpha=0.500_beta=-2.000"
    for alpha in ("-1", "0.3", "2.6"):
        assert sum(scheme.coefficients(alpha, "0.7").values()) == 1
        # At beta = 0 it equals g2.
        g2 = SCHEMES["g2"].coefficients(alpha)
        assert scheme.coefficients(alpha, 0) == {**g2, "formal": 0, "casual": 0}
        assert scheme.locate(g2) == (naming.format_value(alpha), "0.000")
        assert scheme.locate(scheme.coefficients(alpha, "0.7")) == (
            naming.format_value(alpha),
            "0.700",
        )
    symbols = {"base": "θ⁰", "positive": "θ⁺", "negative": "θ⁻", "formal": "f", "casual": "c"}
    assert scheme.formula(symbols) == "θ⁰ + αθ⁺ + β·f − αθ⁻ − β·c"
    assert scheme.ends() == {}


@pytest.mark.parametrize("alpha", ["-2", "0", "0.3", "1", "2.6"])
def test_the_plane_locates_the_points_of_g1_and_g2(alpha):
    a, plane = D(alpha), SCHEMES["g3"]
    point = plane.locate(SCHEMES["g1"].coefficients(alpha))
    assert point == (naming.format_value(a), naming.format_value(1 - a))
    point = plane.locate(SCHEMES["g2"].coefficients(alpha))
    assert point == (naming.format_value(a), naming.format_value(-a))
    assert plane.locate(plane.coefficients(alpha, "-0.4")) == (naming.format_value(a), "-0.400")


def test_coefficients_off_a_scheme_have_no_point_on_it():
    plane, g1 = SCHEMES["g3"], SCHEMES["g1"]
    assert plane.locate(SCHEMES["unrelated"].coefficients("0.5")) is None
    assert plane.locate(SCHEMES["permuted_base"].coefficients("0.5")) is None
    assert plane.locate(SCHEMES["permuted_base"].coefficients("0")) == ("0.000", "0.000"), "theta0"
    assert g1.locate(SCHEMES["g2"].coefficients("0.5")) is None
    assert g1.locate(plane.coefficients("0.3", "0.7")) == ("0.300",)
    assert g1.locate(plane.coefficients("0.3", "0.6")) is None
    # A value has three decimals, so 1/3 is no value of a coordinate.
    thirds = new_scheme(origin={"base": 1}, alpha={"positive": 3, "base": -3})
    assert thirds.locate({"positive": D("0.6"), "base": D("0.4")}) == ("0.200",)
    assert thirds.locate({"positive": D(1), "base": D(0)}) is None


def test_the_ends_of_a_line_are_checkpoints():
    assert SCHEMES["g1"].ends() == {"0.000": "negative", "1.000": "positive"}
    assert SCHEMES["g2"].ends() == {"0.000": "base"}
    assert SCHEMES["unrelated"].ends() == {"0.000": "films_1", "1.000": "papers_1"}
    assert SCHEMES["g3"].ends() == {}, "a plane has no ends"
    halfway = new_scheme(
        origin={"positive": 0.5, "negative": 0.5}, alpha={"positive": 1, "negative": -1}
    )
    assert halfway.ends() == {}


def test_a_formula_is_written_in_the_symbols_of_the_checkpoints():
    symbols = registry.symbols(DEFAULT)
    assert SCHEMES["g1"].formula(symbols) == "αθ⁺ + (1−α)θ⁻"
    assert SCHEMES["g2"].formula(symbols) == "θ⁰ + αθ⁺ − αθ⁻"
    assert SCHEMES["g3"].formula(symbols) == "αθ⁺ + βθ⁻ + (1−α−β)θ⁰"
    scheme = new_scheme(
        origin={"base": 2, "formal": -0.5, "casual": -0.5},
        alpha={"positive": 0.5, "casual": -0.5},
    )
    assert scheme.formula({}) == "2·base + 0.5α·positive + (−0.5−0.5α)·casual − 0.5·formal"
    assert new_scheme(origin={"base": 2, "formal": -1}, t=DIRECTION).formula({}) == (
        "2·base + t·positive − formal − t·negative"
    )


def test_names_of_points_and_lines_match_their_patterns():
    g1, g3 = SCHEMES["g1"], SCHEMES["g3"]
    for value in ("-1.5", "0", "12"):
        assert re.fullmatch(g1.point_pattern(), g1.point_name(value))
        assert re.fullmatch(g3.point_pattern(), g3.point_name(value, "0.5"))
        assert not re.fullmatch(g3.point_pattern(), g1.point_name(value))
        assert re.fullmatch(g3.line_pattern(), naming.line_name({"beta": value}))
    assert g1.line_pattern() == naming.line_name({}) == "line"
    along_beta = new_scheme(origin={"base": 1}, beta=DIRECTION)
    assert not re.fullmatch(g3.line_pattern(), along_beta.point_name("0.5")), (
        "the name of a line is never the name of a point"
    )
