"""Large constants read as masks: named among a proof's assumptions, and never anything else.

`prove` is asked directly, without the searches that would refute a difference before.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from tests.verify.pairs.famous import f32
from verify.algebras.base import Unsupported
from verify.interpretation.proof import MASKS, MODES, Agreement, prove
from verify.interpretation.trial import TooLarge
from verify.preconditions import condition
from verify.programs import trace

S, M = f32(2, 3), jax.ShapeDtypeStruct((2, 3), jnp.bool_)
CAUSAL = jnp.tril(jnp.ones((3, 3), bool))
LEAST = float(jnp.finfo(jnp.float32).min)
MODES_OF_MASKS = tuple(replace(mode, sinking=True) for mode in (MODES[1], MASKS))


def left(s, m):
    return jnp.abs(s) <= 100, jnp.any(m, -1)


def softmax(s, m):
    return jax.nn.softmax(jnp.where(m, s, -jnp.inf), -1)


def top(s, m):
    return jnp.max(s, -1, where=m, initial=-jnp.inf)


def place(s, m):
    return jnp.argmax(jnp.where(m, s, -jnp.inf), -1)


def causal(fill):
    return lambda s, m: jax.nn.softmax(jnp.where(CAUSAL, s @ s.T, fill))


EQUAL = {
    "-1e9": (softmax, lambda s, m: jax.nn.softmax(jnp.where(m, s, -1e9), -1)),
    "the least number": (softmax, lambda s, m: jax.nn.softmax(jnp.where(m, s, LEAST), -1)),
    "added": (softmax, lambda s, m: jax.nn.softmax(s + (1.0 - m) * -1e9, -1)),
    "subtracted": (softmax, lambda s, m: jax.nn.softmax(s - 1e9 * ~m, -1)),
    "the maximum": (top, lambda s, m: jnp.max(jnp.where(m, s, -1e6), -1)),
    "the maximum, a penalty": (top, lambda s, m: jnp.max(s - 1e6 * ~m, -1)),
    "the place": (place, lambda s, m: jnp.argmax(jnp.where(m, s, -1e9), -1)),
    "a logarithm": (
        lambda s, m: jnp.log(jnp.sum(jnp.where(m, jnp.exp(s), 0), -1)),
        lambda s, m: jax.nn.logsumexp(jnp.where(m, s, -1e9), -1),
    ),
}

# What is more than a mask, or less: each of them differs, somewhere in the domain or as written.
NEAR = {
    # Sums and products of large constants are not rounded: 2**75 + 2**14 is no 2**75.
    "a sum that float64 rounds": (
        lambda s, m: s + 2.0**75 + 2.0**14,
        lambda s, m: s + 2.0**75,
        None,
    ),
    "a product that float64 rounds": (
        lambda s, m: s + (1e9 + 0 * jnp.exp(s)) * 0 + jnp.full((), 1e16) * 1.0000001,
        lambda s, m: s + jnp.full((), 1e16) * 1.0000001 + 2.0**-10,
        None,
    ),
    "a sum there and back": (lambda s, m: s + 1e21 + 1e4 - 1e21, lambda s, m: s, None),
    "too small": (softmax, lambda s, m: jax.nn.softmax(jnp.where(m, s, -30.0), -1), left),
    "much too small": (softmax, lambda s, m: jax.nn.softmax(jnp.where(m, s, -10.0), -1), left),
    "the wrong side": (softmax, lambda s, m: jax.nn.softmax(jnp.where(m, -1e9, s), -1), left),
    "above": (softmax, lambda s, m: jax.nn.softmax(jnp.where(m, s, 1e9), -1), left),
    "nothing left": (softmax, lambda s, m: jax.nn.softmax(jnp.where(m, s, -1e9), -1), None),
    "nothing left of a maximum": (top, lambda s, m: jnp.max(jnp.where(m, s, -1e9), -1), None),
    "nothing left of a place": (place, lambda s, m: jnp.argmax(s - 1e9 * ~m, -1), None),
    "as a result": (
        lambda s, m: jnp.where(m, s, -jnp.inf),
        lambda s, m: jnp.where(m, s, -1e9),
        left,
    ),
    "as a result, another": (
        lambda s, m: jnp.where(m, s, -1e9),
        lambda s, m: jnp.where(m, s, -1e8),
        left,
    ),
    "a bound": (lambda s, m: jnp.clip(s, -1e6, 1e6), lambda s, m: s, None),
    "a bound of an exponent": (
        lambda s, m: jnp.exp(jnp.maximum(s, -1e6)),
        lambda s, m: jnp.exp(s),
        None,
    ),
    "a threshold": (
        lambda s, m: jnp.where(s > 1e6, jnp.exp(s), s),
        lambda s, m: s + 0 * jnp.exp(s),
        None,
    ),
    "a scale": (lambda s, m: jnp.exp(-1e6 * s * s), lambda s, m: 0 * s, None),
    "a divisor": (lambda s, m: jnp.exp(s / 1e6), lambda s, m: jnp.exp(0 * s), None),
    "a shift": (
        lambda s, m: jnp.exp(s - 1e9) * jnp.exp(1e9 * jnp.ones(())),
        lambda s, m: 0 * s,
        None,
    ),
}


def ask(f, g, assuming, mode):
    one, two, known = trace(f, S, M), trace(g, S, M), None
    if assuming is not None:
        known = condition.of("equivalent", assuming, assuming, (S, M), 1).told(one, two)
    try:
        return prove(one, two, mode, 3, None, 2e9, known)
    except (Unsupported, TooLarge) as error:
        return error


@pytest.mark.parametrize("name", EQUAL)
def test_a_mask_is_as_good_as_minus_infinity_and_the_proof_says_so(name):
    found = ask(*EQUAL[name], left, MODES_OF_MASKS[1])
    assert isinstance(found, Agreement)
    assert any("mask" in sentence for sentence in found.assumptions)


def test_constant_masks_need_no_decision():
    f, g = causal(-jnp.inf), causal(-1e9)
    x = f32(3, 2)
    found = prove(trace(f, x, M), trace(g, x, M), MODES_OF_MASKS[0], 3)
    assert isinstance(found, Agreement)


@pytest.mark.parametrize("name", NEAR)
def test_nothing_else_is_read_into_a_large_constant(name):
    f, g, assuming = NEAR[name]
    for mode in MODES_OF_MASKS:
        assert not isinstance(ask(f, g, assuming, mode), Agreement), mode


def test_verdicts():
    f, g = EQUAL["added"]
    verdict = verify.equivalent(f, g, S, M, assuming=left)
    assert verdict, str(verdict)
    assert any("-1e+09 is a mask" in sentence for sentence in verdict.assumptions)
    f, g, assuming = NEAR["too small"]
    assert verify.equivalent(f, g, S, M, assuming=assuming).status == "refuted"
    f, g, _ = NEAR["nothing left"]
    verdict = verify.equivalent(f, g, S, M, seconds=20)
    assert verdict.status == "refuted"
    assert not np.array_equal(verdict.counterexample.left, verdict.counterexample.right)
