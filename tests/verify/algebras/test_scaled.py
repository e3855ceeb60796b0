"""The order of exponentials with a common factor: what it proves, and near misses of its hooks."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent

X, S = jax.ShapeDtypeStruct((2, 4), jnp.float32), jax.ShapeDtypeStruct((), jnp.float32)
softmax, first = jax.nn.softmax, lambda x: jnp.argmax(x, 1)

EQUAL = {
    "probabilities": (lambda x: first(softmax(x)), first, [X]),
    "unnormalised": (lambda x: first(jnp.exp(x)), first, [X]),
    "the last of them": (
        lambda x: first(softmax(x)[:, ::-1]),
        lambda x: first(x[:, ::-1]),
        [X],
    ),
    "a factor a row": (lambda x: first(jnp.exp(x) * jnp.exp(-x.sum(1, keepdims=True))), first, [X]),
    "a product of exponentials": (
        lambda x: first(jnp.exp(x) * jnp.exp(x**2)),
        lambda x: first(x + x**2),
        [X],
    ),
    "a quotient of roots": (
        lambda x, s: first(jnp.exp(x) / jnp.sqrt(s * s + 1)),
        lambda x, s: first(x),
        [X, S],
    ),
}
DIFFERENT = {
    "along the other axis": (lambda x: first(softmax(x, 0)), first, [X]),
    "falling": (lambda x: first(jnp.exp(-x)), first, [X]),
    "a factor of any sign": (lambda x, s: first(jnp.exp(x) * s), lambda x, s: first(x), [X, S]),
    "a factor that may be zero": (
        lambda x, s: first(jnp.exp(x) * jax.nn.relu(s)),
        lambda x, s: first(x),
        [X, S],
    ),
    "one over a number of any sign": (
        lambda x, s: first(jnp.exp(x) / s),
        lambda x, s: first(x),
        [X, S],
    ),
    "a factor an element": (lambda x: first(jnp.exp(x) * jnp.exp(x[::-1])), first, [X]),
    "another place of equals": (
        lambda x: first(softmax(x)),
        lambda x: 3 - first(x[:, ::-1]),
        [X],
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    verdict = equivalent(pair[0], pair[1], *pair[2])
    assert verdict.status == "proved"
    assert not any("ties" in sentence for sentence in verdict.assumptions)


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_refuted(pair):
    assert equivalent(pair[0], pair[1], *pair[2]).status == "refuted"
