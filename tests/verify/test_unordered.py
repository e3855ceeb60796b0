"""Comparisons of what has no value on an open set: JAX has the last word before a proof."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.algebras.field.choice import NO_NANS

X = jax.ShapeDtypeStruct((2,), jnp.float32)


def relu(x):
    return jnp.maximum(x, 0)


def one(x):
    return x * 0 + 1


DIFFERENT = {
    "opposites of a NaN's comparison": (
        lambda x: jnp.where(relu(x) / relu(x) > 0, 1.0, 0.0),
        lambda x: jnp.where(~(relu(x) / relu(x) <= 0), 1.0, 0.0),
    ),
    "the same as integers": (
        lambda x: (relu(x) / relu(x) > 0).astype(jnp.int32),
        lambda x: (~(relu(x) / relu(x) <= 0)).astype(jnp.int32),
    ),
    "opposites for a logarithm": (
        lambda x: jnp.where(jnp.log(x) > 0, 1.0, 0.0),
        lambda x: jnp.where(~(jnp.log(x) <= 0), 1.0, 0.0),
    ),
    "the first of the largest": (
        lambda x: jnp.argmax(relu(x - 1) / relu(x - 1) + relu(x)),
        lambda x: jnp.argmax(one(x) + relu(x)),
    ),
    "isfinite of a quotient": (lambda x: jnp.where(jnp.isfinite(x / relu(x)), 1.0, 0.0), one),
    "isinf of a quotient": (lambda x: jnp.where(jnp.isinf(x / relu(x)), 0.0, 1.0), one),
    "isfinite of a logarithm": (lambda x: jnp.where(jnp.isfinite(jnp.log(x)), 1.0, 0.0), one),
    "isnan of a logarithm": (lambda x: jnp.where(jnp.isnan(jnp.log(x)), 0.0, 1.0), one),
    "isnan of an arc sine": (lambda x: jnp.where(jnp.isnan(jnp.arcsin(x)), 0.0, 1.0), one),
    "isfinite of a power": (lambda x: jnp.where(jnp.isfinite(x**0.3), 1.0, 0.0), one),
    "below infinity": (lambda x: jnp.where(jnp.abs(x / relu(x)) < jnp.inf, 1.0, 0.0), one),
    "a root that is replaced": (
        lambda x: jnp.where(jnp.isnan(jnp.sqrt(x)), 0.0, jnp.sqrt(x)),
        jnp.sqrt,
    ),
    "a maximum keeps NaN, a choice does not": (
        lambda x: jnp.maximum(jnp.log(x), 0.0),
        lambda x: jnp.where(jnp.log(x) > 0, jnp.log(x), 0.0),
    ),
}

EQUAL = {
    "a guarded root": (
        lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0),
        lambda x: jnp.where(x <= 0, 0.0, jnp.sqrt(x)),
    ),
    "a clipped quotient": (
        lambda x: jnp.clip(x[0] / x[1], 0, 1),
        lambda x: jnp.minimum(jnp.maximum(x[0] / x[1], 0), 1),
    ),
    "a guarded quotient": (
        lambda x: jnp.where(x[1] == 0, 0.0, x[0] / x[1]),
        lambda x: jnp.where(x[1] != 0, x[0] / x[1], 0.0),
    ),
    "a replaced root, twice": (
        lambda x: jnp.where(jnp.isnan(jnp.sqrt(x)), 0.0, jnp.sqrt(x)),
        lambda x: jnp.nan_to_num(jnp.sqrt(x)),
    ),
    "a comparison turned round": (
        lambda x: jnp.where(jnp.log(x) > 0, 1.0, 0.0),
        lambda x: (jnp.log(x) > 0).astype(jnp.float32),
    ),
    "an overflow beside a root that is discarded": (
        lambda x: (
            jnp.where(x > 0, jnp.sqrt(x), 0) * 0 + jnp.exp(1e5 * x * x) / jnp.exp(1e5 * x * x)
        ),
        one,
    ),
    "isfinite of what is finite": (lambda x: jnp.where(jnp.isfinite(x / 3), 1.0, 0.0), one),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_comparison_of_what_has_no_value_is_no_proof(name):
    f, g = DIFFERENT[name]
    verdict = verify.equivalent(f, g, X, seed=0)
    assert not verdict or NO_NANS in verdict.assumptions, verdict
    if verdict.status == "unknown" and "compared" in verdict.reason:
        assert "JAX computes" in verdict.reason


def test_the_programs_do_differ():
    """Here each of the pairs has other values in JAX: the table above is no mistake."""
    x = jnp.array([2.0, -2.0])
    for name, (f, g) in DIFFERENT.items():
        assert not np.array_equal(f(x), g(x), equal_nan=True), name


@pytest.mark.parametrize("name", EQUAL)
def test_equal_programs_stay_proved(name):
    verdict = verify.equivalent(*EQUAL[name], X, seed=0)
    assert verdict, verdict
