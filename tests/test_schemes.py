"""What every scheme gives at alpha = 0, 1/2, 1 and outside [0, 1] (design: eqs. 1 to 4)."""

import re
from decimal import Decimal

import pytest

from conftest import DEFAULT, SCHEMES, laid_over
from paramlerp.config import registry, sweeps
from paramlerp.jobs.errors import UserError
from paramlerp.weights import naming, schemes

D = Decimal
KNOWN = ("base", "positive", "negative", "formal", "casual")


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
def test_coefficients(scheme, point, expected):
    assert SCHEMES[scheme].coefficients(*point) == expected


@pytest.mark.parametrize("alpha", ["-2", "-0.4", "0", "0.1", "0.7", "1", "3"])
def test_coefficients_sum_to_exactly_one(alpha):
    for name, scheme in SCHEMES.items():
        if name != "g3":
            assert sum(scheme.coefficients(alpha).values()) == 1
    for beta in ("-4", "0.3", "1"):
        assert sum(SCHEMES["g3"].coefficients(alpha, beta).values()) == 1


@pytest.mark.parametrize("alpha", ["-2", "0", "0.3", "0.7", "1", "2.6"])
def test_g3_holds_g1_and_g2(alpha):
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
def test_no_name_for_what_is_no_short_number(value):
    with pytest.raises(UserError):
        SCHEMES["g1"].point_name(value)
    with pytest.raises(UserError):
        SCHEMES["g1"].coefficients(value)


def test_unknown_scheme():
    own = laid_over(DEFAULT, {"sweeps": {"g1": {"schemes": ["g9"]}}})
    with pytest.raises(UserError, match=r"sweeps\.g1\.schemes: no scheme is called 'g9'"):
        sweeps.sweeps(own)


def test_a_point_has_as_many_values_as_its_scheme_has_coordinates():
    for scheme, point in (("g1", []), ("g1", ["0", "1"]), ("g3", ["1"])):
        with pytest.raises(UserError, match=f"{scheme} takes alpha"):
            SCHEMES[scheme].coefficients(*point)


def of(**spec):
    return schemes.scheme("mine", spec, KNOWN)


def test_sums_are_decimal():
    """In binary floats .1 + .2 - .3 is not 0, and .1 + .2 + .7 is 1 by chance at most."""
    assert 0.1 + 0.2 - 0.3 != 0
    mine = of(
        origin={"base": 0.1, "positive": 0.2, "negative": 0.7},
        alpha={"base": 0.1, "positive": 0.2, "negative": -0.3},
    )
    assert mine.coefficients("1") == {
        "base": D("0.2"),
        "positive": D("0.4"),
        "negative": D("0.4"),
    }
    assert of(origin={"base": "1"}, alpha={"base": "-0.5", "formal": "0.5"}).coefficients("2") == {
        "base": 0,
        "formal": 1,
    }


STEP = {"positive": 1, "negative": -1}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"origin": {"base": 0.9}, "alpha": STEP}, r"origin: its coefficients sum to 0\.9, not"),
        ({"origin": STEP, "alpha": STEP}, "origin: its coefficients sum to 0, not to 1"),
        (
            {"origin": {"base": 1}, "alpha": {"positive": 1, "negative": -0.999}},
            r"alpha: its coefficients sum to 0\.001, not to 0",
        ),
        (
            {"origin": {"base": 1}, "alpha": STEP, "beta": {"formal": 1}},
            "beta: its coefficients sum to 1, not to 0",
        ),
        ({"origin": {"bsae": 1}, "alpha": STEP}, "origin: no checkpoint is called 'bsae'"),
        (
            {"origin": {"base": 1}, "alpha": STEP, "beta": {"formal": 1, "casul": -1}},
            r"beta: no checkpoint is called 'casul'; there are base, casual, formal",
        ),
        ({"origin": {"base": 1}}, "no coordinate"),
        ({"origin": {"base": "much"}, "alpha": STEP}, "'much' is not a finite number"),
        ({"origin": {"base": 1}, "alpha": STEP, "nucleus_of": "base"}, "nucleus_of: only a scheme that mix"),
        (
            {"origin": {"base": 1}, "alpha": STEP, "mixes": "weights", "nucleus_of": "base"},
            "nucleus_of: only a scheme that mixes logits",
        ),
        (
            {"origin": {"base": 1}, "alpha": STEP, "mixes": "logits", "nucleus_of": "positive"},
            "nucleus_of: 'positive' is not in the origin",
        ),
    ],
)
def test_what_is_no_affine_combination_of_checkpoints_is_refused(spec, message):
    """In one line that names the scheme and the part of it."""
    with pytest.raises(UserError, match=message) as error:
        of(**spec)
    assert str(error.value).startswith("config: schemes.mine: ")
    assert "\n" not in str(error.value)


def test_a_nucleus_is_for_logits():
    mine = of(origin={"base": 1}, alpha=STEP, mixes="logits", nucleus_of="base")
    assert (mine.mixes, mine.nucleus_of) == ("logits", "base")
    assert of(origin={"base": 1}, alpha=STEP).mixes == "weights"


