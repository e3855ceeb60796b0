"""exp(-a) = 1 / exp(a) where an exponential is in the exponent of another one, or beside a
logarithm (`field/laws/exponentials.py`): layers of sigmoid and tanh in different spellings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import verify
from verify.algebras.field.trial import Field

V = jax.ShapeDtypeStruct((2,), jnp.float32)
M = jax.ShapeDtypeStruct((2, 2), jnp.float32)


def by_sigmoid(x):
    return 2 * nn.sigmoid(2 * x) - 1


def gated(gate, tanh):
    """Two steps of a recurrence with a gate."""

    def step(h, x):
        z = gate(h + x)
        return z * h + (1 - z) * tanh(h * x), h

    return lambda x, h: lax.scan(step, h, jnp.stack([x, x * x]))[0]


EQUAL = {
    "tanh by a sigmoid, in a tanh": (
        lambda w, x: jnp.tanh(w @ jnp.tanh(x)),
        lambda w, x: jnp.tanh(w @ by_sigmoid(x)),
    ),
    "three layers": (
        lambda w, x: jnp.tanh(w @ jnp.tanh(w @ jnp.tanh(x))),
        lambda w, x: by_sigmoid(w @ by_sigmoid(w @ by_sigmoid(x))),
    ),
    "swish in a softmax": (
        lambda w, x: nn.softmax(w @ nn.silu(x)),
        lambda w, x: (lambda e: e / e.sum())(jnp.exp(w @ (x - x * nn.sigmoid(-x)))),
    ),
    "a recurrence": (
        lambda w, x: gated(nn.sigmoid, jnp.tanh)(x, w[0]),
        lambda w, x: gated(lambda a: 1 / (1 + jnp.exp(-a)), by_sigmoid)(x, w[0]),
    ),
    "beside a logarithm": (
        lambda w, x: jnp.tanh(x) + jnp.log(x * x),
        lambda w, x: by_sigmoid(x) + 2 * jnp.log(jnp.abs(x)),
    ),
    "of a modulus": (
        lambda w, x: jnp.tanh(nn.sigmoid(x)),
        lambda w, x: jnp.tanh(
            jnp.where(x >= 0, 1.0, jnp.exp(-jnp.abs(x))) / (1 + jnp.exp(-jnp.abs(x)))
        ),
    ),
}

DIFFERENT = {
    "another scale": (
        lambda w, x: jnp.tanh(w @ jnp.tanh(x)),
        lambda w, x: jnp.tanh(w @ (2 * nn.sigmoid(x) - 1)),
    ),
    "the sign lost inside": (
        lambda w, x: jnp.tanh(w @ jnp.tanh(x)),
        lambda w, x: jnp.tanh(w @ by_sigmoid(-x)),
    ),
    "an exponential and its inverse": (
        lambda w, x: jnp.exp(jnp.exp(x)),
        lambda w, x: jnp.exp(jnp.exp(-x)),
    ),
    "symmetric in one place, not in the other": (
        lambda w, x: jnp.exp(jnp.exp(x) + 2 * jnp.exp(-x)),
        lambda w, x: jnp.exp(2 * jnp.exp(x) + jnp.exp(-x)),
    ),
    "of a modulus": (
        lambda w, x: jnp.tanh(nn.sigmoid(x)),
        lambda w, x: jnp.tanh(nn.sigmoid(jnp.abs(x))),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_proved(name):
    f, g = EQUAL[name]
    assert verify.equivalent(f, g, M, V)


@pytest.mark.parametrize("name", DIFFERENT)
def test_refuted(name):
    f, g = DIFFERENT[name]
    assert verify.equivalent(f, g, M, V).status == "refuted"


def test_what_a_power_is_within_is_inverted_with_it():
    """And is not zero, and of different powers different."""
    state = Field(3, exponents=True)
    x = state.random((50,), np.dtype("float32"))
    one, two = (state.function("exp", [a], (50,), x.dtype) for a in (x, state.neg(x)))
    rows, moduli = one.rows * two.rows, state.m[:, None]
    assert (rows % moduli == 1).all()
    within = one.rows[state.points :]
    assert all(len(set(row)) == 50 for row in within.tolist())
    assert (within != 0).all()
