"""What is assumed of the machine's floats must be true at some input: else nothing is proved."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from verify import equivalent

X = jax.ShapeDtypeStruct((3,), jnp.float32)


def bits(x):
    return lax.bitcast_convert_type(x, jnp.int32)


def one(x):
    """1 over the reals, 0 in float32, whatever x is."""
    return x * 0 + 1e8 + 1 - 1e8


def third(x):
    return jnp.exp(x) * jnp.exp(-x) / 3


def looped(x):
    return lax.scan(lambda c, _: (c * 0 + 1e8 + 1 - 1e8, None), x, None, length=3)[0]


NOWHERE = {
    "bits": (lambda x: bits(one(x)), lambda x: bits(x * 0 + 1.0)),
    "bits of a loop": (lambda x: bits(looped(x)), lambda x: bits(x * 0 + 1.0)),
    "the next number": (
        lambda x: jnp.nextafter(one(x), 9.0),
        lambda x: jnp.nextafter(x * 0 + 1.0, 9.0),
    ),
    "a narrower format": (
        lambda x: lax.reduce_precision(x * 0 + 0.1, 5, 2),
        lambda x: x * 0 + 0.1,
    ),
    "a narrower format of a third": (lambda x: lax.reduce_precision(third(x), 5, 2), third),
    "the first of two zeros": (
        lambda x: lax.top_k(jnp.stack([-abs(x[0]) * 0, abs(x[0]) * 0]), 1)[1],
        lambda x: jnp.zeros(1, jnp.int32),
    ),
    "the sign of zero": (
        lambda x: bits(-jnp.abs(x) * 0),
        lambda x: bits(jnp.abs(x) * 0),
    ),
}
SOMEWHERE = {
    "a sum": (lambda x: bits(x + x), lambda x: bits(2 * x)),
    "a product": (lambda x: bits(x * x - 1), lambda x: bits((x - 1) * (x + 1))),
    "an exponential": (
        lambda x: bits(jnp.exp(x) * jnp.exp(x)),
        lambda x: bits(jnp.exp(2 * x)),
    ),
    "a third": (lambda x: bits(x / 3)[::2], lambda x: bits(x[::2] / 3)),
    "a narrower format": (lambda x: lax.reduce_precision(x + x, 5, 10), lambda x: 2 * x),
    "a loop": (
        lambda x: bits(lax.fori_loop(0, 3, lambda i, c: c + x, x)),
        lambda x: bits(4 * x),
    ),
    "noise, and something else that is not exact": (
        lambda x: (bits(x + x), jnp.sin(x + 1) / 3),
        lambda x: (bits(2 * x), jnp.sin(1 + x) / 3),
    ),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_true_at_no_input_is_no_proof(name):
    assert equivalent(*NOWHERE[name], X, seconds=30).status != "proved"


@pytest.mark.parametrize("name", SOMEWHERE)
def test_true_at_some_input_is_an_assumption(name):
    verdict = equivalent(*SOMEWHERE[name], X, seconds=30)
    assert verdict, verdict
    assert verdict.assumptions
