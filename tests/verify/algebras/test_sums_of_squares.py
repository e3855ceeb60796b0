"""E[x**2] - E[x]**2 is never negative, and what is a little different may be."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent

X, M = jax.ShapeDtypeStruct((4,), jnp.float32), jax.ShapeDtypeStruct((3, 4), jnp.float32)
IMAGE = jax.ShapeDtypeStruct((2, 3, 3, 4), jnp.float32)


def mean(x, axis=-1):
    return jnp.mean(x, axis)


def cut(f):
    """f with negative values cut off, and f."""
    return (lambda *xs: jnp.maximum(0, f(*xs)), f)


def normalised(x, variance):
    m = x.mean(-1, keepdims=True)
    return (x - m) / jnp.sqrt(variance(x, m) + 1e-5)


VARIANCES = {
    "of a vector": ((lambda x: jnp.maximum(0, mean(x * x) - mean(x) ** 2)), jnp.var, [X]),
    "of rows": (
        lambda x: jnp.maximum(jnp.square(x).mean(1) - x.mean(1) ** 2, 0),
        lambda x: jnp.var(x, 1),
        [M],
    ),
    "of columns": (
        lambda x: jnp.maximum(jnp.square(x).mean(0) - x.mean(0) ** 2, 0),
        lambda x: jnp.var(x, 0),
        [M],
    ),
    "of channels": (
        lambda x: jax.nn.relu((x**2).mean((0, 1, 2)) - x.mean((0, 1, 2)) ** 2),
        lambda x: jnp.var(x, (0, 1, 2)),
        [IMAGE],
    ),
    "in a normalisation": (
        lambda x: normalised(
            x, lambda x, m: jnp.maximum(0, (x * x).mean(-1, keepdims=True) - m * m)
        ),
        lambda x: normalised(x, lambda x, m: ((x - m) ** 2).mean(-1, keepdims=True)),
        [M],
    ),
    "of differences": (
        lambda x, y: jnp.maximum(0, mean((x - y) ** 2) - mean(x - y) ** 2),
        lambda x, y: jnp.var(x - y, -1),
        [M, M],
    ),
    "less than that": (*cut(lambda x: mean(x * x) - 0.9 * mean(x) ** 2), [M]),
    "sums": (*cut(lambda x: 4 * (x * x).sum() - x.sum() ** 2), [X]),
    "transposed": (
        lambda x: jnp.maximum(0, ((x * x).mean(2).T - (x.mean(2) ** 2).T)),
        lambda x: jnp.var(x, 2).T,
        [jax.ShapeDtypeStruct((2, 3, 4), jnp.float32)],
    ),
}
NEGATIVE = {
    "more than that": (lambda x: mean(x * x) - 1.1 * mean(x) ** 2, [M]),
    "the other way": (lambda x: mean(x) ** 2 - mean(x * x), [M]),
    "of another": (lambda x, y: mean(x * x) - mean(y) ** 2, [M, M]),
    "of another row": (lambda x: mean(x * x) - mean(x)[::-1] ** 2, [M]),
    "of another axis": (
        lambda x: (x * x).mean(0) - x.mean(1) ** 2,
        [jax.ShapeDtypeStruct((3, 3), jnp.float32)],
    ),
    "too few": (lambda x: (x[:3] ** 2).mean() - x.mean() ** 2, [X]),
    "one too many": (lambda x: 3 * (x * x).sum() - x.sum() ** 2, [X]),
    "a sum to the fourth": (lambda x: mean(x * x) - mean(x) ** 4, [M]),
    "a product": (lambda x, y: mean(x * y) - mean(x) * mean(y), [M, M]),
    "a weighted sum": (lambda x: mean(x * x) - (x @ jnp.array([1.0, 0, 0, 0])) ** 2, [X]),
}


@pytest.mark.parametrize("name", VARIANCES)
def test_a_variance_needs_no_cut(name):
    f, g, examples = VARIANCES[name]
    verdict = equivalent(f, g, *examples, seconds=30)
    assert verdict, verdict


@pytest.mark.parametrize("name", NEGATIVE)
def test_what_may_be_negative_does(name):
    f, examples = NEGATIVE[name]
    verdict = equivalent(*cut(f), *examples, seconds=30)
    assert verdict.status == "refuted", verdict
