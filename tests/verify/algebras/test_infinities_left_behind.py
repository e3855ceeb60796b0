"""Infinities of an array of which only the numbers are picked: contrastive losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import equivalent

X = jax.ShapeDtypeStruct((4, 4), jnp.float32)
DIAGONAL = np.eye(4, dtype=bool)
ROWS, OTHER = np.arange(4), np.array([2, 3, 0, 1])


def left(x, columns=OTHER):
    """Of a softmax over all but the diagonal, the logarithms at some places beside it."""
    return jax.nn.log_softmax(jnp.where(DIAGONAL, -jnp.inf, x))[ROWS, columns]


def right(x, columns=OTHER, diagonal=0.0):
    sums = (jnp.exp(x) * jnp.where(DIAGONAL, diagonal, 1.0)).sum(-1)
    return x[ROWS, columns] - jnp.log(sums)


def test_what_is_picked_is_finite():
    assert equivalent(lambda x: jnp.mean(left(x)), lambda x: jnp.mean(right(x)), X)
    assert equivalent(lambda x: left(x)[0], lambda x: right(x)[0], X)


@pytest.mark.parametrize("columns", [np.array([2, 3, 0, 2]), np.array([1, 3, 0, 1])])
def test_other_places(columns):
    verdict = equivalent(left, lambda x: right(x, columns), X)
    assert verdict.status == "refuted", verdict


def test_the_diagonal_counts():
    assert equivalent(left, lambda x: right(x, diagonal=1e-3), X).status == "refuted"


def test_an_infinity_that_is_picked():
    """Minus infinity on the diagonal: both of them, or one."""
    on = np.array([2, 3, 0, 3])
    assert not equivalent(lambda x: left(x, on), lambda x: right(x, on), X)
    assert equivalent(lambda x: jnp.exp(left(x, on))[3], lambda x: 0 * x[0, 0], X)
