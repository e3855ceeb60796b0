"""Loops whose number of steps depends on the inputs and is bounded (`primitives/control.py`)."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import verify

V = jax.ShapeDtypeStruct((4,), jnp.float32)
X = jax.ShapeDtypeStruct((), jnp.float32)
N = jax.ShapeDtypeStruct((), jnp.int32)
NS = jax.ShapeDtypeStruct((2,), jnp.int32)


def up_to(most):
    return lambda x, n: (n >= 0) & (n <= most)


def summed(x, n):
    return lax.fori_loop(0, n, lambda i, s: s + x[i], 0.0)


def masked(x, n):
    return jnp.where(jnp.arange(4) < n, x, 0).sum()


def recurrent(x, n):
    return lax.fori_loop(0, n, lambda i, h: jnp.tanh(h + x[i]), 0.0)


def padded(x, n):
    def step(h, at):
        i, u = at
        return jnp.where(i < n, jnp.tanh(h + u), h), None

    return lax.scan(step, 0.0, (jnp.arange(4), x))[0]


def doubled(most):
    """Doubled until it is large, or so many times."""

    def going(state):
        return (state[0] < most) & (state[1] < 10)

    return lambda x: lax.while_loop(going, lambda s: (s[0] + 1, 2 * s[1] + 1), (0, x))[1]


def chosen(x, most):
    for _ in range(most):
        x = jnp.where(x < 10, 2 * x + 1, x)
    return x


def stops_at(x, n):
    """Behind n the predicate is true again, and nobody goes on."""
    going = lambda s: (s[0] < 4) & (s[0] != n)  # noqa: E731
    return lax.while_loop(going, lambda s: (s[0] + 1, s[1] + x[s[0]]), (0, 0.0))[1]


EQUAL = {
    "a sum": (summed, masked, (V, N), up_to(4)),
    "of a batch": (
        jax.vmap(summed, (None, 0)),
        lambda x, n: jnp.where(jnp.arange(4) < n[:, None], x, 0).sum(1),
        (V, NS),
        up_to(4),
    ),
    "a recurrence": (recurrent, padded, (V, N), up_to(4)),
    "an early exit": (doubled(3), lambda x: chosen(x, 3), (X,), None),
    "what stops does not go on": (
        stops_at,
        lambda x, n: jnp.where((jnp.arange(4) < n) | (n < 0), x, 0).sum(),
        (V, N),
        lambda x, n: (n >= -9) & (n <= 9),
    ),
}

DIFFERENT = {
    "one step more": (lambda x, n: summed(x, n + 1), masked, (V, N), up_to(3)),
    "one at least": (lambda x, n: summed(x, jnp.maximum(n, 1)), masked, (V, N), up_to(4)),
    "a step too many before the exit": (doubled(3), lambda x: chosen(x, 4), (X,), None),
    "what stops goes on": (
        stops_at,
        lambda x, n: jnp.where(jnp.arange(4) != n, x, 0).sum(),
        (V, N),
        up_to(4),
    ),
    "the last step without its element": (
        lambda x, n: summed(x.at[3].set(0), n),
        masked,
        (V, N),
        up_to(4),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_proved(name):
    f, g, examples, given = EQUAL[name]
    assert verify.equivalent(f, g, *examples, assuming=given)


@pytest.mark.parametrize("name", DIFFERENT)
def test_refuted(name):
    f, g, examples, given = DIFFERENT[name]
    assert verify.equivalent(f, g, *examples, assuming=given).status == "refuted"


def test_nothing_is_known_of_a_loop_that_may_be_longer_than_what_is_tried():
    """The 200th step differs, which is behind all that are unrolled."""

    def f(x, n):
        return lax.fori_loop(0, n, lambda i, s: s + x, 0.0)

    def g(x, n):
        return lax.fori_loop(0, n, lambda i, s: s + jnp.where(i == 199, 0.0, x), 0.0)

    assert not verify.equivalent(f, g, X, N, assuming=up_to(1000), seconds=10)
