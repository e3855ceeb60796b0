"""Max-pooling's gradient, bit by bit that of `lax.reduce_window`, on data full of ties."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
from tests.cnnjax.lowerings.cases import POOLS


def gradients(case, xs, g):
    """The gradient of each image of ``xs`` by each lowering, in one compiled program."""

    def one(lowering, x):
        f = partial(
            cnnjax.max_pool,
            window=case.window,
            stride=case.stride,
            padding=case.padding,
            lowering=lowering,
        )
        y, pull = jax.vjp(f, x)
        return y, pull(g)[0]

    @jax.jit
    def both(xs):
        return [jax.lax.map(partial(one, name), xs) for name in ("argmax", "lax")]

    return both(xs)


def output(case):
    return jax.eval_shape(
        lambda x: cnnjax.max_pool(x, case.window, stride=case.stride, padding=case.padding),
        jax.ShapeDtypeStruct(case.x, jnp.float32),
    ).shape


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_gradient_is_bit_for_bit_that_of_reduce_window(case):
    rng = np.random.default_rng(0)
    # Two values: nearly every window ties. Infinities tie with the padding too.
    few = rng.integers(0, 2, (20, *case.x)).astype(np.float32)
    low = np.where(rng.random((20, *case.x)) < 0.8, -np.inf, few).astype(np.float32)
    lowest = np.full((1, *case.x), -np.inf, np.float32)
    g = jnp.asarray(rng.integers(-9, 10, output(case)), jnp.float32)
    (ours, gradient), (theirs, expected) = gradients(case, np.concatenate([few, low, lowest]), g)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(gradient, expected)


def test_the_comparison_sees_a_gradient_that_went_to_the_second_maximum():
    x = jnp.ones((2, 2, 1))

    def wrong(x):  # `jnp.max` splits it among all four
        return jnp.max(x, (0, 1))

    def right(x):
        return cnnjax.max_pool(x, 2, lowering="argmax")

    split, first = (jax.grad(lambda x, f=f: jnp.sum(f(x)))(x)[..., 0] for f in (wrong, right))
    np.testing.assert_array_equal(first, [[1, 0], [0, 0]])
    np.testing.assert_array_equal(split, np.full((2, 2), 0.25))


@pytest.mark.parametrize("place", range(4))
def test_a_nan_stays_a_nan_where_it_is_differentiated(place):
    x = jnp.asarray([1.0, -1.0, 2.0, 0.0]).at[place].set(jnp.nan).reshape(2, 2, 1)
    y, _ = jax.vjp(lambda x: cnnjax.max_pool(x, 2, lowering="argmax"), x)
    assert np.isnan(y).all()
