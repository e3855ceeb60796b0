"""Integers wrap at their own width, and whoever looks at one sees what has wrapped.

Each kind of look has programs that are equal over the unbounded integers and differ for machines
(they must be refuted), and laws of machine integers that need no assumption (they must be proved
without one).
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from tests.verify import machine_pairs
from verify.algebras import machine
from verify.algebras.field import Field, Mode
from verify.interpretation.proof import MODES, Agreement, prove
from verify.programs import trace

I4, I8, I16, I32 = jnp.int4, jnp.int8, jnp.int16, jnp.int32
U8, U16, U32, F32 = jnp.uint8, jnp.uint16, jnp.uint32, jnp.float32


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


def draw(number):
    return jax.random.bits(jax.random.fold_in(jax.random.key(0), number))


def looped(dtype, steps):
    """x added to itself in a loop, in a dtype."""

    def f(x):
        y = lax.fori_loop(0, steps, lambda i, total: total + x.astype(dtype), dtype(0))
        return y.astype(I32)

    return f


def scanned(dtype):
    """A running sum in a dtype, and its largest value."""

    def f(x):
        def step(total, one):
            total = total + one.astype(dtype)
            return total, total

        return lax.scan(step, dtype(0), x)[1].astype(I32).max()

    return f


# -- equal over the unbounded integers, different for machines ------------------------------------

REFUTED = {
    # looked at by a wider type
    "a sum, to unsigned": (
        lambda a, b: (a + b).astype(U32),
        lambda a, b: (a.astype(I32) + b.astype(I32)).astype(U32),
        of(I8),
        of(I8),
    ),
    "a sum behind a guard": (
        lambda a, b: jnp.where(b > 100, (a + b).astype(U32), U32(0)),
        lambda a, b: jnp.where(b > 100, (a.astype(I32) + b.astype(I32)).astype(U32), U32(0)),
        of(I8),
        of(I8),
    ),
    "a product of four bits": (
        lambda a, b: (a * b).astype(I8),
        lambda a, b: a.astype(I8) * b.astype(I8),
        of(I4),
        of(I4),
    ),
    "sixteen bits, to a float": (
        lambda a: (a * a).astype(F32),
        lambda a: a.astype(F32) * a.astype(F32),
        of(I16),
    ),
    "a negative number, unsigned, then wider": (
        lambda a: a.astype(U8).astype(I32),
        lambda a: a.astype(I32),
        of(I8),
    ),
    "a dot product of bytes": (
        lambda a, b: (a @ b).astype(I32),
        lambda a, b: a.astype(I32) @ b.astype(I32),
        of(I8, 3),
        of(I8, 3),
    ),
    "a running sum of bytes": (
        lambda a: lax.cumsum(a).astype(I32),
        lambda a: lax.cumsum(a.astype(I32)),
        of(U8, 4),
    ),
    "a sum of rows of bytes": (
        lambda a: a.sum(dtype=U8).astype(F32),
        lambda a: a.astype(F32).sum(),
        of(U8, 3),
    ),
    "a loop in a narrow type": (looped(I8, 3), looped(I32, 3), of(I8)),
    "a scan in a narrow type": (scanned(U8), scanned(I32), of(U8, 3)),
    "a sum into a narrow place": (
        lambda a: jnp.zeros(2, U8).at[jnp.array([0, 0, 1])].add(a).astype(I32),
        lambda a: jnp.zeros(2, I32).at[jnp.array([0, 0, 1])].add(a.astype(I32)),
        of(U8, 3),
    ),
    "a power": (
        lambda a: lax.integer_pow(a, 3).astype(I32),
        lambda a: lax.integer_pow(a.astype(I32), 3),
        of(I8),
    ),
    "a key, folded in": (
        lambda a, b: draw(a + b),
        lambda a, b: draw(a.astype(I32) + b.astype(I32)),
        of(I8),
        of(I8),
    ),
    "a key, folded in behind a guard": (
        lambda a, b: jnp.where(b > 100, draw(a + b), U32(0)),
        lambda a, b: jnp.where(b > 100, draw(a.astype(I32) + b.astype(I32)), U32(0)),
        of(I8),
        of(I8),
    ),
    # looked at by bits
    "an exclusive or": (
        lambda a, b: ((a + b) ^ a).astype(F32),
        lambda a, b: ((a.astype(I32) + b.astype(I32)) ^ a.astype(I32)).astype(F32),
        of(U8),
        of(U8),
    ),
    "an or, behind a guard": (
        lambda a, b: jnp.where(b > 200, (a + b) | U8(1), U8(0)).astype(I32),
        lambda a, b: jnp.where(b > 200, (a.astype(I32) + b) | 1, 0),
        of(U8),
        of(U8),
    ),
    "a mask of the high bits": (
        lambda a: (a + a) & 0xF0 == 16,
        lambda a: (a.astype(I32) + a.astype(I32)) & 0x1F0 == 16,
        of(U8),
    ),
    "a shift to the right": (
        lambda a, b: ((a + b) >> 1).astype(I32),
        lambda a, b: (a.astype(I32) + b.astype(I32)) >> 1,
        of(U8),
        of(U8),
    ),
    "a count of bits": (
        lambda a: lax.population_count(a + a).astype(I32),
        lambda a: lax.population_count(a.astype(I32) + a.astype(I32)),
        of(U8),
    ),
    "bits of another type": (
        lambda a: lax.bitcast_convert_type(a + a, I8).astype(I32),
        lambda a: a.astype(I32) + a.astype(I32),
        of(U8),
    ),
    "the sign of other bits": (
        lambda a: lax.bitcast_convert_type(a + a, I32) > 0,
        lambda a: lax.bitcast_convert_type(a, I32) > 0,
        of(U32),
    ),
    # looked at by order and division
    "a successor": (lambda a: a + U32(1) > a, lambda a: a == a, of(U32)),
    "a difference in the place of an order": (
        lambda a, b: a - b > 0,
        lambda a, b: a > b,
        *[of(U8)] * 2,
    ),
    "an order behind a guard": (
        lambda a, b: (b > 100) & (a + b > a),
        lambda a, b: b > 100,
        of(I8),
        of(I8),
    ),
    "a maximum of shifted numbers": (
        lambda a, b: jnp.maximum(a + 1, b + 1),
        lambda a, b: jnp.maximum(a, b) + 1,
        *[of(I16)] * 2,
    ),
    "a sort of doubled numbers": (
        lambda a: jnp.sort(a * 2),
        lambda a: jnp.sort(a) * 2,
        of(I8, 3),
    ),
    "half of a sum": (
        lambda a, b: lax.div(a + b, I8(2)),
        lambda a, b: lax.div(a.astype(I32) + b.astype(I32), 2).astype(I8),
        *[of(I8)] * 2,
    ),
    "a remainder of a sum": (
        lambda a, b: lax.rem(a + b, U8(7)),
        lambda a, b: lax.rem(a.astype(I32) + b.astype(I32), 7).astype(U8),
        *[of(U8)] * 2,
    ),
    "a square is no square": (lambda a: jnp.abs(a * a), lambda a: a * a, of(I8)),
    "no number is below zero when squared": (
        lambda a: (a * a < 0).astype(I32),
        lambda a: jnp.zeros_like(a, I32),
        of(I16),
    ),
    "a sign": (lambda a, b: lax.sign(a * b), lambda a, b: lax.sign(a) * lax.sign(b), *[of(I8)] * 2),
    "an index": (
        lambda a: jnp.arange(10)[jnp.clip(a + I8(100), 0, 9)],
        lambda a: jnp.arange(10)[jnp.clip(a.astype(I32) + 100, 0, 9)],
        of(I8),
    ),
    "a choice by a sum": (
        lambda a: lax.select_n(jnp.clip(a + a, 0, 2).astype(I32), *(I32(i) for i in (5, 6, 7))),
        lambda a: lax.select_n(jnp.clip(a, 0, 1).astype(I32) * 2, *(I32(i) for i in (5, 6, 7))),
        of(I8),
    ),
    "zero only when both are": (lambda a: a + a == 0, lambda a: a == 0, of(U8)),
    # constants at the ends of their range
    "a minimum with a constant": (
        lambda x, y: jnp.where(y > 100, jnp.minimum(x, U8(3)), x),
        lambda x, y: jnp.where(y > 100, x - x, x),
        *[of(U8)] * 2,
    ),
    "the least integer, subtracted": (
        lambda x: (x - I8(-128)).astype(I32),
        lambda x: x.astype(I32) - 128,
        of(I8),
    ),
    "a constant, subtracted": (
        lambda x: (x - U8(3)).astype(I32),
        lambda x: x.astype(I32) + 253,
        of(U8),
    ),
    "the negative of a constant": (
        lambda x: jnp.minimum(x, -U32(5)),
        lambda x: -jnp.maximum(-x, U32(5)),
        of(U32),
    ),
    "the least integer's absolute value": (
        lambda x: jnp.maximum(x, jnp.abs(I8(-128))).astype(I32),
        lambda x: jnp.maximum(x.astype(I32), 128),
        of(I8),
    ),
}


@pytest.mark.parametrize("name", REFUTED)
def test_what_looks_at_an_integer_sees_what_has_wrapped(name):
    f, g, *examples = REFUTED[name]
    verdict = verify.equivalent(f, g, *examples, seed=3)
    assert verdict.status == "refuted", str(verdict)
    inputs = [jnp.asarray(x) for x in verdict.counterexample.inputs]
    assert (np.asarray(f(*inputs)) != np.asarray(g(*inputs))).any()  # JAX itself agrees


# -- laws of machine integers: nothing is assumed -------------------------------------------------

PROVED = {
    "a sum, cut off": (
        lambda a, b: (a + b).astype(U8),
        lambda a, b: a.astype(U8) + b.astype(U8),
        *[of(I32)] * 2,
    ),
    "a product, cut off twice": (
        lambda a, b: (a * b).astype(I16).astype(I8),
        lambda a, b: a.astype(I8) * b.astype(I8),
        *[of(I32)] * 2,
    ),
    "a dot product of bytes, in any width": (
        lambda a, b: (a.astype(I32) @ b.astype(I32)).astype(I8),
        lambda a, b: a @ b,
        *[of(I8, 4)] * 2,
    ),
    "a hash": (
        lambda x: (x * U32(0x9E3779B1) + U32(7)) * U32(0x85EBCA6B),
        lambda x: x * (U32(0x9E3779B1) * U32(0x85EBCA6B)) + U32(7) * U32(0x85EBCA6B),
        of(U32),
    ),
    "a hash in Horner's form": (
        lambda x: ((x[0] * 31 + x[1]) * 31 + x[2]) * 31,
        lambda x: x[2] * 31 + x[1] * 961 + x[0] * 29791,
        of(U32, 3),
    ),
    "two's complement": (lambda a: ~a + 1, lambda a: -a, of(I8)),
    "two's complement, unsigned": (lambda a: ~a + 1, lambda a: U8(0) - a, of(U8)),
    "minus three is plus 253": (lambda a: a - U8(3), lambda a: a + U8(253), of(U8)),
    "once around": (lambda a: a + I8(100) + I8(100), lambda a: a - I8(56), of(I8)),
    "the least integer is its own negative": (
        lambda a: a - I8(-128),
        lambda a: a + I8(-128),
        of(I8),
    ),
    "a left shift is a product": (lambda a: a << 3, lambda a: a * 8, of(U8)),
    "signs do not matter to a sum": (
        lambda a, b: (a + b).astype(I8),
        lambda a, b: a.astype(I8) + b.astype(I8),
        *[of(U8)] * 2,
    ),
    "a sum that cannot wrap": (
        lambda a, b: a.astype(I32) + b.astype(I32) > 10,
        lambda a, b: a.astype(I16) + b.astype(I16) > 10,
        *[of(I8)] * 2,
    ),
    "the mean of two bytes": (
        lambda a, b: ((a.astype(U16) + b.astype(U16)) >> 1).astype(U8),
        lambda a, b: ((b.astype(U16) + a.astype(U16)) >> 1).astype(U8),
        *[of(U8)] * 2,
    ),
    "a remainder is small": (
        lambda a: (lax.rem(a, I8(10)) * I8(12)).astype(I32),
        lambda a: lax.rem(a, I8(10)).astype(I32) * 12,
        of(I8),
    ),
    "a masked sum": (
        lambda a, b: ((a & 15) + (b & 15)).astype(I32),
        lambda a, b: (a & 15).astype(I32) + (b & 15).astype(I32),
        *[of(U8)] * 2,
    ),
    "a clipped sum": (
        lambda a: (jnp.clip(a, 0, 60) + I8(60)).astype(F32),
        lambda a: jnp.clip(a, 0, 60).astype(F32) + 60,
        of(I8),
    ),
    "a maximum of what was shifted within its range": (
        lambda a, b: jnp.maximum(a.astype(I32) + 1, b.astype(I32) + 1),
        lambda a, b: jnp.maximum(a, b).astype(I32) + 1,
        *[of(I16)] * 2,
    ),
    "the same wrapped key": (
        lambda a, b: draw(a + b),
        lambda a, b: draw(b + a),
        *[of(I8)] * 2,
    ),
    "an index that was counted": (
        lambda x: jnp.argmax(x) + 1 > 0,
        lambda x: jnp.argmax(x) >= 0,
        of(F32, 5),
    ),
    "the same wrapped order": (
        lambda a, b: (a + b > 3).astype(I32) * (a + b).astype(I32),
        lambda a, b: jnp.where(b + a > 3, (a + b).astype(I32), 0),
        *[of(I8)] * 2,
    ),
    "an order of sums that wrap": (
        lambda a: (a + I8(100)) + I8(100) > 0,
        lambda a: a + I8(-56) > 0,
        of(I8),
    ),
    "a maximum of bytes by an order": (
        lambda a, b: jnp.where(a + U8(1) > b, a + U8(1), b),
        lambda a, b: jnp.maximum(a + U8(1), b),
        *[of(U8)] * 2,
    ),
    "a choice between what wraps": (
        lambda c, a, b: jnp.where(c, a + b, a - b),
        lambda c, a, b: a + jnp.where(c, b, -b),
        of(jnp.bool_),
        *[of(I8)] * 2,
    ),
    "a minimum with a constant": (
        lambda x, y: jnp.where(y > 100, jnp.minimum(x, U8(3)), x),
        lambda x, y: jnp.where((y > 100) & (x > 3), U8(3), x),
        *[of(U8)] * 2,
    ),
}


@pytest.mark.parametrize("name", PROVED)
def test_a_law_of_machine_integers_needs_no_assumption(name):
    f, g, *examples = PROVED[name]
    verdict = verify.equivalent(f, g, *examples)
    assert verdict.status == "proved", str(verdict)
    assert verdict.assumptions == ()


ASSUMING = {
    "bits of a product that is large": (
        lambda a, b: ((a * b) ^ a).astype(F32),
        lambda a, b: ((b.astype(I32) * a.astype(I32)) ^ a.astype(I32)).astype(F32),
        *[of(I16)] * 2,
    ),
    "a long sum": (
        lambda a: a.sum(dtype=I32).astype(F32),
        lambda a: a.astype(F32).sum(),
        of(I32, 300),
    ),
}


@pytest.mark.parametrize("name", ASSUMING)
def test_where_a_proof_needs_that_nothing_overflows_it_says_so(name):
    f, g, *examples = ASSUMING[name]
    verdict = verify.equivalent(f, g, *examples)
    # Each pair differs where it overflows: a search may see it, and a proof says what it assumes.
    assert verdict.status != "proved" or any("overflow" in a for a in verdict.assumptions)


# -- the model itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("assuming", [False, True])
def test_a_value_that_fits_is_not_touched(assuming):
    field = Field(5, Mode(assuming=assuming))
    x = field.random((3,), np.dtype(np.int8))
    assert field.observed(x, "here") is x
    wide = field.cast(x, np.dtype(np.int32))
    total = field.add(wide, wide)
    assert field.observed(total, "here") is total
    assert not field.wrapping
    assert not field.assumptions


def test_what_may_have_wrapped_is_another_value():
    field = Field(5)
    x = field.random((3,), np.dtype(np.int8))
    total = field.add(x, x)
    seen = field.observed(total, "here")
    assert field.wrapping
    assert not field.assumptions
    assert not field.agree(seen, total)
    assert field.agree(seen, field.observed(field.mul(x, field.lift(np.full(3, 2, np.int8))), ""))
    assert seen.bounds == (-128, 127)


def test_a_number_is_wrapped_as_the_machine_does():
    field = Field(5)
    x = field.random((1,), np.dtype(np.uint8))
    minus_one = field.sub(field.sub(x, field.lift(np.array([1], np.uint8))), x)
    seen = field.cast(minus_one, np.dtype(np.int32))
    assert field.agree(seen, field.lift(np.array([255], np.int32)))


@pytest.mark.parametrize("seed", range(200))
def test_intervals_hold_what_is_computed(seed):
    rng = np.random.default_rng(seed)
    (a, b), (c, d) = (sorted(int(n) for n in rng.integers(-9, 9, 2)) for _ in range(2))
    xs, ys = range(a, b + 1), range(c, d + 1)
    for interval, law in (
        (machine.plus((a, b), (c, d)), lambda x, y: x + y),
        (machine.times((a, b), (c, d)), lambda x, y: x * y),
        (machine.squared((a, b)), lambda x, y: x * x),
        (machine.negated((a, b)), lambda x, y: -x),
        (machine.larger((a, b), (c, d)), lambda x, y: max(x, y)),
        (machine.hull((a, b), (c, d)), lambda x, y: y),
    ):
        values = [law(x, y) for x in xs for y in ys]
        assert all(interval[0] <= value <= interval[1] for value in values)


def test_intervals_hold_what_functions_give():
    """All pairs of bytes, in random intervals."""
    from verify.algebras.numeric_integers import FUNCTIONS

    rng = np.random.default_rng(0)
    names = (
        "int_and",
        "int_or",
        "int_xor",
        "int_div",
        "shift_right_logical",
        "mulhi",
        "shift_left",
    )
    for dtype in (np.dtype(np.int8), np.dtype(np.uint8)):
        info = np.iinfo(dtype)
        for _ in range(150):
            ends = [sorted(int(n) for n in rng.integers(info.min, info.max + 1, 2)) for _ in "ab"]
            if rng.random() < 0.4:
                ends[1] = [ends[1][0] % 9] * 2
            a, b = (np.arange(low, high + 1) for low, high in ends)
            a, b = (x.astype(dtype) for x in np.meshgrid(a, b))
            for name in (*names, "shift_right_arithmetic"):
                values = FUNCTIONS[name](a, b)
                low, high = machine.of_function(name, [tuple(e) for e in ends], dtype)
                assert low <= int(values.min()), (name, ends)
                assert int(values.max()) <= high, (name, ends)
            rest = a.astype(int) - b.astype(int) * FUNCTIONS["int_div"](a, b).astype(int)
            interval = machine.remainder(tuple(ends[0]), tuple(ends[1]), dtype)
            if interval is not None:
                assert ((interval[0] <= rest) & (rest <= interval[1])).all(), ends


# -- an attack, small and always the same --------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("vectors", [False, True], ids=["numbers", "rows"])
@pytest.mark.parametrize("start", range(0, 60, 20))
def test_no_random_pair_that_differs_is_proved(start, vectors):
    """`python tests/verify/machine_pairs.py 2000 0` is the long one."""
    proved = 0
    for seed in range(start, start + 20):
        left, right, inputs = machine_pairs.pair(seed, vectors)
        found = machine_pairs.verdict(left, right, inputs, 3.0, vectors)
        proved += found.status == "proved"
        if machine_pairs.differ(left, right, inputs, vectors):
            assert found.status != "proved", (seed, str(found))
        if found.status == "refuted":
            assert machine_pairs.refuted(left, right, found.counterexample), (seed, str(found))
    assert proved >= 8  # a dead prover passes no attack


# -- what an assumption says -----------------------------------------------------------------------

REWRITTEN = {  # equal where the second does not overflow, which is where the first one does
    "plus 253": (lambda x: (x + U8(253)).astype(F32), lambda x: x.astype(F32) - 3, U8),
    "times 255": (lambda x: (x * U8(255)).astype(F32), lambda x: -x.astype(F32), U8),
    "compared": (lambda x: (x + U8(253)) > 100, lambda x: x.astype(I32) - 3 > 100, U8),
    "wide": (lambda x: (x + U32(2**32 - 1)).astype(F32), lambda x: x.astype(F32) - 1, U32),
    "a product of rows": (
        lambda x: lax.dot(jnp.stack([x, x]), U8([255, 255])).astype(F32),
        lambda x: -2 * x.astype(F32),
        U8,
    ),
    "a shift": (lambda x: (x << I8(7)).astype(F32), lambda x: -128 * x.astype(F32), I8),
    "a wide shift": (lambda x: (x << 31).astype(F32), lambda x: -(2.0**31) * x.astype(F32), I32),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_is_assumed_not_to_overflow_is_what_the_program_computes(name):
    """The proof itself: where it assumes that nothing overflows, it is about x + 253, not x - 3."""
    f, g, dtype = REWRITTEN[name]
    left, right = (trace(h, jax.ShapeDtypeStruct((), dtype)) for h in (f, g))
    for mode in MODES:
        found = prove(left, right, replace(mode, assuming=True), seed=1)
        assert not isinstance(found, Agreement), found


def test_what_does_not_overflow_is_the_exact_number():
    for f, g, dtype in (
        (lambda x: (x << I8(7)).astype(F32), lambda x: 128 * x.astype(F32), I8),
        (lambda x: (x - U8(3)).astype(F32), lambda x: x.astype(F32) - 3, U8),
        (lambda x: (x + U8(253)).astype(F32), lambda x: x.astype(F32) + 253, U8),
    ):
        left, right = (trace(h, jax.ShapeDtypeStruct((), dtype)) for h in (f, g))
        found = prove(left, right, replace(MODES[0], assuming=True), seed=1)
        assert isinstance(found, Agreement)
        assert any("overflows" in sentence for sentence in found.assumptions)
