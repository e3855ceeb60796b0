"""The bits of constants that a program computes are the machine's: what those look like over the
reals proves nothing."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from verify import equivalent

X, N = jnp.float32(0.5), jnp.int32(3)


def big():
    """1 over the reals, 0 in float32."""
    return (jnp.full((2,), 1e8) + 1) - 1e8


def negative_zero(n=2):
    return jnp.full((n,), -0.0)


def bits(x):
    return lax.bitcast_convert_type(x, jnp.int32)


# Constants of which it depends on the machine what their sign is.
ZEROS = {
    "a maximum": lambda: jnp.maximum(jnp.zeros(2)[0], negative_zero()[0]),
    "a minimum": lambda: jnp.minimum(jnp.zeros(2), negative_zero())[1],
    "clipped": lambda: jnp.clip(negative_zero(), 0.0, 1.0)[0],
    "a root": lambda: jnp.sqrt(negative_zero())[0],
    "a tangent": lambda: jnp.tanh(negative_zero())[0],
    "a sine": lambda: jnp.sin(negative_zero())[0],
    "less one": lambda: jnp.expm1(negative_zero())[0],
    "sums": lambda: jnp.cumsum(negative_zero())[1],
}


@pytest.mark.parametrize("name", ZEROS)
def test_the_sign_of_a_zero(name):
    zero = ZEROS[name]
    negative = bool(jnp.signbit(zero()))

    def f(x):
        return jnp.where(jnp.signbit(zero()), x + 1, x)

    wrong = (lambda x: x) if negative else (lambda x: x + 1)
    verdict = equivalent(f, wrong, X)
    assert verdict.status != "proved"


OTHERS = {
    "lost digits": (lambda n: n + bits(big())[0], lambda n: n + 1065353216, N),
    "an overflow": (
        lambda n: n + (lax.bitcast_convert_type(
            jnp.full((2,), 60000, jnp.float16) * 2 / 2, jnp.int16)[0]).astype(jnp.int32),
        lambda n: n + 31571,
        N,
    ),
    "lost digits of bfloat16": (
        lambda n: n + (lax.bitcast_convert_type(
            jnp.full((2,), 256, jnp.bfloat16) + 1 - 256, jnp.int16)[0]).astype(jnp.int32),
        lambda n: n + 16256,
        N,
    ),
    "in a loop": (
        lambda n: lax.fori_loop(0, 1, lambda i, m: m + bits(big())[0], n),
        lambda n: n + 1065353216,
        N,
    ),
    "given to a branch": (
        lambda n: lax.cond(
            n > 0, lambda n, c: n + bits(c)[0], lambda n, c: n + bits(c)[1], n, big()
        ),
        lambda n: n + 1065353216,
        N,
    ),
    "given to a loop": (
        lambda n: lax.fori_loop(0, 2, lambda i, s: (s[0] + bits(s[1])[0], s[1]), (n, big()))[0],
        lambda n: n + 2 * 1065353216,
        N,
    ),
    "the next number": (
        lambda x: jnp.where(jnp.nextafter(big(), 2.0)[0] > 1, x, 0),
        lambda x: x,
        X,
    ),
    "a key": (
        lambda x: x + jax.random.normal(jax.random.key(bits(big())[0])),
        lambda x: x + jax.random.normal(jax.random.key(1065353216)),
        X,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_bits(name):
    f, g, x = OTHERS[name]
    assert equivalent(f, g, x).status != "proved"


EQUAL = {
    "bits of a number": (lambda n: n + bits(jnp.float32(1)), lambda n: 1065353216 + n, N),
    "of what is exact": (
        lambda n: n + bits(jnp.full(3, 0.25) * 4)[1],
        lambda n: 1065353216 + n,
        N,
    ),
    "of a negative zero": (
        lambda x: jnp.where(jnp.signbit(-jnp.zeros(2))[0], x + 1, x),
        lambda x: 1 + x,
        X,
    ),
    "of a zero": (
        lambda x: jnp.where(jnp.signbit(jnp.zeros(2) + 0.0)[0], x + 1, x * 2),
        lambda x: x + x,
        X,
    ),
    "the next number": (
        lambda x: x * jnp.nextafter(jnp.ones(2) * 2, 1.0)[0] * 0 + x,
        lambda x: x,
        X,
    ),
    "bits of a negative root": (
        lambda n: n + bits(jnp.sqrt(jnp.full(2, 4.0)))[0],
        lambda n: (1 << 30) + n,
        N,
    ),
    "random numbers": (
        lambda x: x * jax.random.uniform(jax.random.key(3), (2,)),
        lambda x: jax.random.uniform(jax.random.key(3), (2,)) * x,
        X,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_bits_that_are_the_same(name):
    f, g, x = EQUAL[name]
    verdict = equivalent(f, g, x)
    assert verdict.status == "proved"
    assert not verdict.assumptions
