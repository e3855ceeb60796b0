"""Infinities that masks and comparisons select: what is equal is proved, and nothing else.

`prove` is asked directly, without the searches that would refute a difference before.
"""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from tests.verify.pairs.famous import f32
from verify.algebras.base import Unsupported
from verify.interpretation.proof import MASKS, MODES, PATTERNS, Agreement, prove
from verify.interpretation.trial import TooLarge
from verify.preconditions import condition
from verify.programs import trace

INF = jnp.inf
S, M = f32(2, 3), jax.ShapeDtypeStruct((2, 3), jnp.bool_)
Y, N = f32(3), jax.ShapeDtypeStruct((2,), jnp.int32)


def some(s, m):
    return jnp.any(m, -1)


def masked(s, m):
    return jnp.where(m, s, -INF)


def softmax(s, m):
    return jax.nn.softmax(masked(s, m), -1)


def total(s, m):
    return jnp.sum(jnp.where(m, jnp.exp(s), 0), -1, keepdims=True)


EQUAL = {
    "softmax, where=": (softmax, lambda s, m: jax.nn.softmax(s, -1, where=m), some),
    "softmax, products": (softmax, lambda s, m: jnp.exp(s) * m / total(s, m), some),
    "softmax, added": (softmax, lambda s, m: jax.nn.softmax(s + jnp.where(m, 0, -INF), -1), some),
    "softmax, log of the mask": (
        softmax,
        lambda s, m: jax.nn.softmax(s + jnp.log(m.astype(s.dtype)), -1),
        None,
    ),
    "softmax, renormalised": (
        softmax,
        lambda s, m: (lambda p: p / jnp.sum(p, -1, keepdims=True))(jax.nn.softmax(s, -1) * m),
        some,
    ),
    "logsumexp, b=": (
        lambda s, m: jax.nn.logsumexp(masked(s, m), -1),
        lambda s, m: jax.nn.logsumexp(s, -1, b=m.astype(s.dtype)),
        some,
    ),
    "NaN replaced": (
        lambda s, m: jnp.where(jnp.isnan(softmax(s, m)), 0, softmax(s, m)),
        lambda s, m: jnp.where(jnp.any(m, -1, keepdims=True), softmax(s, m), 0),
        None,
    ),
    "a support": (
        lambda s, m: jnp.where(s > 0, -s, -INF),
        lambda s, m: jnp.where(s <= 0, -INF, -s),
        None,
    ),
    "log of zero": (
        lambda s, m: jnp.log(jax.nn.relu(s)),
        lambda s, m: jnp.where(s > 0, jnp.log(s), -INF),
        None,
    ),
    "the place of a maximum": (
        lambda s, m: jnp.argmax(masked(s, m), -1),
        lambda s, m: jnp.argmax(jnp.where(~m, -INF, s + 2), -1),
        None,
    ),
    "tanh": (lambda s, m: jnp.tanh(masked(s, m)), lambda s, m: jnp.where(m, jnp.tanh(s), -1), None),
    "minima": (
        lambda s, m: jnp.min(jnp.where(m, s, INF), -1),
        lambda s, m: -jnp.max(masked(-s, m), -1),
        None,
    ),
    "a quotient by infinity": (
        lambda s, m: s / jnp.where(m, 2, INF),
        lambda s, m: jnp.where(m, s / 2, 0),
        None,
    ),
}

