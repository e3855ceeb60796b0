"""What is asked of infinities and NaN, promised of indices or done to the bits of a float has no
meaning over the reals: a proof says in words what it takes for granted there."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from tests.verify.pairs.law import f32
from verify import branches
from verify.algebras.base import Unsupported
from verify.algebras.field.maxima import NO_INFINITIES, NO_NANS
from verify.counterexample import Comparison, inhabited
from verify.interpretation.proof import MODES, Difference, prove
from verify.primitives.arithmetic import NO_ROUNDING
from verify.primitives.indexing import SORTED
from verify.primitives.scatter import UNIQUE
from verify.programs import trace
from verify.smt import cases

INF, NAN = np.float32(np.inf), np.float32(np.nan)


def twice_clipped(x):
    return jnp.clip(jnp.clip(x, 0.0, 1.0), 0.0, 1.0)


def clipped(x):
    return jnp.clip(x, 0.0, 1.0)


def same(x):
    return x


# f, g, an input that the words have to exclude, the words.
ASKED = {
    "isinf": (lambda x: jnp.where(jnp.isinf(x), 7.0, x), same, INF, NO_INFINITIES),
    "isfinite": (lambda x: jnp.where(jnp.isfinite(x), x, 7.0), same, INF, NO_INFINITIES),
    "isposinf": (lambda x: jnp.where(jnp.isposinf(x), 7.0, x), same, INF, NO_INFINITIES),
    "an order": (lambda x: jnp.where(x > -jnp.inf, x, 7.0), same, -INF, NO_INFINITIES),
    "of a magnitude": (lambda x: jnp.where(jnp.abs(x) == INF, 7.0, x), same, INF, NO_INFINITIES),
    "nan_to_num": (jnp.nan_to_num, same, INF, NO_INFINITIES),
    "by cases": (
        lambda x: jnp.where(jnp.isinf(x), 7.0, twice_clipped(x)),
        clipped,
        INF,
        NO_INFINITIES,
    ),
    "by branches": (
        lambda x: jnp.where(jnp.isinf(x), 7.0, jnp.abs(x) * jnp.maximum(x, 0.0)),
        lambda x: jnp.maximum(x, 0.0) ** 2,
        -INF,
        NO_INFINITIES,
    ),
    "isnan": (lambda x: jnp.where(jnp.isnan(x), 7.0, x), same, NAN, NO_NANS),
    "isnan, spelt by sums": (lambda x: jnp.where(x + 1 != 1 + x, 7.0, x), same, NAN, NO_NANS),
    "isnan, by an order": (
        lambda x: jnp.where(2 * x >= x + x, twice_clipped(x), 5.0),
        clipped,
        NAN,
        NO_NANS,
    ),
    "infinity less itself": (lambda x: jnp.where(lax.sub(x, x) == 0, x, 5.0), same, INF, NO_NANS),
    "rounded": (lambda x: lax.reduce_precision(x, 5, 2), same, np.float32(1.1), NO_ROUNDING),
    "rounded to an infinity": (
        lambda x: lax.reduce_precision(x, 4, 23) * 2,
        lambda x: x + x,
        np.float32(1e9),
        NO_ROUNDING,
    ),
}


@pytest.mark.parametrize("case", ASKED)
def test_what_the_reals_do_not_have_is_excluded_in_words(case):
    f, g, x, words = ASKED[case]
    assert not np.array_equal(f(x), g(x), equal_nan=True)
    verdict = verify.equivalent(f, g, f32())
    assert verdict, verdict
    assert words in verdict.assumptions


def test_formulas_that_ask_for_an_infinity_say_so_in_every_domain():
    f, g, *_ = ASKED["by branches"]
    left, right = trace(f, f32()), trace(g, f32())
    everything = {0: np.array([0])}
    assert NO_INFINITIES in branches.settle(left, right, everything, 1e9).assumptions
    f, g, *_ = ASKED["by cases"]
    left, right = trace(f, f32()), trace(g, f32())
    assert NO_INFINITIES in cases.settle(left, right, 0, everything[0]).assumptions


SILENT = {
    "a mask": lambda x: jnp.where(x > 0, x, 0.0),
    "the precision of its own format": lambda x: lax.reduce_precision(x, 8, 23),
    "a constant that is held": lambda x: x + lax.reduce_precision(jnp.float32(0.125), 5, 2),
    "infinity beside infinity": lambda x: jnp.where(jnp.isinf(jnp.float32(jnp.inf)), x, 0.0),
    "one index": lambda x: jnp.stack([x, x])[jnp.argmax(jnp.stack([x, 1.0]))],
}


@pytest.mark.parametrize("case", SILENT)
def test_nothing_is_said_where_nothing_is_asked(case):
    verdict = verify.equivalent(SILENT[case], SILENT[case], f32())
    assert verdict
    spoken = {NO_INFINITIES, NO_NANS, NO_ROUNDING, SORTED, UNIQUE}
    assert not spoken & set(verdict.assumptions)


def test_a_constant_that_is_rounded_has_no_proof():
    verdict = verify.equivalent(
        lambda x: x + lax.reduce_precision(jnp.float32(0.1), 5, 2), lambda x: x + 0.1, f32()
    )
    assert verdict.status == "unknown"
    assert "reduce_precision" in verdict.reason


I32 = jax.ShapeDtypeStruct((2,), jnp.int32)
ROW = jax.ShapeDtypeStruct((4,), jnp.float32)
WHOLE = jax.ShapeDtypeStruct((4,), jnp.int32)

# f, g, the operand, the words.
PROMISED = {
    "unique sums": (
        lambda x, i: x.at[i].add(1.0, unique_indices=True),
        lambda x, i: x.at[i].add(1.0),
        ROW,
        UNIQUE,
    ),
    "unique sums of integers": (
        lambda x, i: x.at[i].add(2, unique_indices=True),
        lambda x, i: x.at[i].add(1).at[i].add(1),
        WHOLE,
        UNIQUE,
    ),
    "unique maxima": (
        lambda x, i: x.at[i].max(1.0, unique_indices=True),
        lambda x, i: x.at[i].max(1.0),
        ROW,
        UNIQUE,
    ),
    "sorted sums": (
        lambda x, i: x.at[i].add(1.0, indices_are_sorted=True),
        lambda x, i: x.at[i].add(1.0),
        ROW,
        SORTED,
    ),
    "sorted reads": (
        lambda x, i: x.at[i].get(indices_are_sorted=True, mode="clip"),
        lambda x, i: x.at[i].get(mode="clip"),
        ROW,
        SORTED,
    ),
    "sorted segments": (
        lambda x, i: jax.ops.segment_sum(x[:2], i, 3, indices_are_sorted=True),
        lambda x, i: jax.ops.segment_sum(x[:2], i, 3),
        ROW,
        SORTED,
    ),
}


@pytest.mark.parametrize("case", PROMISED)
def test_promises_of_indices_are_assumed_in_words(case):
    f, g, x, words = PROMISED[case]
    verdict = verify.equivalent(f, g, x, I32)
    assert verdict, verdict
    assert words in verdict.assumptions


def test_one_index_in_each_batch_promises_nothing():
    def f(x, i):
        return jax.vmap(lambda x, i: x.at[i].add(2.0)[i])(x, i)

    def g(x, i):
        return jax.vmap(lambda x, i: x.at[i].add(1.0).at[i].add(1.0)[i])(x, i)

    verdict = verify.equivalent(f, g, jax.ShapeDtypeStruct((2, 4), jnp.float32), I32)
    assert verdict
    assert not {SORTED, UNIQUE} & set(verdict.assumptions)


BROKEN = {
    "sums": lambda x: x + jnp.zeros(4).at[jnp.array([3, 3])].add(1.0, unique_indices=True),
    "integers": lambda x: x + jnp.arange(4).at[jnp.array([3, 3])].add(1, unique_indices=True),
    "order": lambda x: x.at[jnp.array([3, 1])].add(1.0, indices_are_sorted=True),
    "order of what is read": lambda x: (
        jnp.arange(4.0).at[jnp.array([3, 1, 1, 2])].get(indices_are_sorted=True, mode="clip") + x
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_promise_that_is_broken_is_proved_of_nothing(case):
    verdict = verify.equivalent(BROKEN[case], lambda x: BROKEN[case](1 * x), ROW, seconds=5)
    assert verdict.status == "unknown"
    assert "promised" in verdict.reason


def test_a_promise_that_no_input_keeps_is_no_assumption():
    """The proof wants an input at which it is kept, and finds none."""

    def f(x, i):  # in bounds both, and the first beyond the second
        return x.at[jnp.stack([3, i[0] % 3])].add(1.0, indices_are_sorted=True)

    def g(x, i):
        return x.at[jnp.stack([3, i[0] % 3])].add(1.0)

    left, right = trace(f, ROW, I32), trace(g, ROW, I32)
    found = prove(left, right, MODES[0], 1)
    assert found.assumptions == (SORTED,)
    assert found.partial
    assert not inhabited(Comparison(left, right), np.random.default_rng(1), 1e8)


NANS = jnp.full((2,), jnp.nan)
OF_NAN = {
    "equal": lambda x: jnp.where(NANS == NANS, x, 0.0),
    "not equal": lambda x: jnp.where(NANS != NANS, 0.0, x),
    "in order": lambda x: jnp.where(NANS >= NANS, x, 0.0),
    "isnan": lambda x: jnp.where(jnp.isnan(NANS), 0.0, x),
    "the larger one": lambda x: jnp.where(jnp.maximum(NANS, jnp.inf) > 0, x, 0.0),
    "the smaller one": lambda x: jnp.where(jnp.minimum(NANS, -jnp.inf) < 0, x, 0.0),
}


@pytest.mark.parametrize("case", OF_NAN)
def test_a_constant_nan_compares_as_it_does_in_jax(case):
    row = jax.ShapeDtypeStruct((2,), jnp.float32)
    assert not np.any(OF_NAN[case](jnp.ones(2)))
    left, right = trace(OF_NAN[case], row), trace(same, row)
    with contextlib.suppress(Unsupported):
        assert isinstance(prove(left, right, MODES[0], 1), Difference)


def test_where_the_promise_is_kept_differences_are_found():
    verdict = verify.equivalent(
        lambda x, i: x.at[i].add(1.0, unique_indices=True, indices_are_sorted=True),
        lambda x, i: x.at[i].add(2.0),
        ROW,
        I32,
    )
    assert verdict.status == "refuted"
    i = verdict.counterexample.inputs[1]
    assert i[0] < i[1] or not ((i >= 0) & (i < 4)).all()


F8 = jnp.float8_e4m3fn  # a format without infinities
OF_NOTHING = {
    "a maximum": lambda x: lax.reduce_max(x[:0].astype(F8), (0,)) == F8(-448),
    "a minimum": lambda x: lax.reduce_min(x[:0].astype(F8), (0,)) == F8(448),
    "a maximum of rows": lambda x: lax.reduce_max(x[:0, None].astype(F8), (0, 1)) < -400,
    "with infinities": lambda x: lax.reduce_max(x[:0], (0,)) == -jnp.inf,
    "of integers": lambda x: lax.reduce_min(x[:0].astype(jnp.uint8), (0,)) == 255,
    "of truth values": lambda x: ~lax.reduce_max(x[:0] > 0, (0,)),
}


@pytest.mark.parametrize("case", OF_NOTHING)
def test_an_order_of_nothing_is_the_extreme_of_its_dtype(case):
    f, row = OF_NOTHING[case], jax.ShapeDtypeStruct((2,), jnp.float32)
    assert f(jnp.ones(2))
    assert verify.equivalent(f, lambda x: True | (x[0] > 0), row)
    left, right = trace(f, row), trace(lambda x: False & (x[0] > 0), row)
    assert isinstance(prove(left, right, MODES[0], 1), Difference)
