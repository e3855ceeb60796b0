"""What rounded constants are read as: each reading rounds to its literal, and the simplest wins."""

import math
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from verify.constants.literals import halves, rounded
from verify.constants.readings import Reading, reading, rounds_to

F32, F64, BF16, F16 = map(jnp.dtype, ("float32", "float64", "bfloat16", "float16"))
KNOWN = {
    "1/10": 0.1,
    "1/3": 1 / 3,
    "-2/7": -2 / 7,
    "9/10": 1 - 0.1,
    "999/1000": 0.999,
    "1/100000": 1e-5,
    "1/784": 1 / 784,
    "sqrt(2)/2": math.sqrt(0.5),
    "sqrt(3)/12": 48**-0.5,
    "sqrt(6)/28": math.sqrt(6 / 784),
    "2 pi": 2 * math.pi,
    "pi/180": math.pi / 180,
    "sqrt(2) pi**(-1/2)": math.sqrt(2 / math.pi),
    "-sqrt(2) pi**(-1/2)/2": -1 / math.sqrt(2 * math.pi),
    "log(2)": math.log(2),
    "log(2 pi)/2": math.log(2 * math.pi) / 2,
    "1/log(10)": 1 / math.log(10),
    "-log(3)": -math.log(3),
    "e": math.e,
    "e**(-2)": math.exp(-2),
    "2 pi e": 2 * math.pi * math.e,
    "log(2 pi e)/2": math.log(2 * math.pi * math.e) / 2,
}


@pytest.mark.parametrize("value", [5e-324, 2.2e-308, 1e-300, 1e-160, 1e160, 1e300, 1.7e308])
def test_extremes_of_float64_are_read_or_not_and_nothing_overflows(value):
    for sign in (1, -1):
        found = reading(sign * value, F64)
        assert found is None or rounds_to(found, sign * value, F64)


@pytest.mark.parametrize("text", KNOWN)
def test_what_programs_compute_when_they_are_traced(text):
    assert str(reading(float(np.float32(KNOWN[text])), F32)) == text
    if "log" not in text and text not in (
        "9/10",
        "2 pi e",
    ):  # these are not what float64 rounds them to
        assert str(reading(KNOWN[text], F64)) == text


@pytest.mark.parametrize("value", ["0.044715", "0.134145", "0.398942", "-6.62607", "0.319382"])
def test_decimals_of_six_digits_are_read(value):
    found = reading(float(np.float32(value)), F32)
    assert found is not None
    assert found.factor == Fraction(value)


@pytest.mark.parametrize("value", [0.123456789, 1.0507009873554805, 0.57721566, 2.71828183])
def test_other_numbers_have_none_or_one_that_is_short(value):
    found = reading(float(np.float32(value)), F32)
    assert found is None or found.cost <= 17


@pytest.mark.parametrize("dtype", [F32, F64, BF16, F16], ids=str)
def test_a_reading_rounds_to_its_literal(dtype):
    """Whatever literal it is: of people's, and at random."""
    rng = np.random.default_rng(0)
    people = [0.1, 0.25, 1 / 3, 0.7, 1e-3, math.pi, math.sqrt(2), math.log(2), 0.044715]
    for number in [*people, *rng.normal(size=60), *np.exp(rng.normal(scale=5, size=60))]:
        value = float(np.asarray(number).astype(dtype))
        found = reading(value, dtype)
        if found is None or not math.isfinite(value) or value == 0:
            continue
        assert rounds_to(found, value, dtype)
        again = np.asarray(float(found.value())).astype(dtype)
        assert float(again) == value


def test_few_numbers_at_random_have_a_reading():
    """Otherwise it would say nothing that a constant has one."""
    values = np.random.default_rng(1).normal(size=200).astype(np.float32)
    assert sum(reading(float(v), F32) is not None for v in values) < 12


@pytest.mark.parametrize(
    "value", [float(np.nextafter(np.float32(0.1), np.float32(d))) for d in (0, 1)]
)
def test_a_neighbour_of_a_literal_is_read_otherwise(value):
    assert str(reading(value, F32)) != "1/10"


def test_halfway_is_too_far():
    half, nearer = Fraction(1, 2**24), Fraction(9, 10)
    for value in (Fraction(3, 2), Fraction(1)):
        assert not rounds_to(Reading(value + half), float(value), F32)
    assert rounds_to(Reading(Fraction(3, 2) + half * nearer), 1.5, F32)
    assert rounds_to(Reading(Fraction(3, 2) - half * nearer), 1.5, F32)
    assert not rounds_to(Reading(1 - half * nearer), 1.0, F32)  # there is a number below 1


def test_which_constants_may_have_been_rounded():
    exact = [0.0, 1.0, -2.0, 0.5, 0.375, 96.0, 1e6, 2.0**30, np.inf, -np.inf]
    assert not rounded(np.float64(exact), np.float32).any()
    others = [0.1, 1 / 3, np.pi, 1e-5, 1.0000001, 16777217.5]
    assert rounded(np.float64(others), np.float32).all()


@pytest.mark.parametrize("dtype", [F32, F64, BF16, F16], ids=str)
def test_half_a_unit(dtype):
    """Whatever rounds to a value lies within it."""
    rng = np.random.default_rng(2)
    numbers = rng.normal(size=500)
    values = numbers.astype(dtype).astype(np.float64)
    assert (np.abs(values - numbers) <= halves(values, dtype)).all()