def test_two_dials():
    """theta0 + a (theta+ - theta-) + b (formal - casual): two attributes at once."""
    mine = of(
        beta={"formal": 1, "casual": -1},
        origin={"base": 1},
        alpha={"positive": 1, "negative": -1},
    )
    assert mine.coordinates == ("alpha", "beta"), "by name, in whatever order they are written"
    assert mine.checkpoints == ["base", "positive", "negative", "formal", "casual"]
    assert mine.coefficients("0.5", "-2") == {
        "base": 1,
        "positive": D("0.5"),
        "negative": D("-0.5"),
        "formal": -2,
        "casual": 2,
    }
    assert mine.point_name("0.5", "-2") == "alpha=0.500_beta=-2.000"
    for alpha in ("-1", "0.3", "2.6"):
        assert sum(mine.coefficients(alpha, "0.7").values()) == 1
        # With one dial at 0 it is the other's line.
        g2 = SCHEMES["g2"].coefficients(alpha)
        assert mine.coefficients(alpha, 0) == {**g2, "formal": 0, "casual": 0}
        assert mine.locate(g2) == (naming.format_value(alpha), "0.000")
        assert mine.locate(mine.coefficients(alpha, "0.7")) == (naming.format_value(alpha), "0.700")
    symbols = {"base": "θ⁰", "positive": "θ⁺", "negative": "θ⁻", "formal": "f", "casual": "c"}
    assert mine.formula(symbols) == "θ⁰ + αθ⁺ + β·f − αθ⁻ − β·c"
    assert mine.ends() == {}


@pytest.mark.parametrize("alpha", ["-2", "0", "0.3", "1", "2.6"])
def test_g1_and_g2_are_found_on_the_plane(alpha):
    a, plane = D(alpha), SCHEMES["g3"]
    place = plane.locate(SCHEMES["g1"].coefficients(alpha))
    assert place == (naming.format_value(a), naming.format_value(1 - a))
    place = plane.locate(SCHEMES["g2"].coefficients(alpha))
    assert place == (naming.format_value(a), naming.format_value(-a))
    assert plane.locate(plane.coefficients(alpha, "-0.4")) == (naming.format_value(a), "-0.400")


def test_what_lies_off_a_plane_is_not_found_on_it():
    plane, g1 = SCHEMES["g3"], SCHEMES["g1"]
    assert plane.locate(SCHEMES["unrelated"].coefficients("0.5")) is None
    assert plane.locate(SCHEMES["permuted_base"].coefficients("0.5")) is None
    assert plane.locate(SCHEMES["permuted_base"].coefficients("0")) == ("0.000", "0.000"), "theta0"
    assert g1.locate(SCHEMES["g2"].coefficients("0.5")) is None
    assert g1.locate(plane.coefficients("0.3", "0.7")) == ("0.300",)
    assert g1.locate(plane.coefficients("0.3", "0.6")) is None
    # A point has three decimals, and a third has more.
    thirds = of(origin={"base": 1}, alpha={"positive": 3, "base": -3})
    assert thirds.locate({"positive": D("0.6"), "base": D("0.4")}) == ("0.200",)
    assert thirds.locate({"positive": D(1), "base": D(0)}) is None


def test_ends():
    assert SCHEMES["g1"].ends() == {"0.000": "negative", "1.000": "positive"}
    assert SCHEMES["g2"].ends() == {"0.000": "base"}
    assert SCHEMES["unrelated"].ends() == {"0.000": "films_1", "1.000": "papers_1"}
    assert SCHEMES["g3"].ends() == {}, "a plane has none"
    halfway = of(origin={"positive": 0.5, "negative": 0.5}, alpha={"positive": 1, "negative": -1})
    assert halfway.ends() == {}


def test_formula():
    symbols = registry.symbols(DEFAULT)
    assert SCHEMES["g1"].formula(symbols) == "αθ⁺ + (1−α)θ⁻"
    assert SCHEMES["g2"].formula(symbols) == "θ⁰ + αθ⁺ − αθ⁻"
    assert SCHEMES["g3"].formula(symbols) == "αθ⁺ + βθ⁻ + (1−α−β)θ⁰"
    mine = of(
        origin={"base": 2, "formal": -0.5, "casual": -0.5},
        alpha={"positive": 0.5, "casual": -0.5},
    )
    assert mine.formula({}) == "2·base + 0.5α·positive + (−0.5−0.5α)·casual − 0.5·formal"
    assert of(origin={"base": 2, "formal": -1}, t=STEP).formula({}) == (
        "2·base + t·positive − formal − t·negative"
    )


def test_names_of_points_and_rows_match_their_patterns():
    g1, g3 = SCHEMES["g1"], SCHEMES["g3"]
    for value in ("-1.5", "0", "12"):
        assert re.fullmatch(g1.point_pattern(), g1.point_name(value))
        assert re.fullmatch(g3.point_pattern(), g3.point_name(value, "0.5"))
        assert not re.fullmatch(g3.point_pattern(), g1.point_name(value))
        assert re.fullmatch(g3.line_pattern(), naming.line_name({"beta": value}))
    assert g1.line_pattern() == naming.line_name({}) == "line"
    line = of(origin={"base": 1}, beta=STEP)
    assert not re.fullmatch(g3.line_pattern(), line.point_name("0.5")), "no line has a point's name"
