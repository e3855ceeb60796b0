"""x[arange(n), label]: the component that is known names one row, and no two labels one element."""

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent

X = jax.ShapeDtypeStruct((4, 3), jnp.float32)
Y = jax.ShapeDtypeStruct((4,), jnp.int32)
ROWS = jnp.arange(4)


def inside(x, y):
    return (y >= 0) & (y < 3)


def hot(y):
    return jax.nn.one_hot(y, 3)


EQUAL = {
    "set": (lambda x, y: x.at[ROWS, y].set(0), lambda x, y: x * (1 - hot(y))),
    "set to a number a row": (
        lambda x, y: x.at[ROWS, y].set(x[:, 0]),
        lambda x, y: jnp.where(hot(y) == 1, x[:, :1], x),
    ),
    "add": (lambda x, y: x.at[ROWS, y].add(-1), lambda x, y: x - hot(y)),
    "read": (lambda x, y: x[ROWS, y], lambda x, y: (x * hot(y)).sum(1)),
    "rows from the end": (
        lambda x, y: x.at[ROWS[::-1], y].set(1.0),
        lambda x, y: jnp.where(hot(y[::-1]) == 1, 1.0, x),
    ),
}
DIFFERENT = {
    "rows from the end": (
        lambda x, y: x.at[ROWS[::-1], y].set(1.0),
        lambda x, y: jnp.where(hot(y) == 1, 1.0, x),
    ),
    "one row twice": (
        lambda x, y: x.at[jnp.array([0, 1, 2, 2]), y].set(1.0),
        lambda x, y: jnp.where(hot(y) == 1, 1.0, x),
    ),
    "the wrong axis": (lambda x, y: x[ROWS, y], lambda x, y: (x * hot(y[::-1])).sum(1)),
    "a row left out": (
        lambda x, y: x.at[ROWS[1:], y[1:]].set(0),
        lambda x, y: x * (1 - hot(y)),
    ),
}


@pytest.mark.parametrize("pair", EQUAL.values(), ids=list(EQUAL))
def test_equal(pair):
    assert equivalent(*pair, X, Y, assuming=inside).status == "proved"


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_near_misses_are_no_proofs(pair):
    assert equivalent(*pair, X, Y, assuming=inside).status != "proved"
