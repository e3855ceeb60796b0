"""Rules of derivatives that compute with machine integers, truth values and the bits of floats."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from verify import derivatives

I32, F32 = jnp.int32, jnp.float32
U8, I8, X = (jax.ShapeDtypeStruct((), dtype) for dtype in (jnp.uint8, jnp.int8, F32))
B = jax.ShapeDtypeStruct((2, 2), bool)


def scaled(factor, other, *integers):
    """x times a function of integers, with a rule that takes another function for it."""
    f = jax.custom_jvp(lambda *a: factor(*a[:-1]).astype(F32) * a[-1])
    f.defjvp(lambda p, t: (f(*p), other(*p[:-1]).astype(F32) * t[-1]))
    return f, *integers, X


def bits(x):
    return lax.bitcast_convert_type(x, I32)


def squared(rule):
    """x squared, with a rule that multiplies the tangent."""
    f = jax.custom_jvp(lambda x: x * x)
    f.defjvp(lambda p, t: (f(*p), rule(p[0]) * t[0]))
    return f


WRONG = {
    "xor hides that a sum wraps": scaled(
        lambda a, b: (a + b) ^ a, lambda a, b: (a.astype(I32) + b) ^ a.astype(I32), U8, U8
    ),
    "and hides that a sum wraps": scaled(
        lambda a, b: (a + b) & 64, lambda a, b: (a.astype(I32) + b.astype(I32)) & 320, U8, U8
    ),
    "a cast sees that a sum wraps": scaled(
        lambda a, b: (a + b).astype(I32), lambda a, b: a.astype(I32) + b.astype(I32), I8, I8
    ),
    "a cast sees that a product wraps": scaled(
        lambda a, b: (a * b).astype(I32), lambda a, b: a.astype(I32) * b.astype(I32), I8, I8
    ),
    "the negative of the least number": scaled(
        lambda a: -(-a).astype(I32), lambda a: a.astype(I32), I8
    ),
    "a shift loses a bit": scaled(lambda a: (a << 1) >> 1, lambda a: a, U8),
    "a shift keeps the sign": scaled(
        lambda a: a >> 1, lambda a: lax.shift_right_logical(a, jnp.int8(1)), I8
    ),
    "not is not minus": scaled(lambda a: ~a, lambda a: -a, I8),
    "or is not plus": scaled(lambda a, b: a | b, lambda a, b: a + b, U8, U8),
    "a constant is no negative one": scaled(
        lambda a: jnp.where(a > 100, jnp.minimum(a, jnp.uint8(3)), 0).astype(I32),
        lambda a: jnp.where(a > 100, jnp.minimum(a.astype(I32), -253), 0),
        U8,
    ),
    "a product of truth values": scaled(
        lambda b: (b @ b).astype(I32).sum(), lambda b: (b.astype(I32) @ b.astype(I32)).sum(), B
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_rule_that_forgets_the_width_is_refuted(name):
    verdict = derivatives(*WRONG[name], seconds=6, seed=0)
    assert verdict.status == "refuted", verdict


RIGHT = {
    "a wide sum": scaled(
        lambda a, b: a.astype(I32) + b, lambda a, b: b.astype(I32) + a, U8, U8
    ),
    "a sum that wraps": scaled(lambda a, b: a + b + a, lambda a, b: 2 * a + b, U8, U8),
    "a shift": scaled(lambda a: a << 1, lambda a: a * 2, U8),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_rule_that_spells_it_otherwise_is_proved(name):
    verdict = derivatives(*RIGHT[name], seed=0)
    assert verdict, verdict


@pytest.mark.parametrize(
    "rule",
    [
        lambda x: jnp.where(bits(x) & 1 == 1, 0, 2 * x),
        lambda x: jnp.where(bits(x) < 0, 2 * x, -2 * x),
        lambda x: jnp.where(bits(x) == 0x4640E400, 0, 2 * x),  # at 12345 alone
        lambda x: 2 * lax.bitcast_convert_type(bits(x) & ~0xFFFF, F32),
    ],
    ids=["the lowest bit", "the sign", "all bits", "some bits"],
)
def test_a_rule_that_reads_the_bits_of_a_float_wrongly_is_not_proved(rule):
    assert derivatives(squared(rule), X, seconds=3, seed=0).status != "proved"
