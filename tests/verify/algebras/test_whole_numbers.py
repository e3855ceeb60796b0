"""Counts that are floats, and the gamma function of them; near misses of each hook."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats
from jax.scipy.special import gammaln, xlogy

from verify import equivalent


def F(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


K = jax.ShapeDtypeStruct((3,), jnp.int32)
FACTORIALS = np.array([1, 1, 2, 6, 24, 120], np.float32)


def positive(k, m):
    return (k >= 0) & (m > 0)


def few(k):
    return (k >= 0) & (k < 6)


def chances(k, p):
    return (k > 0) & (p > 0) & (p < 1)


def table(k):
    return jnp.log(jnp.asarray(FACTORIALS))[k]


EQUAL = {
    "a Poisson density": (
        stats.poisson.logpmf,
        lambda k, m: k * jnp.log(m) - m - gammaln(k + 1.0),
        [K, F(3)],
        positive,
    ),
    "a geometric one": (
        stats.geom.logpmf,
        lambda k, p: (k - 1) * jnp.log1p(-p) + jnp.log(p),
        [K, F(3)],
        chances,
    ),
    "steps of a count": (
        lambda k: jnp.round(2.0 * k + 1) + jnp.floor(-1.0 * k) + jnp.ceil(k * 3.0),
        lambda k: 4.0 * k + 1,
        [K],
        None,
    ),
    "of a sum of products": (
        lambda k, n: jnp.floor((k * 1.0) @ (n * 1.0)),
        lambda k, n: (k * 1.0 * n).sum(),
        [K, K],
        None,
    ),
    "nothing times a number": (
        lambda k, x: jnp.where(k * 1.0 == 0, 0, k * x),
        lambda k, x: k * x,
        [K, F(3)],
        None,
    ),
    "factorials": (lambda k: gammaln(k + 1.0), table, [K], few),
    "binomial coefficients": (
        lambda k: gammaln(6.0) - gammaln(k + 1.0) - gammaln(6.0 - k),
        lambda k: jnp.log(jnp.array([1.0, 5, 10, 10, 5, 1])[k]),
        [K],
        few,
    ),
    "halves": (
        lambda k: gammaln(k + 0.5) - gammaln(0.5),
        lambda k: jnp.log(jnp.array([1.0, 0.5, 0.75, 1.875, 6.5625, 29.53125]))[k],
        [K],
        few,
    ),
    "a half and pi": (lambda x: x + gammaln(0.5), lambda x: x + jnp.log(jnp.pi) / 2, [F(3)], None),
    "Student's t of one degree": (
        lambda x: stats.t.logpdf(x, 1.0),
        stats.cauchy.logpdf,
        [F(3)],
        None,
    ),
}
DIFFERENT = {
    "a half of a count": (lambda k: jnp.floor(k / 2), lambda k: k / 2, [K], None),
    "a count and a half": (lambda k: jnp.floor(k + 0.5), lambda k: k + 0.5, [K], None),
    "a product with what is none": (
        lambda k, x: jnp.floor(k * x),
        lambda k, x: k * x,
        [K, F(3)],
        None,
    ),
    "one where it is nothing": (
        lambda k, x: jnp.where(k * 1.0 == 0, 1, k * x),
        lambda k, x: k * x,
        [K, F(3)],
        None,
    ),
    "another count": (
        lambda k, x: jnp.where(k * 1.0 == 1, 0, k * x),
        lambda k, x: k * x,
        [K, F(3)],
        None,
    ),
    "divided by itself": (
        lambda k, x: jnp.where(k * 1.0 == 0, 0, k * (x / k)),
        lambda k, x: x,
        [K, F(3)],
        None,
    ),
    "without the last term": (
        stats.poisson.logpmf,
        lambda k, m: k * jnp.log(m) - gammaln(k + 1.0),
        [K, F(3)],
        positive,
    ),
    "a factorial more": (lambda k: gammaln(k + 2.0), table, [K], few),
    "a table with a wrong end": (
        lambda k: gammaln(k + 1.0),
        lambda k: jnp.log(jnp.asarray(FACTORIALS).at[5].set(121))[k],
        [K],
        few,
    ),
    "a half without pi": (lambda x: x + gammaln(0.5), lambda x: x + 0.5, [F(3)], None),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    f, g, examples, given = pair
    assert equivalent(f, g, *examples, assuming=given).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    f, g, examples, given = pair
    assert equivalent(f, g, *examples, assuming=given).status == "refuted"


def test_the_logarithm_of_the_count_itself_is_not_left_out():
    """At zero one side is zero, the other has no value: whole numbers are zero more than never."""
    verdict = equivalent(lambda k: xlogy(k, k * 1.0), lambda k: k * jnp.log(k * 1.0), K)
    assert verdict.status != "proved" or any("logarithm" in s for s in verdict.assumptions)
