"""The numeric algebra's claims hold: the exact result lies within the bound, whatever the input.

Exact results are computed with fractions; the inputs are chosen to be awkward: huge and tiny
magnitudes, cancellation, subnormals, numbers just off the integers, and inexact to start with.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from verify.algebras.numeric import Bounded, Numeric

NUMERIC = Numeric()
FLOAT = np.dtype(np.float32)
AWKWARD = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 0.1, 0.2, 0.3, 1 / 3, 2.0**53, 2.0**53 + 2, -(2.0**53) + 1),
    *(5e-324, 2.2250738585072014e-308, 1e-300, -1e-160, 1e160, -1e300, 1.7e308),
    *(1 + 2.0**-52, 1 - 2.0**-53, 134217729.0, 2.0**27, 2.0**-537),
]


class Known:
    """An array of exact numbers, and what the algebra knows of it."""

    def __init__(self, truth: np.ndarray, value: Bounded) -> None:
        self.truth, self.value = truth, value

    def check(self, what: str) -> None:
        assert self.value.shape == self.truth.shape, what
        for index in np.ndindex(self.truth.shape):
            value, error = float(self.value.value[index]), float(self.value.errors[index])
            if np.isnan(value):
                assert np.isnan(error), what  # nothing is claimed
                continue
            off = abs(Fraction(value) - self.truth[index])
            assert off <= Fraction(error), (
                f"{what}: {float(self.truth[index])!r} is claimed to be within {error!r} of "
                f"{value!r}, but is {float(off)!r} away"
            )


def draw(rng: np.random.Generator, shape: tuple[int, ...], family: str) -> Known:
    size = int(np.prod(shape))
    if family == "integers":
        values = rng.integers(-5, 6, size).astype(np.float64)
    elif family == "dyadic":
        values = rng.integers(-64, 65, size) / 16
    elif family == "awkward":
        values = rng.choice(AWKWARD, size)
    else:
        values = rng.normal(size=size) * 2.0 ** rng.integers(-60, 60, size)
    truth = [Fraction(float(v)) for v in values]
    error = np.zeros(size)
    if family == "worst":  # the truth lies at an end of every interval
        values = rng.normal(size=size)
        error = np.abs(values) * rng.choice([0.0, 0.5, 1.5], size)
        truth = [Fraction(float(v)) for v in values]
        outwards = np.sign(values) if rng.integers(2) else rng.choice([-1, 1], size)
        truth = [t + Fraction(float(o * e)) for t, o, e in zip(truth, outwards, error, strict=True)]
    if family == "inexact":
        error = np.abs(values) * 2.0 ** rng.integers(-50, -1, size) * rng.integers(0, 2, size)
        truth = [
            t + Fraction(float(e)) * Fraction(int(rng.integers(-8, 9)), 8)
            for t, e in zip(truth, error, strict=True)
        ]
    known = Bounded(values.reshape(shape), error.reshape(shape) if error.any() else None, FLOAT)
    exact = np.empty(size, object)
    exact[:] = truth
    return Known(exact.reshape(shape), known)


FAMILIES = ("integers", "dyadic", "awkward", "reals", "inexact", "worst")


def each(f, *arrays):
    out = np.empty(arrays[0].shape, object)
    for index in np.ndindex(out.shape):
        out[index] = f(*(a[index] for a in arrays))
    return out


def product(values):
    total = Fraction(1)
    for value in values:
        total *= value
    return total


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("family", FAMILIES)
def test_arithmetic_stays_within_its_bounds(family: str, seed: int) -> None:
    rng = np.random.default_rng([seed, FAMILIES.index(family)])
    a, b = draw(rng, (3, 4), family), draw(rng, (3, 4), family)
    for name in ("add", "sub", "mul", "maximum"):
        exact = {
            "add": lambda x, y: x + y,
            "sub": lambda x, y: x - y,
            "mul": lambda x, y: x * y,
            "maximum": max,
        }[name]
        result = getattr(NUMERIC, name)(a.value, b.value)
        Known(each(exact, a.truth, b.truth), result).check(name)
    Known(-a.truth, NUMERIC.neg(a.value)).check("neg")
    quotient = NUMERIC.div(a.value, b.value)
    safe = each(lambda x, y: x / y if y else Fraction(0), a.truth, b.truth)
    assert np.isnan(quotient.value[b.truth == 0]).all(), "division by zero is undefined"
    Known(safe, quotient).check("div")


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("family", FAMILIES)
def test_reductions_stay_within_their_bounds(family: str, seed: int) -> None:
    rng = np.random.default_rng([seed, FAMILIES.index(family), 1])
    a, b = draw(rng, (2, 3, 7), family), draw(rng, (2, 7, 4), family)
    rows = [[a.truth[i, j] for j in range(3)] for i in range(2)]
    for name, f in (("sum", sum), ("prod", product), ("max", max)):
        truth = np.empty((2, 3), object)
        for i, j in np.ndindex(2, 3):
            truth[i, j] = f(list(rows[i][j]))
        Known(truth, getattr(NUMERIC, name)(a.value)).check(name)
    truth = np.einsum("bmk,bkn->bmn", a.truth, b.truth)
    Known(truth, NUMERIC.dot(a.value, b.value)).check("dot")


@pytest.mark.parametrize("seed", range(24))
def test_deep_expressions_stay_within_their_bounds(seed: int) -> None:
    """Random programs of a dozen operations each on the results of the last."""
    rng = np.random.default_rng([seed, 2])
    family = FAMILIES[seed % len(FAMILIES)]
    live = [draw(rng, (4, 4), family) for _ in range(3)]
    for _ in range(12):
        a, b = (live[i] for i in rng.integers(0, len(live), 2))
        name = str(rng.choice(["add", "sub", "mul", "maximum", "div", "dot", "select"]))
        if name == "div":
            b = Known(each(lambda x: x * x + 1, b.truth), plus_one(b))
            result, truth = (
                NUMERIC.div(a.value, b.value),
                each(lambda x, y: x / y, a.truth, b.truth),
            )
        elif name == "dot":
            shape = (1, 4, 4)
            result = NUMERIC.dot(NUMERIC.reshape(a.value, shape), NUMERIC.reshape(b.value, shape))
            result, truth = NUMERIC.reshape(result, (4, 4)), a.truth @ b.truth
        elif name == "select":
            which = NUMERIC.compare("gt", a.value, b.value)
            result = NUMERIC.select(which, [a.value, b.value])
            truth = each(lambda x, y: y if x > y else x, a.truth, b.truth)
        else:
            exact = {"add": lambda x, y: x + y, "sub": lambda x, y: x - y, "maximum": max}
            truth = each(exact.get(name, lambda x, y: x * y), a.truth, b.truth)
            result = getattr(NUMERIC, name)(a.value, b.value)
        live.append(Known(truth, result))
        live[-1].check(name)


def plus_one(b: Known) -> Bounded:
    one = Bounded(np.ones(b.truth.shape), None, FLOAT)
    return NUMERIC.add(NUMERIC.mul(b.value, b.value), one)


@pytest.mark.parametrize("seed", range(24))
def test_decided_comparisons_are_right(seed: int) -> None:
    rng = np.random.default_rng([seed, 3])
    family = FAMILIES[seed % len(FAMILIES)]
    a, b = draw(rng, (5, 6), family), draw(rng, (5, 6), family)
    same = Known(a.truth, NUMERIC.add(a.value, Bounded(np.zeros((5, 6)), None, FLOAT)))
    points = np.array([[float(t) for t in row] for row in a.truth])
    rounded = Known(each(Fraction, points), NUMERIC.lift(points))  # at the ends of the intervals
    for one, two in ((a, b), (a, same), (b, a), (a, rounded), (rounded, a)):
        for op, f in (
            ("eq", lambda x, y: x == y),
            ("ne", lambda x, y: x != y),
            ("lt", lambda x, y: x < y),
            ("le", lambda x, y: x <= y),
            ("gt", lambda x, y: x > y),
            ("ge", lambda x, y: x >= y),
        ):
            result = NUMERIC.compare(op, one.value, two.value)
            truth = each(f, one.truth, two.truth).astype(bool)
            known = ~result.unknown
            np.testing.assert_array_equal(result.value[known], truth[known], op)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("seed", range(15))
def test_the_winner_is_the_winner_or_left_open(seed: int, last: bool) -> None:
    rng = np.random.default_rng([seed, 4])
    a = draw(rng, (6, 5), ("integers", "inexact", "worst")[seed % 3])
    a.value.value[:, 3] = a.value.value[:, 1]  # ties
    a.truth[:, 3] = a.truth[:, 1]
    if a.value.error is not None:
        a.value.error[:, 3] = a.value.error[:, 1]
    truth = np.zeros((6, 5), object)
    for i, row in enumerate(a.truth):
        order = list(row)[::-1] if last else list(row)
        place = order.index(max(order))
        truth[i, 4 - place if last else place] = Fraction(1)
    Known(each(Fraction, truth), NUMERIC.winner(a.value, last=last)).check("winner")


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "uint32", "int64", "bool"])
def test_casts_to_integers_are_right_or_unknown(dtype: str) -> None:
    ends = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    numbers = [*ends, ends[0] - 1, ends[1] + 1, ends[1] - 0.5, ends[0] + 0.5, 0.99, -0.99, 2.0**63]
    values = np.array(numbers, np.float64)
    for error in (None, np.full(len(values), 1e-9), np.full(len(values), 0.02)):
        result = NUMERIC.cast(Bounded(values, error, FLOAT), np.dtype(dtype))
        known = ~result.unknown
        off = 0.0 if error is None else error[0]
        for i in np.flatnonzero(known):
            for shift in (-1, 0, 1):
                true = Fraction(float(values[i])) + shift * Fraction(off)
                expected = true != 0 if dtype == "bool" else int(true)  # int truncates
                assert int(result.value[i]) == expected, (values[i], off)
                assert ends[0] <= expected <= ends[1], (values[i], off)
