"""Gamma functions of arguments that are a whole number apart, and near misses."""

import jax
import jax.numpy as jnp
import pytest
from jax.scipy.special import digamma, gammaln

import verify

x = jax.ShapeDtypeStruct((2,), jnp.float32)
log = jnp.log


def above_zero(a, b):
    return (a > 0) & (b > 0)


def log_beta(a, b):
    return gammaln(a) + gammaln(b) - gammaln(a + b)


EQUAL = {
    "one up": (lambda a, b: gammaln(a + 1), lambda a, b: gammaln(a) + log(a)),
    "one down": (lambda a, b: gammaln(a), lambda a, b: gammaln(a + 1) - log(a)),
    "two up": (lambda a, b: gammaln(a + 2), lambda a, b: gammaln(a) + log(a) + log(a + 1)),
    "a beta function": (
        lambda a, b: log_beta(a, b + 1),
        lambda a, b: log_beta(a, b) + log(b / (a + b)),
    ),
    "of each element": (
        lambda a, b: gammaln(a + jnp.array([1.0, 3.0])),
        lambda a, b: gammaln(a) + log(a) + jnp.array([0.0, 1.0]) * (log(a + 1) + log(a + 2)),
    ),
    "its derivative": (lambda a, b: digamma(a + 1), lambda a, b: digamma(a) + 1 / a),
    "its derivative, down": (
        lambda a, b: digamma(a),
        lambda a, b: digamma(a + 2) - 1 / a - 1 / (a + 1),
    ),
}
DIFFERENT = {
    "one up": (lambda a, b: gammaln(a + 1), lambda a, b: gammaln(a) + log(a + 1)),
    "two up": (lambda a, b: gammaln(a + 2), lambda a, b: gammaln(a) + 2 * log(a)),
    "one down": (lambda a, b: gammaln(a), lambda a, b: gammaln(a + 1) + log(a)),
    "a half": (lambda a, b: gammaln(a + 0.5), lambda a, b: gammaln(a) + log(a) / 2),
    "another argument": (lambda a, b: gammaln(a + 1), lambda a, b: gammaln(b) + log(a)),
    "its derivative": (lambda a, b: digamma(a + 1), lambda a, b: digamma(a) - 1 / a),
    "both functions": (lambda a, b: digamma(a + 1), lambda a, b: digamma(a) + log(a)),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert verify.equivalent(*pair, x, x, assuming=above_zero).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses(pair):
    assert verify.equivalent(*pair, x, x, assuming=above_zero).status == "refuted"


def test_of_negative_numbers_the_logarithm_has_no_value():
    """lgamma is the logarithm of an absolute value, and exists there."""
    found = verify.equivalent(lambda a: gammaln(a + 1), lambda a: gammaln(a) + log(a), x)
    assert found.status != "proved"
