"""The law of the error function and its inverse: what it proves, and near misses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import erf, erfc, erfinv

import verify
from verify.algebras.field import Field, Mode
from verify.algebras.field.laws.error_functions import ERROR_FUNCTIONS
from verify.algebras.field.patterns import PatternField
from verify.interpretation.proof import MODES, Difference, prove
from verify.programs import trace

x = jax.ShapeDtypeStruct((3,), jnp.float32)
ROOT = np.float32(np.sqrt(2))


def normal(x):
    """The normal distribution function."""
    return (1 + erf(x / ROOT)) / 2


def quantile(p):
    return ROOT * erfinv(2 * p - 1)


def inside(x):
    return (x > -1) & (x < 1)


EQUAL = {
    "there and back": (lambda x: erfinv(erf(x)), lambda x: x),
    "of minus the result": (lambda x: erfinv(-erf(x)), lambda x: -x),
    "by the complement": (lambda x: erfinv(1 - erfc(x)), lambda x: x),
    "by the complement of minus x": (lambda x: erfinv(erfc(x) - 1), lambda x: -x),
    "of a sum": (lambda x: erfinv(erf(x + x[0])) - x[0], lambda x: x),
    "twice": (lambda x: erfinv(erf(erfinv(erf(x)))), lambda x: x),
    "moved": (lambda x: erfinv(erf(x)[::-1]), lambda x: x[::-1]),
    "in pieces": (
        lambda x: erfinv(jnp.concatenate([erf(x[1:] + 1), -erf(x[:1])])),
        lambda x: jnp.concatenate([x[1:] + 1, -x[:1]]),
    ),
    "a matrix": (lambda x: erfinv(erf(jnp.outer(x, x)).T), lambda x: jnp.outer(x, x)),
    "quantiles of a normal variable": (lambda x: quantile(normal(x)), lambda x: x),
    "another format": (
        lambda x: erfinv(erf(x.astype(jnp.bfloat16)).astype(x.dtype)),
        lambda x: x.astype(jnp.bfloat16).astype(x.dtype),
    ),
    "the derivative": (
        lambda x: jax.grad(lambda t: erfinv(erf(t)).sum())(x),
        lambda x: jnp.ones_like(x),
    ),
    "of a mask": (
        lambda x: erfinv(erf(jnp.where(x > 0, x, 0))),
        lambda x: jnp.where(x > 0, x, 0),
    ),
}
EQUAL_INSIDE = {
    "back and there": (lambda x: erf(erfinv(x)), lambda x: x),
    "of minus the inverse": (lambda x: erf(-erfinv(x)), lambda x: -x),
    "a normal variable of its quantiles": (
        lambda x: normal(quantile((1 + x) / 2)),
        lambda x: (1 + x) / 2,
    ),
}
DIFFERENT = {
    "the sign": (lambda x: erfinv(erf(x)), lambda x: -x),
    "the sign of minus the result": (lambda x: erfinv(-erf(x)), lambda x: x),
    "the absolute value": (lambda x: erfinv(erf(x)), lambda x: jnp.abs(x)),
    "the function twice": (lambda x: erf(erf(x)), lambda x: x),
    "the complement": (lambda x: erfinv(1 - erfc(x)), lambda x: 1 - x),
    "a multiple": (lambda x: erfinv(erf(x) / 2), lambda x: x / 2),
    "a shift": (lambda x: erfinv(erf(x) * 0.5 + 0.25), lambda x: x * 0.5 + 0.25),
    "moved": (lambda x: erfinv(erf(x)[::-1]), lambda x: x),
    "the pieces of two": (
        lambda x: erfinv(jnp.concatenate([erf(x[1:] + 1), -erf(x[:1])])),
        lambda x: jnp.concatenate([x[1:] + 1, x[:1]]),
    ),
    "one element that is none": (
        lambda x: erfinv(erf(x).at[1].multiply(0.5)),
        lambda x: x.at[1].multiply(0.5),
    ),
    "a matrix": (
        lambda x: erfinv(erf(jnp.outer(x, x + 1)).T),
        lambda x: jnp.outer(x, x + 1),
    ),
    "quantiles of another variance": (lambda x: quantile(normal(2 * x)), lambda x: x),
    "the derivative": (
        lambda x: jax.grad(lambda t: erfinv(erf(t)).sum())(x),
        lambda x: 2 * jnp.ones_like(x),
    ),
    "of a mask": (lambda x: erfinv(erf(jnp.where(x > 0, x, 0))), lambda x: x),
    "where the inverse has no value": (lambda x: erf(erfinv(x)), lambda x: x),
    "an infinity": (
        lambda x: erfinv(erf(jnp.where(x > 0, x, -jnp.inf))),
        lambda x: jnp.where(x > 0, x, -1),
    ),
}

# A value is assumed where it is taken, and of erf(-inf) nothing is known: for the search to see.
NO_NUMBERS = ("where the inverse has no value", "an infinity")
WITH_VALUES = {name: pair for name, pair in DIFFERENT.items() if name not in NO_NUMBERS}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert verify.equivalent(*pair, x).status == "proved"


@pytest.mark.parametrize("pair", EQUAL_INSIDE.values(), ids=list(EQUAL_INSIDE))
def test_equal_where_the_inverse_has_a_value(pair):
    assert verify.equivalent(*pair, x, assuming=inside).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses(pair):
    assert verify.equivalent(*pair, x).status == "refuted"


@pytest.mark.parametrize("mode", MODES, ids=["ties", "multiples", "no ties"])
@pytest.mark.parametrize("pair", WITH_VALUES.values(), ids=list(WITH_VALUES))
def test_near_misses_for_residues_alone(pair, mode):
    """A search refutes them above, before the law is asked: here nothing else is."""
    left, right = (trace(f, x) for f in pair)
    assert isinstance(prove(left, right, mode, seed=0), Difference)


def test_that_the_inverse_has_a_value_is_assumed():
    found = verify.equivalent(lambda x: erf(erfinv(x)), lambda x: x + 0 * erfinv(x), x)
    assert found.status == "proved"
    assert verify.algebras.field.functions.outside("erf_inv") in found.assumptions


def test_each_comparison_of_results_is_counted():
    """Without that the error bound would not cover a confusion of two of them."""
    field = Field(0)
    u, v = (field.random((5,), np.dtype("float32")) for _ in range(2))
    field.function("erf", [u], u.shape, u.dtype)
    before = field.inner_pairs
    field.function("erf_inv", [v], v.shape, v.dtype)
    assert field.inner_pairs >= before + 5 * 2 * 5  # each with each, and with minus each


def test_where_each_row_is_in_a_branch_of_its_own_residues_are_not_compared():
    field = PatternField(0, Mode(patterns=True, ties=False), exponents=True)
    u = field.random((1,), np.dtype("float32"))
    v = field.function("erf", [u], u.shape, u.dtype)
    assert ERROR_FUNCTIONS.function(field, "erf_inv", [v], v.dtype) is None


def test_the_argument_itself_comes_back():
    """So that what other laws know of it is not lost."""
    field = Field(0)
    u = field.random((5,), np.dtype("float32"))
    result = field.function("erf", [u], u.shape, u.dtype)
    assert field.function("erf_inv", [result], u.shape, u.dtype) is u
