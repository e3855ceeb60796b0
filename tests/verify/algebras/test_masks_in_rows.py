"""Counts of masks that each row decides, guards that a precondition excludes, and masks that come
twice; with near misses."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent


def F(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def B(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.bool_)


LABELS = jax.ShapeDtypeStruct((4,), jnp.int32)


def mean(x, m):
    return jnp.where(m, x, 0).sum() / jnp.maximum(m.sum(), 1)


def guarded_mean(x, m):
    n = m.astype(jnp.float32).sum()
    return jnp.where(n > 0, (x * m).sum() / jnp.where(n > 0, n, 1), 0.0)


def means(x, s):
    total, n = (jax.ops.segment_sum(v, s, 3) for v in (x, jnp.ones_like(x)))
    return total / jnp.maximum(n, 1)


def means_of_products(x, s, least=1.0):
    hot = jax.nn.one_hot(s, 3)
    n = hot.sum(0)
    return jnp.where(n > 0, (x @ hot) / jnp.where(n > 0, n, least), 0)


def inside(x, s):
    return (s >= 0) & (s < 3)


def some(x, m):
    return m.any(-1)


def softmax(x, m):
    return jax.nn.softmax(jnp.where(m, x, -jnp.inf))


def of_masked(x, m):
    e = jnp.exp(x - x.max(-1, keepdims=True)) * m
    return e / e.sum(-1, keepdims=True)


def where(x, m):
    return jax.nn.softmax(x, where=m)


EQUAL = {
    "a guarded mean": (mean, guarded_mean, [F(5), B(5)], None),
    "means by label": (means, means_of_products, [F(4), LABELS], inside),
    "sixteen masks": (softmax, of_masked, [F(16), B(16)], some),
    "masks of several rows": (softmax, of_masked, [F(3, 6), B(3, 6)], some),
    "a mask twice": (
        lambda x, m: jnp.where(m, jnp.where(m, x, 0) * 2, 0),
        lambda x, m: 2 * x * m,
        [F(4), B(4)],
        None,
    ),
    "softmax with where": (where, of_masked, [F(2, 4), B(2, 4)], some),
}
DIFFERENT = {
    "one more": (mean, lambda x, m: jnp.where(m, x, 0).sum() / (m.sum() + 1), [F(5), B(5)], None),
    "two at least": (
        mean,
        lambda x, m: jnp.where(m, x, 0).sum() / jnp.maximum(m.sum(), 2),
        [F(5), B(5)],
        None,
    ),
    "where there is none, one": (
        means,
        lambda x, s: means_of_products(x, s) + (jax.nn.one_hot(s, 3).sum(0) == 0),
        [F(4), LABELS],
        inside,
    ),
    "half of the masks": (
        softmax,
        lambda x, m: of_masked(x, m & (jnp.arange(16) < 15)),
        [F(16), B(16)],
        lambda x, m: m[:3].all(),
    ),
    "a precondition about another row": (
        lambda x, m: jnp.where(jnp.isnan(softmax(x, m)), 0, 1),
        lambda x, m: jnp.ones((2, 4), jnp.int32),
        [F(2, 4), B(2, 4)],
        lambda x, m: m[0].any(),
    ),
    "another mask outside": (
        lambda x, m: jnp.where(m[::-1], jnp.where(m, x, 0) * 2, 0),
        lambda x, m: 2 * x * m,
        [F(4), B(4)],
        None,
    ),
    "not the mask": (
        lambda x, m: jnp.where(~m, jnp.where(m, x, 0) * 2, 0),
        lambda x, m: 2 * x * m,
        [F(4), B(4)],
        None,
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    f, g, examples, given = pair
    assert equivalent(f, g, *examples, assuming=given).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    f, g, examples, given = pair
    assert equivalent(f, g, *examples, assuming=given).status == "refuted"
