"""An assumption's words cover every input at which the programs differ."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, nn

import verify
from tests.verify.pairs.law import f32
from verify.algebras.field.functions import NO_SIGNED_ZERO
from verify.primitives.indexing import OF_BITS
from verify.primitives.powers import NO_CUT
from verify.primitives.sorting import NO_NEGATIVE_ZERO


def rare(y):
    """One number in four billion."""
    h = y * jnp.uint32(2654435761)
    h = (h ^ (h >> 15)) * jnp.uint32(2246822519)
    return h ^ (h >> 13) == 123456789


U32 = jax.ShapeDtypeStruct((), jnp.uint32)
WHERE = np.uint32(536825285)
ERF_INV = verify.algebras.field.functions.outside("erf_inv")


def behind(f):
    """f where no search gets; x everywhere else."""
    return lambda x, y: jnp.where(rare(y), f(x), x)


CASES = {
    "infinite at one": (lambda x: x + 0 * lax.erf_inv(jnp.sign(x)), lambda x: x, 2.0, ERF_INV),
    "infinite beyond": (
        lambda x: x - 0 * lax.erf_inv(jnp.clip(x, -1.0, 1.0)),
        lambda x: x,
        3.0,
        ERF_INV,
    ),
    "a branch cut": (
        lambda x: jnp.angle(jnp.conj(x.astype(jnp.complex64))),
        lambda x: jnp.angle(x.astype(jnp.complex64)),
        -4.0,
        NO_SIGNED_ZERO,
    ),
    "a logarithm's branch cut": (
        lambda x: jnp.log(jnp.conj(x.astype(jnp.complex64))).imag,
        lambda x: jnp.log(x.astype(jnp.complex64)).imag,
        -4.0,
        NO_SIGNED_ZERO,
    ),
    "the cut of a reciprocal root": (
        lambda x: lax.rsqrt(jnp.conj(x.astype(jnp.complex64))).imag,
        lambda x: (1 / jnp.sqrt(jnp.conj(x.astype(jnp.complex64)))).imag,
        -4.0,
        NO_CUT,
    ),
    "zeros of two signs": (
        lambda x: lax.atan2(x * 0, x),
        lambda x: lax.atan2(-(x * 0), x),
        -4.0,
        NO_SIGNED_ZERO,
    ),
    "the larger of two zeros": (
        lambda x: lax.top_k(jnp.stack([x * 0, x * x * 0]), 1)[1][0].astype(jnp.float32),
        lambda x: x * 0,
        -0.5,
        NO_NEGATIVE_ZERO,
    ),
    "the larger of two that are cut off": (
        lambda x: lax.top_k(jnp.stack([-nn.relu(-jnp.abs(x)), nn.relu(x)]), 1)[1][0] + x,
        lambda x: jnp.argmax(jnp.stack([-nn.relu(-jnp.abs(x)), nn.relu(x)])) + x,
        -7.0,
        NO_NEGATIVE_ZERO,
    ),
    "the order of zeros": (
        lambda x: lax.top_k(jnp.stack([-nn.relu(x), nn.relu(x)]), 2)[1][1] + x,
        lambda x: jnp.where(x > 0, 0, 1) + x,
        -7.0,
        NO_NEGATIVE_ZERO,
    ),
    "a zero's sign": (
        lambda x: jnp.signbit(x * 0).astype(jnp.float32),
        lambda x: jnp.signbit(x - x).astype(jnp.float32),
        -3.0,
        OF_BITS,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_differs_is_excluded_in_words(case):
    f, g, x, words = CASES[case]
    one, two = (h(jnp.float32(x), WHERE) for h in (behind(f), behind(g)))
    assert not np.array_equal(one, two)
    verdict = verify.equivalent(behind(f), behind(g), f32(), U32, seconds=30)
    assert verdict.status != "refuted"  # the place is hidden, and off the reals
    assert not verdict or words in verdict.assumptions


def test_the_largest_of_numbers_that_are_not_zero_need_no_words():
    row = jax.ShapeDtypeStruct((4,), jnp.float32)
    verdict = verify.equivalent(lambda x: lax.top_k(x, 2)[1], lambda x: lax.top_k(2 * x, 2)[1], row)
    assert verdict
    assert NO_NEGATIVE_ZERO not in verdict.assumptions


def test_an_angle_over_a_number_that_is_not_zero_needs_no_words():
    verdict = verify.equivalent(lambda x: lax.atan2(1.0, x), lambda x: lax.atan2(1.0, x + 0), f32())
    assert verdict
    assert NO_SIGNED_ZERO not in verdict.assumptions
