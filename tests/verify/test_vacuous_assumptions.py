"""What a proof assumes must hold at some input: else nothing has been proved of anything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify import branches, equivalent
from verify.algebras.field.functions import NO_SIGNED_ZERO, OUTSIDE, outside
from verify.algebras.machine import HELD
from verify.counterexample import Comparison, inhabited
from verify.counterexample.partial import _PARTIAL
from verify.interpretation.proof import MODES, prove
from verify.primitives.powers import NO_CUT
from verify.programs import trace

F32, U32, I32 = (jax.ShapeDtypeStruct((), d) for d in (jnp.float32, jnp.uint32, jnp.int32))
BITS = outside("bitcast:float32")


def below(x):
    """A point on the negative half-axis, whatever x is."""
    return lax.complex(-1 - x * x, 0 * x)


def nan(i):
    return lax.bitcast_convert_type(i | jnp.uint32(0x7FC00000), jnp.float32)


def long(n):
    """More digits than a float32 has: 2**30 and 1 are among its powers of two."""
    return (n & jnp.uint32(2**30 - 1)) | jnp.uint32(2**30 + 1)


# f, g, an example, an input at which they differ, what a proof assumes.
NOWHERE = {
    "an angle": (
        lambda x: lax.atan2(x * 0, -1 - x * x),
        lambda x: lax.atan2(-(x * 0), -1 - x * x),
        F32,
        0.4,
        NO_SIGNED_ZERO,
    ),
    "the angle of zero": (
        lambda x: lax.atan2(x * 0, x * 0),
        lambda x: lax.atan2(x * 0, -(x * 0)),
        F32,
        0.4,
        NO_SIGNED_ZERO,
    ),
    "of a complex number": (
        lambda x: jnp.angle(jnp.conj(below(x))),
        lambda x: jnp.angle(below(x)),
        F32,
        0.4,
        NO_SIGNED_ZERO,
    ),
    "a logarithm": (
        lambda x: jnp.log(jnp.conj(below(x))).imag,
        lambda x: jnp.log(below(x)).imag,
        F32,
        0.4,
        NO_SIGNED_ZERO,
    ),
    "a logarithm of one more": (
        lambda x: jnp.log1p(jnp.conj(2 * below(x))).imag,
        lambda x: jnp.log1p(2 * below(x)).imag,
        F32,
        0.4,
        NO_SIGNED_ZERO,
    ),
    "a reciprocal root": (
        lambda x: lax.rsqrt(jnp.conj(below(x))).imag,
        lambda x: lax.rsqrt(below(x)).imag,
        F32,
        0.4,
        NO_CUT,
    ),
    "a reciprocal root, and one over a root": (
        lambda x: lax.rsqrt(jnp.conj(below(x))).imag,
        lambda x: (1 / jnp.sqrt(jnp.conj(below(x)))).imag,
        F32,
        0.4,
        NO_CUT,
    ),
    "bits": (lambda i: nan(i) * 0, lambda i: 0 * i.astype(jnp.float32), U32, 5, BITS),
    "bits that are compared": (
        lambda i: jnp.where(nan(i) > 0, 1.0, 0.0) + jnp.where(nan(i) <= 0, 1.0, 0.0),
        lambda i: 1 + 0 * nan(i),
        U32,
        5,
        BITS,
    ),
    "bits of an infinity": (
        lambda i: 0 * lax.bitcast_convert_type((i & 0) | jnp.uint32(0x7F800000), jnp.float32),
        lambda i: 0 * i.astype(jnp.float32),
        U32,
        5,
        BITS,
    ),
    "digits": (
        lambda n: (long(n) + 2).astype(jnp.float32) - long(n).astype(jnp.float32),
        lambda n: 2 + 0 * n.astype(jnp.float32),
        U32,
        5,
        HELD,
    ),
}


def test_every_function_without_a_value_is_watched():
    assert set(OUTSIDE) <= _PARTIAL


@pytest.mark.parametrize("case", NOWHERE)
def test_what_holds_nowhere_is_no_assumption(case):
    f, g, example, x, words = NOWHERE[case]
    x = np.asarray(x, example.dtype)
    assert not np.array_equal(f(x), g(x))
    left, right = trace(f, example), trace(g, example)
    found = prove(left, right, MODES[2], 1)
    assert words in found.assumptions
    assert found.partial
    rng = np.random.default_rng(0)
    assert not inhabited(Comparison(left, right), rng, 1e7, unwrapped=words == HELD)


# Defined at zero only.
AT_A_POINT = {
    "a root": lambda x: 0 * jnp.sqrt(-x * x),
    "a logarithm": lambda x: 0 * jnp.log(1 - jnp.abs(jnp.sign(x))),
    "an error function": lambda x: 0 * lax.erf_inv(jnp.sign(x)),
    "an arcsine": lambda x: 0 * lax.asin(1 + jnp.abs(x)),
    "a power": lambda x: 0 * lax.pow(-jnp.abs(x), 0.5),
    "a constant": lambda x: 0 * jnp.sqrt(-jnp.abs(x - 0.1)),
}


@pytest.mark.parametrize("case", AT_A_POINT)
def test_a_point_is_no_domain(case):
    left, right = trace(AT_A_POINT[case], F32), trace(lambda x: 0 * x, F32)
    comparison = Comparison(left, right)
    for x in (0.0, 0.1, 1.0):  # as a search does
        comparison.at([np.float32(x)])
    assert not inhabited(comparison, np.random.default_rng(0), 1e7)


SOMEWHERE = {
    "an angle": lambda x: lax.atan2(x, 1 - x),
    "an angle of two": lambda x: jnp.angle(lax.complex(x, x + 1)),
    "a logarithm": lambda x: jnp.log1p(lax.complex(x, x + 1)).real,
}


@pytest.mark.parametrize("case", SOMEWHERE)
def test_what_holds_somewhere_is_one(case):
    f = SOMEWHERE[case]
    verdict = equivalent(lambda x: 2 * f(x), lambda x: f(x) + f(x), F32)
    assert verdict, verdict
    assert NO_SIGNED_ZERO in verdict.assumptions


def z(x):
    return lax.complex(x, x + 1)


def test_reciprocal_roots_are_proved_off_the_cut():
    verdict = equivalent(lambda x: lax.rsqrt(z(x)), lambda x: 1 / jnp.sqrt(z(x)), F32)
    assert verdict, verdict
    assert NO_CUT in verdict.assumptions


def test_reciprocal_roots_of_constants_off_the_cut_assume_nothing_of_it():
    root = lambda: lax.rsqrt(jnp.full(2, 4, jnp.complex64))[0].real  # noqa: E731
    verdict = equivalent(lambda x: x * root() + x, lambda x: x + root() * x, F32)
    assert verdict, verdict
    assert NO_CUT not in verdict.assumptions


def test_real_reciprocal_roots_have_no_cut():
    verdict = equivalent(lambda x: 2 * lax.rsqrt(x), lambda x: 2 / jnp.sqrt(x), F32)
    assert verdict, verdict
    assert NO_CUT not in verdict.assumptions


def test_formulas_assume_it_too():
    left = trace(lambda x: lax.atan2(abs(x), x), F32)
    both = trace(lambda x: lax.atan2(jnp.maximum(x, -x), x), F32)
    found = branches.settle(left, both, {0: np.array([0])}, 1e8)
    assert NO_SIGNED_ZERO in found.assumptions
    assert found.partial


def test_a_proof_by_branches_assumes_it():
    def one(x, y):  # which only the branches know
        both = jnp.where(y > 1, jnp.where(x * y > 1, 1.0, 0.0), 1.0)
        return jnp.where(x > 1, both, 1.0)

    verdict = equivalent(
        lambda x, y: one(x, y) + lax.atan2(x * 0, y),
        lambda x, y: 1 + lax.atan2(-(x * 0), y),
        F32,
        F32,
    )
    assert not verdict or NO_SIGNED_ZERO in verdict.assumptions


# -- integers that are made floats -----------------------------------------------------------------

I16, U8 = (jax.ShapeDtypeStruct((), d) for d in (jnp.int16, jnp.uint8))

# f, g, an example, an integer that the words have to exclude.
ROUNDED = {
    "of half precision": (
        lambda n: jnp.where(n.astype(jnp.float16) == (n.astype(I32.dtype) + 1).astype("f2"), 1, 0),
        lambda n: jnp.where(n == n, 0, 1),
        I16,
        4096,
    ),
    "of single precision": (
        lambda n: ((n & 0xFFFFFFF) + 1).astype(jnp.float32) - (n & 0xFFFFFFF).astype(jnp.float32),
        lambda n: 1 + 0 * (n & 0xFFFFFFF).astype(jnp.float32),
        U32,
        2**24,
    ),
    "nine bits in a brain float": (
        lambda n: ((n & 511) + 1).astype(jnp.bfloat16) - (n & 511).astype(jnp.bfloat16),
        lambda n: 1 + 0 * (n & 511).astype(jnp.bfloat16),
        U32,
        256,
    ),
    "sums": (
        lambda n: jnp.sum(n.astype(jnp.float16)[None] * jnp.ones(2, jnp.float16)),
        lambda n: (n.astype(jnp.int32) * 2).astype(jnp.float16),
        I16,
        2049,
    ),
    "products of matrices": (
        lambda n: lax.dot(n[None], jnp.int16([1]), preferred_element_type=jnp.float32) * 3,
        lambda n: n.astype(jnp.float16).astype(jnp.float32) * 3,
        I16,
        2049,
    ),
}


@pytest.mark.parametrize("case", ROUNDED)
def test_integers_that_a_float_does_not_hold_are_excluded_in_words(case):
    f, g, example, n = ROUNDED[case]
    n = np.asarray(n, example.dtype)
    if case != "sums":
        assert not np.array_equal(f(jnp.asarray(n)), g(jnp.asarray(n)))
    verdict = equivalent(f, g, example)
    assert verdict, verdict
    assert verdict.assumptions.count(HELD) == 1


HOLDS = {
    "a label": lambda n: jnp.clip(n, 0, 99).astype(jnp.float32),
    "a byte": lambda n: n.astype(jnp.uint8).astype(jnp.float16),
    "a remainder": lambda n: lax.rem(n, jnp.int32(1000)).astype(jnp.float16),
    "a truth value": lambda n: (n > 3).astype(jnp.float16),
    "a count": lambda n: (jnp.stack([n, 0]) > 3).sum().astype(jnp.float16),
    "a place": lambda n: jnp.argmax(jnp.stack([n, 0])).astype(jnp.float16),
    "a position": lambda n: jnp.arange(5).astype(jnp.float32) * (n > 3),
}


@pytest.mark.parametrize("case", HOLDS)
def test_integers_that_are_known_to_be_held_need_no_words(case):
    f = HOLDS[case]
    verdict = equivalent(lambda n: f(n) * 2, lambda n: f(n) + f(n), I32)
    assert verdict, verdict
    assert HELD not in verdict.assumptions


def test_a_constant_that_is_not_held_has_no_proof():
    def f(x):
        return x + lax.optimization_barrier(jnp.int32(2**24 + 1)).astype(jnp.float32)

    verdict = equivalent(f, lambda x: f(1 * x), F32, seconds=5)
    assert verdict.status == "unknown"
    assert "float32 does not hold" in verdict.reason