# Each differs where the mask, or a row of it, has one value or the other.
NEAR = {
    # A sort puts NaN last, and the sign of NaN is NaN: rules that compare have not thought of it.
    "a sort of NaN": (
        lambda s, m: jnp.sort(jnp.where(m, s, jnp.nan))[:, 0],
        lambda s, m: jnp.where(m.all(-1), s.min(-1), jnp.nan),
        None,
    ),
    "two keys, one of them NaN": (
        lambda s, m: jax.lax.sort((jnp.where(m, s, jnp.nan), s), num_keys=1)[1],
        lambda s, m: s + 0 * jnp.sort(jnp.where(m, s, 0.0)),
        None,
    ),
    "the largest, or NaN": (
        lambda s, m: jax.lax.top_k(jnp.where(m, s, jnp.nan), 1)[0][:, 0],
        lambda s, m: jnp.where(m.all(-1), s.max(-1), jnp.nan),
        None,
    ),
    "the sign of NaN": (
        lambda s, m: jnp.sign(jnp.where(m, s, jnp.nan)),
        lambda s, m: jnp.where(m, jnp.sign(s), 0.0),
        None,
    ),
    "NaN in a total order": (
        lambda s, m: jax.lax.lt_to_p.bind(jnp.where(m, s, jnp.nan), jnp.zeros_like(s)),
        lambda s, m: m & (s < 0),
        None,
    ),
    "the places of a sort with NaN": (
        lambda s, m: jnp.argsort(jnp.where(m, s, jnp.nan))[:, 0] == 2,
        lambda s, m: m[:, 2] & (s[:, 2] < s[:, 0]) & (s[:, 2] < s[:, 1]),
        None,
    ),
    "a power of minus infinity": (
        lambda s, m: jax.lax.pow(jnp.where(m, s, -INF), 0.3),
        lambda s, m: jnp.where(m, jax.lax.pow(s, 0.3), jnp.nan),
        None,
    ),
    "a root of minus infinity as a power": (
        lambda s, m: jax.lax.pow(jnp.where(m, s, -INF), 0.5),
        lambda s, m: jnp.where(m, jnp.sqrt(s), jnp.nan),
        None,
    ),
    "NaN as a truth": (
        lambda s, m: jnp.where(m, s, jnp.nan).astype(bool),
        lambda s, m: m & (s != 0),
        None,
    ),
    "the mask the other way round": (
        softmax,
        lambda s, m: jax.nn.softmax(jnp.where(m, -INF, s), -1),
        some,
    ),
    "nothing left": (
        softmax,
        lambda s, m: jnp.where(jnp.any(m, -1, keepdims=True), softmax(s, m), 0),
        None,
    ),
    "nothing left, its logarithm": (
        lambda s, m: jax.nn.logsumexp(masked(s, m), -1),
        lambda s, m: jnp.where(jnp.any(m, -1), jax.nn.logsumexp(masked(s, m), -1), 0),
        None,
    ),
    "all left": (
        softmax,
        lambda s, m: jnp.where(jnp.all(m, -1, keepdims=True), 0.5, softmax(s, m)),
        some,
    ),
    "zero times infinity": (
        lambda s, m: masked(s, m) * m,
        lambda s, m: jnp.where(m, s, 0),
        None,
    ),
    "infinity minus infinity": (
        lambda s, m: masked(s, m) - masked(s, m),
        lambda s, m: 0 * s,
        None,
    ),
    "the other infinity": (masked, lambda s, m: jnp.where(m, s, INF), None),
    "NaN for infinity": (masked, lambda s, m: jnp.where(m, s, jnp.nan), None),
    "a support with its end": (
        lambda s, m: jnp.where(s > 0, -s, -INF),
        lambda s, m: jnp.where(s >= 0, -s, -INF),
        None,
    ),
    "another support": (
        lambda s, m: jnp.where(s > 0, -s, -INF),
        lambda s, m: jnp.where(s > 1, -s, -INF),
        None,
    ),
    "no logarithm": (
        lambda s, m: jnp.log(jax.nn.relu(s)),
        lambda s, m: jnp.where(s > 0, jnp.log(s), jnp.nan),
        None,
    ),
    "the first of none": (
        lambda s, m: jnp.argmax(masked(s, m), -1),
        lambda s, m: jnp.where(jnp.any(m, -1), jnp.argmax(masked(s, m), -1), 1),
        None,
    ),
    "one over zero": (
        lambda s, m: jnp.exp(-1 / jax.nn.relu(s)),
        lambda s, m: jnp.where(s > 0, jnp.exp(-1 / s), jnp.nan),
        None,
    ),
    "the sign of what is multiplied": (
        lambda s, m: jnp.where(m, 1, INF) * s,
        lambda s, m: jnp.where(m, s, INF),
        None,
    ),
    "a mask among many": (
        lambda s, m: jnp.where(jnp.all(m), s, -INF),
        lambda s, m: jnp.full_like(s, -INF),
        None,
    ),
}


def told(f, g, assuming, *examples):
    if assuming is None:
        return None
    return condition.of("equivalent", assuming, assuming, examples, 1).told(f, g)


def ask(name, table, mode, seed=3):
    f, g, assuming = table[name]
    left, right = trace(f, S, M), trace(g, S, M)
    try:
        return prove(left, right, mode, seed, None, 2e9, told(left, right, assuming, S, M))
    except (Unsupported, TooLarge) as error:
        return error


@pytest.mark.parametrize("name", EQUAL)
def test_what_infinities_come_to_is_known(name):
    assert any(isinstance(ask(name, EQUAL, mode), Agreement) for mode in (*MODES, MASKS, PATTERNS))


