"""What every scheme gives at alpha = 0, 1/2, 1 and outside [0, 1] (design: eqs. 1 to 4)."""

from decimal import Decimal

import pytest

from paramlerp import schemes
from paramlerp.errors import UserError

D = Decimal


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
        ("pair", ["0"], {"a": 1, "b": 0}),
        ("pair", ["1"], {"a": 0, "b": 1}),
    ],
)
def test_coefficients(scheme, point, expected):
    assert schemes.coefficients(scheme, *point) == expected


@pytest.mark.parametrize("alpha", ["-2", "-0.4", "0", "0.1", "0.7", "1", "3"])
def test_coefficients_sum_to_exactly_one(alpha):
    for scheme in ("g1", "g2", "pair"):
        assert sum(schemes.coefficients(scheme, alpha).values()) == 1
    for beta in ("-4", "0.3", "1"):
        assert sum(schemes.coefficients("g3", alpha, beta).values()) == 1


@pytest.mark.parametrize("alpha", ["-2", "0", "0.3", "0.7", "1", "2.6"])
def test_g3_holds_g1_and_g2(alpha):
    g1, g2 = schemes.coefficients("g1", alpha), schemes.coefficients("g2", alpha)
    assert schemes.coefficients("g3", alpha, 1 - D(alpha)) == {"base": 0, **g1}
    assert schemes.coefficients("g3", alpha, -D(alpha)) == g2


def test_a_point_has_one_name():
    assert schemes.name("g1", 0.5) == schemes.name("g1", "0.500") == "alpha=0.500"
    assert schemes.name("g1", -0.0) == schemes.name("g1", "-0.000") == "alpha=0.000"
    assert schemes.name("g3", 0.4, -4) == "alpha=0.400_beta=-4.000"
    assert schemes.values("alpha=0.400_beta=-4.000") == ("0.400", "-4.000")


@pytest.mark.parametrize("value", ["x", "nan", "inf", None, "0.0005", 1 / 3])
def test_no_name_for_what_is_no_short_number(value):
    with pytest.raises(UserError):
        schemes.name("g1", value)


def test_unknown_scheme():
    with pytest.raises(UserError, match="g9"):
        schemes.coefficients("g9", 0)
