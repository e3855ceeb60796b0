"""What is called exact is exact, what is exact is recognised, what is undecided is unknown."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.numeric_value import grid_of
from verify.evaluate import evaluate
from verify.programs import trace

NUMERIC = Numeric()
FLOAT = np.dtype(np.float32)


def lift(*numbers: float) -> Bounded:
    return NUMERIC.lift(np.array(numbers, np.float64), FLOAT)


NOT_EXACT = {
    "0.1 + 0.2": lambda: NUMERIC.add(lift(0.1), lift(0.2)),
    "1 / 3": lambda: NUMERIC.div(lift(1), lift(3)),
    "2**53 + 1": lambda: NUMERIC.add(lift(2.0**53), lift(1)),
    "sum to 2**53 + 1": lambda: NUMERIC.sum(lift(2.0**53, 1)),
    "sum of 0.1": lambda: NUMERIC.sum(lift(*[0.1] * 10)),
    "0.1 * 0.1": lambda: NUMERIC.mul(lift(0.1), lift(0.1)),
    "(2**27 + 1)**2": lambda: NUMERIC.mul(lift(2.0**27 + 1), lift(2.0**27 + 1)),
    "dot of 2**27 + 1": lambda: NUMERIC.dot(
        NUMERIC.lift(np.full((1, 1, 2), 2.0**27 + 1)), NUMERIC.lift(np.full((1, 2, 1), 2.0**27 + 1))
    ),
    "underflow of a product": lambda: NUMERIC.mul(lift(5e-324), lift(0.5)),
    "underflow to a subnormal": lambda: NUMERIC.mul(lift(2.0**-1000 * 1.1), lift(2.0**-60)),
    "underflow of a quotient": lambda: NUMERIC.div(lift(5e-324), lift(2)),
    "dot that underflows": lambda: NUMERIC.dot(
        NUMERIC.lift(np.full((1, 1, 3), 2.0**-600)), NUMERIC.lift(np.full((1, 3, 1), 2.0**-600))
    ),
    "dot that underflows by little": lambda: NUMERIC.dot(
        NUMERIC.lift(np.full((1, 1, 3), 2.0**-550)), NUMERIC.lift(np.full((1, 3, 1), 2.0**-550))
    ),
    "product of many": lambda: NUMERIC.prod(lift(*[3.0] * 40)),
    "sqrt 2": lambda: NUMERIC.function("sqrt", [lift(2)], (1,), FLOAT),
    "cbrt 2": lambda: NUMERIC.function("cbrt", [lift(2)], (1,), FLOAT),
    "rsqrt 2": lambda: NUMERIC.function("rsqrt", [lift(2)], (1,), FLOAT),
    "exp 1": lambda: NUMERIC.function("exp", [lift(1)], (1,), FLOAT),
    "exp -1000": lambda: NUMERIC.function("exp", [lift(-1000)], (1,), FLOAT),
    "tanh 100": lambda: NUMERIC.function("tanh", [lift(100)], (1,), FLOAT),
    "logistic -800": lambda: NUMERIC.function("logistic", [lift(-800)], (1,), FLOAT),
    "a large integer": lambda: NUMERIC.cast(NUMERIC.lift(np.array([2**53 + 1])), FLOAT),
    "the largest unsigned": lambda: NUMERIC.cast(
        NUMERIC.lift(np.array([2**64 - 1], np.uint64)), FLOAT
    ),
}


@pytest.mark.parametrize("name", NOT_EXACT)
def test_rounding_is_never_overlooked(name: str) -> None:
    result = NOT_EXACT[name]()
    assert result.concrete is None, f"{name} is claimed to be exactly {result.value}"


EXACT = {
    "0.1": (lambda: lift(0.1), 0.1),
    "0.5 + 0.25": (lambda: NUMERIC.add(lift(0.5), lift(0.25)), 0.75),
    "6 / 3": (lambda: NUMERIC.div(lift(6), lift(3)), 2),
    "0 / 3": (lambda: NUMERIC.div(lift(0), lift(3)), 0),
    "0.1 / 2": (lambda: NUMERIC.div(lift(0.1), lift(2)), 0.05),
    "0 * 0.1": (lambda: NUMERIC.mul(lift(0), lift(0.1)), 0),
    "sum of dyadic numbers": (lambda: NUMERIC.sum(lift(0.5, -0.25, 2.0**20)), 2.0**20 + 0.25),
    "sum of subnormals": (lambda: NUMERIC.add(lift(5e-324), lift(5e-324)), 1e-323),
    "product of float32": (
        lambda: NUMERIC.mul(lift(float(np.float32(0.1))), lift(float(np.float32(0.7)))),
        float(np.float32(0.1)) * float(np.float32(0.7)),
    ),
    "product of large powers of two": (
        lambda: NUMERIC.mul(lift(2.0**500), lift(2.0**400)),
        2.0**900,
    ),
    "sqrt 49": (lambda: NUMERIC.function("sqrt", [lift(49)], (1,), FLOAT), 7),
    "rsqrt 1/4": (lambda: NUMERIC.function("rsqrt", [lift(0.25)], (1,), FLOAT), 2),
    "cbrt -27": (lambda: NUMERIC.function("cbrt", [lift(-27)], (1,), FLOAT), -3),
    "exp2 -3": (lambda: NUMERIC.function("exp2", [lift(-3)], (1,), FLOAT), 0.125),
    "exp -inf": (lambda: NUMERIC.function("exp", [lift(-np.inf)], (1,), FLOAT), 0),
    "floor": (lambda: NUMERIC.function("floor", [lift(-0.5)], (1,), FLOAT), -1),
    "pow": (lambda: NUMERIC.function("pow", [lift(-3), lift(3)], (1,), FLOAT), -27),
    "0 ** 0.5": (lambda: NUMERIC.function("pow", [lift(0), lift(0.5)], (1,), FLOAT), 0),
    "rem": (lambda: NUMERIC.function("rem", [lift(-7.5), lift(2)], (1,), FLOAT), -1.5),
    "max(-inf, x)": (lambda: NUMERIC.maximum(lift(-np.inf), lift(3)), 3),
    "-inf + x": (lambda: NUMERIC.add(lift(-np.inf), lift(3)), -np.inf),
    "x / inf": (lambda: NUMERIC.div(lift(3), lift(np.inf)), 0),
}


@pytest.mark.parametrize("name", EXACT)
def test_what_is_exact_is_known_to_be(name: str) -> None:
    f, expected = EXACT[name]
    assert f().concrete is not None, f"{name} has error {f().error}"
    assert f().concrete.item() == expected


def test_a_large_convolution_of_integers_is_exact() -> None:
    rng = np.random.default_rng(0)
    a = NUMERIC.lift(rng.integers(-9, 10, (1, 50, 400)).astype(np.float32))
    b = NUMERIC.lift(rng.integers(-9, 10, (1, 400, 30)).astype(np.float32) / 8)
    result = NUMERIC.dot(a, b)
    assert result.error is None
    truth = (a.value.astype(int) @ (8 * b.value).astype(int)) / 8
    np.testing.assert_array_equal(result.value, truth)


def test_one_inexact_row_leaves_the_others_exact() -> None:
    a = NUMERIC.lift(np.array([[[1.0, 2.0], [0.1, 0.3]]]))
    result = NUMERIC.dot(a, NUMERIC.lift(np.array([[[3.0], [0.7]]])))
    assert result.error is not None
    assert result.error[0, 1, 0] > 0


UNDEFINED = {
    "1 / 0": lambda: NUMERIC.div(lift(1), lift(0)),
    "0 / 0": lambda: NUMERIC.div(lift(0), lift(0)),
    "1 / (0 +- e)": lambda: NUMERIC.div(lift(1), inexact(1e-20, 1e-19)),
    "inf - inf": lambda: NUMERIC.sub(lift(np.inf), lift(np.inf)),
    "0 * inf": lambda: NUMERIC.mul(lift(0), lift(np.inf)),
    "(0 +- e) * inf": lambda: NUMERIC.mul(inexact(1e-20, 1e-19), lift(np.inf)),
    "overflow of a sum": lambda: NUMERIC.add(lift(1.7e308), lift(1.7e308)),
    "overflow of a product": lambda: NUMERIC.mul(lift(1e200), lift(1e200)),
    "overflow of a quotient": lambda: NUMERIC.div(lift(1e200), lift(1e-200)),
    "overflow of exp": lambda: NUMERIC.function("exp", [lift(1000)], (1,), FLOAT),
    "log 0": lambda: NUMERIC.function("log", [lift(0)], (1,), FLOAT),
    "log -1": lambda: NUMERIC.function("log", [lift(-1)], (1,), FLOAT),
    "log (0 +- e)": lambda: NUMERIC.function("log", [inexact(1e-20, 1e-19)], (1,), FLOAT),
    "sqrt -1": lambda: NUMERIC.function("sqrt", [lift(-1)], (1,), FLOAT),
    "rsqrt 0": lambda: NUMERIC.function("rsqrt", [lift(0)], (1,), FLOAT),
    "asin 2": lambda: NUMERIC.function("asin", [lift(2)], (1,), FLOAT),
    "atanh 1": lambda: NUMERIC.function("atanh", [lift(1)], (1,), FLOAT),
    "(-8) ** (1/3)": lambda: NUMERIC.function("pow", [lift(-8), lift(1 / 3)], (1,), FLOAT),
    "0 ** -1": lambda: NUMERIC.function("pow", [lift(0), lift(-1)], (1,), FLOAT),
    "atan2(0, 0)": lambda: NUMERIC.function("atan2", [lift(0), lift(0)], (1,), FLOAT),
    "atan2 at the cut": lambda: NUMERIC.function(
        "atan2", [inexact(0.0, 1e-9), lift(-1)], (1,), FLOAT
    ),
    "tan at its pole": lambda: NUMERIC.function("tan", [inexact(np.pi / 2, 1e-9)], (1,), FLOAT),
    "digamma near its pole": lambda: NUMERIC.function("digamma", [inexact(0.1, 0.2)], (1,), FLOAT),
    "rem 0": lambda: NUMERIC.function("rem", [lift(1), lift(0)], (1,), FLOAT),
    "sum with NaN": lambda: NUMERIC.sum(NUMERIC.lift(np.array([[1, np.nan]]))),
    "sum of inf and -inf": lambda: NUMERIC.sum(NUMERIC.lift(np.array([[np.inf, -np.inf]]))),
    "dot with NaN": lambda: NUMERIC.dot(
        NUMERIC.lift(np.array([[[0.0, 1.0]]])), NUMERIC.lift(np.array([[[np.nan], [1.0]]]))
    ),
}


def inexact(value: float, error: float) -> Bounded:
    return Bounded(np.array([value]), np.array([error]), FLOAT)


@pytest.mark.parametrize("name", UNDEFINED)
def test_the_undefined_is_unknown(name: str) -> None:
    result = UNDEFINED[name]()
    assert result.unknown.all()
    assert np.isnan(result.value).all()
    assert result.concrete is None


def test_a_choice_can_discard_the_undefined() -> None:
    """where(x != 0, 1 / x, 0)."""
    x = lift(0, 4)
    quotient = NUMERIC.div(lift(1, 1), x)
    result = NUMERIC.select(NUMERIC.compare("ne", x, lift(0, 0)), [lift(0, 0), quotient])
    assert result.concrete is not None
    np.testing.assert_array_equal(result.concrete, [0, 0.25])


@pytest.mark.parametrize("op", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_within_the_bounds_are_unknown(op: str) -> None:
    a = Bounded(np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.5, np.nan]), FLOAT)
    a.value[2] = np.nan
    result = NUMERIC.compare(op, a, lift(1.25, 2.0, 0.0))
    np.testing.assert_array_equal(result.unknown, [True, False, True])
    assert result.concrete is None


def test_a_choice_by_an_unknown_is_the_hull_of_both() -> None:
    x = inexact(0.0, 1e-9)
    positive = NUMERIC.compare("gt", x, lift(0))
    relu = NUMERIC.select(positive, [lift(0), x])
    assert 1e-9 <= relu.error.item() < 1.1e-9  # type: ignore[union-attr]
    apart = NUMERIC.select(positive, [lift(5), lift(7)])
    assert apart.value.item() - apart.error.item() <= 5  # type: ignore[union-attr]
    assert apart.value.item() + apart.error.item() >= 7  # type: ignore[union-attr]
    assert NUMERIC.select(positive, [lift(5), lift(5)]).concrete is not None


def test_unknown_booleans_and_integers_spread() -> None:
    unknown = NUMERIC.compare("gt", inexact(0.0, 1.0), lift(0))
    true, false = NUMERIC.lift(np.array([True])), NUMERIC.lift(np.array([False]))
    assert NUMERIC.logical_and(unknown, true).unknown.all()
    assert NUMERIC.logical_or(unknown, false).unknown.all()
    assert NUMERIC.logical_not(unknown).unknown.all()
    assert NUMERIC.logical_and(unknown, false).concrete is not None
    assert NUMERIC.logical_or(unknown, true).concrete.item() is True  # type: ignore[union-attr]
    one = NUMERIC.lift(np.array([1], np.int32))
    integer = NUMERIC.cast(unknown, np.dtype(np.int32))
    row = NUMERIC.pick([integer, one], np.array([[0, 1]]))
    for result in (
        integer,
        NUMERIC.add(integer, one),
        NUMERIC.sum(row),
        NUMERIC.max(row),
        NUMERIC.compare("lt", integer, one),
        NUMERIC.function("int_div", [one, integer], (1,), one.dtype),
        NUMERIC.select(unknown, [one, integer]),
    ):
        assert result.unknown.all()
    real = NUMERIC.cast(integer, FLOAT)
    assert np.isnan(real.value).all()
    fraction = NUMERIC.cast(unknown, FLOAT)
    assert (fraction.value.item(), fraction.error.item()) == (0.5, 0.5)  # type: ignore[union-attr]


def test_float_formats_are_the_same_reals() -> None:
    third = NUMERIC.div(lift(1), lift(3))
    narrow = NUMERIC.cast(third, jnp.bfloat16)
    assert narrow.value.item() == 1 / 3
    assert NUMERIC.lift(np.array([0.1], jnp.bfloat16)).concrete.item() == float(jnp.bfloat16(0.1))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("constant", [True, False])
def test_bit_patterns_are_those_of_the_programs_format(dtype: str, constant: bool) -> None:
    x = np.array([1.5, -2.0, 0.1], getattr(jnp, dtype))
    integer = jnp.int32 if x.itemsize == 4 else jnp.int16

    def bits(x: Any) -> Any:
        return lax.bitcast_convert_type(x, integer)

    program = trace(lambda y: bits(x if constant else y), x)
    (result,) = evaluate(program, NUMERIC, [NUMERIC.lift(x)])
    assert result.concrete is not None
    np.testing.assert_array_equal(result.concrete, bits(x))


def test_bit_patterns_of_rounded_numbers_and_of_zero_are_unknown() -> None:
    third = NUMERIC.div(lift(1, 0.5, 0), lift(3, 1, 1))
    result = NUMERIC.function("bitcast:int32", [third], (3,), np.dtype(np.int32), ("float32", 0, 1))
    np.testing.assert_array_equal(result.unknown, [True, False, True])


def test_values_agree_unless_they_are_certainly_different() -> None:
    assert NUMERIC.agree(lift(1, np.nan), lift(1, 2))
    assert NUMERIC.agree(inexact(1.0, 0.2), inexact(1.1, 0.0))
    assert not NUMERIC.agree(lift(1, 2), lift(1, 3))
    assert not NUMERIC.agree(inexact(1.0, 0.2), inexact(1.5, 0.2))


@pytest.mark.parametrize("dtype", ["int4", "uint4"])
def test_small_integers_wrap(dtype: str) -> None:
    numpy_dtype = np.dtype(getattr(jnp, dtype))
    everything = np.arange(16).astype(numpy_dtype)
    a, b = (NUMERIC.lift(v.reshape(-1)) for v in np.meshgrid(everything, everything))
    for name, f in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply)):
        result = getattr(NUMERIC, name)(a, b)
        assert result.value.dtype == numpy_dtype
        exact = f(a.value.astype(int), b.value.astype(int))
        np.testing.assert_array_equal((result.value.astype(int) - exact) % 16, 0)
    wide = NUMERIC.lift(np.arange(-40, 40, dtype=np.int32))
    narrow = NUMERIC.cast(wide, numpy_dtype)
    np.testing.assert_array_equal((narrow.value.astype(int) - wide.value) % 16, 0)


@pytest.mark.parametrize(
    ("values", "fraction"),
    [
        ([1, -7, 0], 0),
        ([0.5, 3], 1),
        ([2.0**60, 2.0**59 + 2.0**20], -20),
        ([0.1], 55),
        ([0], 0),
        ([2.0**-1060, -(2.0**-1058)], 1060),
        ([0.1, 2.0**10], None),
        ([2.0**-60, 1], None),
        ([np.inf], None),
        ([np.nan], None),
    ],
)
def test_the_grid_holds_every_element(values: list[float], fraction: int | None) -> None:
    grid = grid_of(np.array(values, np.float64))
    if fraction is None:
        assert grid is None
        return
    assert grid is not None
    assert grid.fraction == fraction
    for value in values:
        assert (Fraction(value) * Fraction(2) ** fraction).denominator == 1
        assert abs(value) <= grid.top