@pytest.mark.parametrize("name", NEAR)
def test_what_is_different_in_one_case_is_never_proved(name):
    for mode in (*MODES, MASKS, PATTERNS):
        found = ask(name, NEAR, mode)
        if name == "a support with its end" and not mode.ties:  # it says "no ties"
            continue
        assert not isinstance(found, Agreement), mode


def few(y, x):
    return (y == 0) | (y == 1)


FEW = {
    "squared": (lambda y, x: y * y * x, lambda y, x: jnp.where(y > 0, x, 0), True),
    "turned round": (lambda y, x: (1 - y) * x, lambda y, x: jnp.where(y == 0, x, 0), True),
    "zero too": (lambda y, x: y * x, lambda y, x: jnp.where(y >= 0, x, 0), False),
    "doubled": (lambda y, x: y * x, lambda y, x: jnp.where(y > 0, x, 0) * (1 + y), False),
}


@pytest.mark.parametrize("name", FEW)
def test_numbers_that_are_zero_or_one_are_masks(name):
    f, g, equal = FEW[name]
    left, right = trace(f, Y, Y), trace(g, Y, Y)
    found = prove(left, right, MASKS, 3, None, 2e9, told(left, right, few, Y, Y))
    assert isinstance(found, Agreement) == equal


LENGTHS = {
    "einsum": lambda s, n: jnp.einsum("bt,bt->b", s, 1.0 * (jnp.arange(3) < n[:, None])) / n,
    "cumulative": lambda s, n: jnp.cumsum(s, 1)[jnp.arange(2), n - 1] / n,
    "one more": lambda s, n: jnp.cumsum(s, 1)[jnp.arange(2), jnp.minimum(n, 2)] / n,
    "all of them": lambda s, n: jnp.where(n < 3, jnp.mean(s[:, :2], 1), jnp.mean(s, 1)),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_of_a_small_range_are_each_looked_at(name):
    def mean(s, n):
        return jnp.mean(s, 1, where=jnp.arange(3) < n[:, None])

    left, right = trace(mean, S, N), trace(LENGTHS[name], S, N)
    known = told(left, right, lambda s, n: (n >= 1) & (n < 4), S, N)
    found = prove(left, right, MASKS, 3, None, 2e9, known)
    assert isinstance(found, Agreement) == (name in ("einsum", "cumulative"))


def test_a_rare_mask_is_not_forgotten():
    """One of 2**12 cases: proved only where it has been looked at."""
    many = jax.ShapeDtypeStruct((12,), jnp.bool_)
    left = trace(lambda m, x: jnp.where(jnp.all(m), x, -INF), many, f32())
    right = trace(lambda m, x: jnp.full_like(x, -INF), many, f32())
    for mode in (MASKS, PATTERNS):
        with contextlib.suppress(TooLarge):
            assert not isinstance(prove(left, right, mode, 5, None, 2e9), Agreement)


def test_the_end_of_a_support_is_a_difference():
    f, g, _ = NEAR["a support with its end"]
    assert verify.equivalent(f, g, S, M).status == "refuted"


def test_the_whole_ladder():
    verdict = verify.equivalent(softmax, EQUAL["softmax, where="][1], S, M, assuming=some)
    assert verdict, str(verdict)
    verdict = verify.equivalent(softmax, EQUAL["softmax, where="][1], S, M)
    assert verdict.status == "refuted"
    assert np.isnan(verdict.counterexample.left) != np.isnan(verdict.counterexample.right)


def test_what_is_compared_with_a_selected_infinity_is_no_infinity():
    verdict = verify.equivalent(
        lambda s, m: masked(s, m) == INF, lambda s, m: jnp.zeros(s.shape, bool), S, M
    )
    assert verdict
    assert any("infinite" in sentence for sentence in verdict.assumptions)


def test_an_isnan_of_the_program_knows_nan():
    verdict = verify.equivalent(
        lambda s, m: jnp.isnan(jnp.where(m, s, jnp.nan)), lambda s, m: ~m, S, M
    )
    assert verdict, verdict.reason


def test_the_largest_of_what_may_be_minus_infinity():
    verdict = verify.equivalent(
        lambda s, m: jax.lax.top_k(masked(s, m), 1)[0][:, 0],
        lambda s, m: masked(s, m).max(-1),
        S,
        M,
    )
    assert verdict, verdict.reason
