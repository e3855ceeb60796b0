"""The search that stands before every proof finds what a prover that is wrong would prove.

The prover here proves everything. What is refuted, is refuted by the search alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.counterexample import Comparison
from verify.counterexample.batch import before_proof
from verify.counterexample.held import own
from verify.counterexample.rows import every_narrow_value, every_value, rows
from verify.interpretation.proof import Agreement
from verify.programs import trace
from verify.provers import interpretation
from verify.provers.searching import Search

pytestmark = pytest.mark.unrecorded("the prover is broken on purpose")

I8, I16, I32, U8, U16, U32 = jnp.int8, jnp.int16, jnp.int32, jnp.uint8, jnp.uint16, jnp.uint32
F32 = jnp.float32


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


@pytest.fixture
def gullible(monkeypatch):
    """Whatever is asked is proved, and the few evaluations before show nothing."""

    def prove(left, right, mode, *_):
        return Agreement(0.0, 1, mode, ())

    monkeypatch.setattr(interpretation, "prove", prove)
    monkeypatch.setattr(Search, "glance", lambda self: None)


def widened(f, dtype):
    return lambda *xs: f(*xs).astype(dtype), lambda *xs: f(*(x.astype(dtype) for x in xs))


def behind(guard, f, g):
    """f and g where the guard holds of the last input, else both f."""
    return (
        lambda *xs: jnp.where(guard(xs[-1]), f(*xs[:-1]), f(*xs[:-1])),
        lambda *xs: jnp.where(guard(xs[-1]), g(*xs[:-1]), f(*xs[:-1])),
    )


def add(a, b):
    return a + b


def any_of_ands(a, b):
    return ((a > 9) @ (b > 9)).astype(I32)


def count_of_ands(a, b):
    return (a > 9).astype(I32) @ (b > 9).astype(I32)


PLANTED = {
    # A sum or product that has wrapped, looked at at a width larger than its own.
    "an int8 sum, cast to uint32": (*widened(add, U32), of(I8), of(I8)),
    "an int8 sum behind y > 100": (
        *behind(lambda y: y > 100, *widened(add, I32)),
        *[of(I8)] * 2,
        of(I32),
    ),
    "an int16 product": (*widened(lambda a, b: a * b, I32), of(I16), of(I16)),
    "an int16 product behind a needle": (
        *behind(lambda y: y == 1234, *widened(lambda a, b: a * b, F32)),
        *[of(I16)] * 2,
        of(I32),
    ),
    "an int32 sum as a float, behind x > 1e4": (
        lambda a, b, x: jnp.where(x > 1e4, (a + b).astype(F32), 0),
        lambda a, b, x: jnp.where(x > 1e4, a.astype(F32) + b.astype(F32), 0),
        *[of(I32)] * 2,
        of(F32),
    ),
    "a uint8 sum in a loop": (
        lambda a: lax.fori_loop(0, 4, lambda i, s: s + a, jnp.zeros_like(a)).astype(I32),
        lambda a: 4 * a.astype(I32),
        of(U8),
    ),
    # Bit operations.
    "a wrapped sum under xor": (
        lambda a, b: ((a + b) ^ a).astype(F32),
        lambda a, b: ((a.astype(I32) + b.astype(I32)) ^ a.astype(I32)).astype(F32),
        of(U8),
        of(U8),
    ),
    "and of a sum, behind two guards": (
        lambda a, b, y, z: jnp.where((y > 100) & (z < -7), ((a + b) & 255).astype(I32), 0),
        lambda a, b, y, z: jnp.where(
            (y > 100) & (z < -7), (a.astype(I32) + b.astype(I32)) & 1023, 0
        ),
        *[of(U8)] * 2,
        *[of(I32)] * 2,
    ),
    "a shift of a sum": (
        *widened(lambda a, b: lax.shift_right_logical(a + b, jnp.ones_like(a)), U32),
        of(U16),
        of(U16),
    ),
    "an arithmetic shift for a logical one": (
        lambda a: lax.shift_right_logical(a, jnp.full_like(a, 3)),
        lambda a: lax.shift_right_arithmetic(a, jnp.full_like(a, 3)),
        of(I32),
    ),
    # Booleans.
    "a product of boolean matrices": (any_of_ands, count_of_ands, of(I32, 3, 3), of(I32, 3, 3)),
    "a product of boolean matrices, behind a mask": (
        *behind(lambda m: m, any_of_ands, count_of_ands),
        *[of(I32, 3)] * 2,
        of(jnp.bool_),
    ),
    "a sum of booleans, small": (
        lambda x: (x > 7).astype(U8).sum(dtype=U8) > 2,
        lambda x: (x > 7).any(),
        of(I32, 4),
    ),
    "xor for or": (
        lambda a, b: (a > 50) ^ (b > 50),
        lambda a, b: (a > 50) | (b > 50),
        *[of(I32)] * 2,
    ),
    # Constants negated at their own width.
    "the least of x and 3": (
        lambda x: jnp.minimum(x, 3),
        lambda x: -jnp.maximum(-x, -jnp.uint8(3)),
        of(U8),
    ),
    "the least of x and 3, behind y > 100": (
        *behind(
            lambda y: y > 100,
            lambda x: jnp.minimum(x, 3).astype(F32),
            lambda x: x.astype(F32),
        ),
        of(U8),
        of(U8),
    ),
    "minus the least integer": (
        lambda x: (x - jnp.int8(-128)).astype(I32),
        lambda x: x.astype(I32) + 128,
        of(I8),
    ),
    "the absolute value of the least": (
        lambda x: jnp.abs(x).astype(I32),
        lambda x: jnp.abs(x.astype(I32)),
        of(I16),
    ),
    # What cannot be evaluated many at once.
    "words of a key": (
        lambda k, x: jax.random.bits(k, (2,)) * jnp.where(x > 50, 2, 1),
        lambda k, x: jax.random.bits(k, (2,)),
        jax.random.key(0),
        of(U32),
    ),
    "a loop of unknown length": (
        lambda n: lax.while_loop(lambda s: s < n, lambda s: s + 3, 0),
        lambda n: jnp.where(n < 40, lax.while_loop(lambda s: s < n, lambda s: s + 3, 0), 42),
        of(jnp.int8),
    ),
    # Thresholds, ties, signs, sizes.
    "a boundary of integers": (
        lambda x: jnp.where(7 * x + 3 > 1000, 1, 0),
        lambda x: jnp.where(7 * x + 3 > 1006, 1, 0),
        of(I32),
    ),
    "a boundary of floats": (
        lambda x, y: jnp.where(3 * x - 2 * y > 55, 1.0, 0.0),
        lambda x, y: jnp.where(3 * x - 2 * y > 55.01, 1.0, 0.0),
        *[of(F32)] * 2,
    ),
    "a sum above a threshold": (
        lambda x: jnp.where(x.sum() > 1e5, x, 0),
        lambda x: jnp.where(x.sum() > 1e5, x, x * 0 + 0) * jnp.where(x.sum() > 1e5, 2, 1),
        of(F32, 4),
    ),
    "a tie": (
        lambda x: jnp.argmax(x),
        lambda x: 4 - jnp.argmax(x[::-1]),
        of(F32, 5),
    ),
    "large integers": (
        lambda x: x // 2 + x // 2,
        lambda x: x - x % 2 + jnp.where(x > 2**30, 1, 0),
        of(I32),
    ),
    "a negative number to an odd power": (
        lambda x: jnp.abs(x) ** 3,
        lambda x: x**2 * x,
        of(F32),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_search_alone_refutes(name, gullible):
    f, g, *examples = PLANTED[name]
    for seed in range(3):
        verdict = verify.equivalent(f, g, *examples, seed=seed)
        assert verdict.status == "refuted", f"{seed}: {verdict}"


def test_what_is_equal_is_left_to_the_prover(gullible):
    verify.assert_equivalent(lambda x, y: x + y, lambda x, y: y + x, of(I8), of(F32, 3))


DTYPES = (I8, U8, I16, U32, jnp.int4, jnp.bool_, F32, jnp.bfloat16, jnp.float8_e4m3fn)


@pytest.mark.parametrize("dtype", [*DTYPES, jnp.complex64])
@pytest.mark.parametrize("plain", [True, False])
def test_rows_are_numbers_of_their_dtype(dtype, plain):
    program = trace(lambda x, y: (x, y), of(dtype, 2, 3), of(dtype))
    rng = np.random.default_rng(0)
    drawn = rows(program.inputs, np.array([0, 100, 0.1]), rng, 64, plain=plain)
    assert [x.shape for x in drawn] == [(64, 2, 3), (64,)]
    for x, exact in zip(drawn, own(program.inputs, drawn), strict=True):
        assert (exact.astype(x.dtype) == x).all()
    if dtype != jnp.bool_:
        assert len(np.unique(drawn[0])) > 10


@pytest.mark.parametrize("dtype", [I8, U8, I16, I32, U32])
def test_rows_reach_ends_constants_and_what_lies_beyond(dtype):
    program = trace(lambda x: x, of(dtype))
    (drawn,) = rows(
        program.inputs, np.array([0.0, 100]), np.random.default_rng(1), 4000, plain=True
    )
    info = jnp.iinfo(dtype)
    assert {int(info.min), int(info.max), 99, 100, 101, 0, 1} <= set(drawn.tolist())
    assert (drawn > 101).mean() > 0.05


def test_single_bytes_are_tried_exhaustively():
    program = trace(lambda x, m: (x, m), of(I8), of(jnp.bool_))
    drawn = every_value(program.inputs)
    assert len(set(zip(*(x.tolist() for x in drawn), strict=True))) == 512
    program = trace(lambda x, y: (x, y), of(U8, 2), of(F32))
    assert every_value(program.inputs) is None
    drawn = every_narrow_value(program.inputs, np.zeros(1), np.random.default_rng(0))
    assert set(drawn[0][:, 0].tolist()) == set(range(256))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(),
        lambda x: lax.fori_loop(0, 5, lambda i, y: jnp.sin(y), x).sum(),
        lambda x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x),
        lambda x: jnp.sort(x, axis=1)[:, ::-1] @ x.T,
    ],
)
def test_small_programs_get_forty_inputs_and_large_ones_fewer(f, monkeypatch):
    """The number of inputs depends on the programs alone."""
    from verify.counterexample import batch

    counts = []
    monkeypatch.setattr(
        batch._Batch, "differences", lambda self, drawn: counts.append(len(drawn[0])) or iter(())
    )
    for size, least in ((3, 40), (60, 8)):
        counts.clear()
        program = trace(f, of(F32, size, size))
        comparison = Comparison(program, program)
        comparison.at([np.zeros((size, size))])
        assert list(before_proof(comparison, np.random.default_rng(0))) == []
        assert sum(counts) >= least


# What is compared may be of any type: its differences are looked at as floats.
COMPARED = {
    "truth values": (lambda x, y: (x > 0) == (y > 0), lambda x, y: ~((x > 0) ^ (y > 0)), F32),
    "signs in a remainder": (lambda x, y: x % 7 + y, lambda x, y: y + x % 7, I32),
    "a remainder of floats": (lambda x, y: x % 7 + y, lambda x, y: y + x % 7, F32),
    "unsigned numbers": (
        lambda x, y: jnp.where(x < y, x, y),
        lambda x, y: jnp.where(y > x, x, y),
        U32,
    ),
}


@pytest.mark.parametrize("name", COMPARED)
def test_all_that_can_be_compared_is_searched(name):
    f, g, dtype = COMPARED[name]
    comparison = Comparison(*(trace(h, of(dtype, 3), of(dtype, 3)) for h in (f, g)))
    assert next(before_proof(comparison, np.random.default_rng(0)), None) is None


def test_unsigned_numbers_cross_where_they_are_equal():
    f, g = (lambda x, y, op=op: op(x, y) for op in (jnp.less, jnp.less_equal))
    comparison = Comparison(*(trace(h, of(U32), of(U32)) for h in (f, g)))
    assert next(before_proof(comparison, np.random.default_rng(0)), None) is not None
