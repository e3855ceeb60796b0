"""Comparisons of what has no value on an open set: JAX has the last word before a proof."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.counterexample import Comparison
from verify.counterexample.shown import shown_by_jax
from verify.programs import trace

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
    "a logarithm that is replaced": (lambda x: jnp.nan_to_num(jnp.log(x), neginf=0), jnp.log),
    "a quotient of its own kind": (
        lambda x: jnp.where(x / relu(x) != x / relu(x), 5.0, x),
        lambda x: jnp.where(jnp.isinf(x / relu(x)), 5.0, x),
    ),
    "an arc cosine that is replaced": (
        lambda x: jnp.where(jnp.isnan(jnp.arccos(x)), jnp.pi, jnp.arccos(x)),
        jnp.arccos,
    ),
    "an infinity that is replaced": (
        lambda x: jnp.where(jnp.isinf(x / relu(x)), 2.0, x / relu(x)),
        lambda x: x / relu(x),
    ),
    "a power that is replaced": (
        lambda x: jnp.where(jnp.isfinite(x**0.3), x**0.3, 1.0),
        lambda x: x**0.3,
    ),
    "a gradient that is replaced": (
        lambda x: jnp.nan_to_num(jax.grad(lambda x: jnp.sqrt(x).sum())(x), posinf=0),
        jax.grad(lambda x: jnp.sqrt(x).sum()),
    ),
    "a comparison with itself": (
        lambda x: jnp.where(jnp.log(x) == jnp.log(x), x, 0.0),
        lambda x: x,
    ),
    "a sort puts it last": (
        lambda x: jnp.sort(jnp.sqrt(x)),
        lambda x: jnp.stack([jnp.sqrt(x).min(), jnp.sqrt(x).max()]),
    ),
    "behind a constant": (
        lambda x: jnp.where((x > 70) & jnp.isnan(jnp.log(60 - x)), 1.0, 0.0),
        lambda x: 0 * x,
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
def test_what_is_made_of_what_has_no_value_is_refuted(name):
    f, g = DIFFERENT[name]
    verdict = verify.equivalent(f, g, X, seed=0)
    assert verdict.status == "refuted", verdict
    found = verdict.counterexample
    assert any(f"is {what}: " in found.explanation for what in ("not a number", "infinite"))
    assert "test_unordered.py" in found.explanation, verdict
    output, index = found.where
    for ours, function in ((found.left, f), (found.right, g)):
        theirs = np.asarray(jax.tree.leaves(function(jnp.asarray(found.inputs[0])))[output])[index]
        assert np.isclose(ours, theirs, equal_nan=True), verdict


def test_what_an_integer_is_made_of_what_has_no_value_proves_nothing():
    """Which one it is, is for the machine to say."""
    pairs = (
        (lambda x: (0 * lax.acos(x) + 3.5).astype(jnp.int32), lambda x: (0 * x + 3.5).astype(int)),
        (lambda x: jnp.floor(jnp.log(x)).astype(jnp.int8) * 0, lambda x: (0 * x).astype(jnp.int8)),
        (
            lambda x: x[(0 * jnp.sqrt(x[0] - 3) + 1).astype(jnp.int32)],
            lambda x: x[(0 * x[0] + 1).astype(jnp.int32)],
        ),
        (lambda x: (jnp.sqrt(x) * 0 + 7).astype(jnp.uint8), lambda x: (x * 0 + 7).astype("uint8")),
    )
    for number, (f, g) in enumerate(pairs):
        verdict = verify.equivalent(f, g, X, seed=0)
        agree = np.array_equal(f(jnp.array([2.0, -2.0])), g(jnp.array([2.0, -2.0])))
        assert verdict.status != "proved" or agree, (number, str(verdict))


def test_the_programs_do_differ():
    """Here each of the pairs has other values in JAX: the table above is no mistake."""
    for name, (f, g) in DIFFERENT.items():
        some = (jnp.array([2.0, -2.0]), jnp.array([80.0, -2.0]))
        assert not all(np.array_equal(f(x), g(x), equal_nan=True) for x in some), name


@pytest.mark.parametrize("name", EQUAL)
def test_equal_programs_stay_proved(name):
    verdict = verify.equivalent(*EQUAL[name], X, seed=0)
    assert verdict, verdict


def test_what_float64_rounds_near_a_singular_matrix_is_no_difference():
    def of_product(a):
        return jnp.linalg.inv(a @ a)

    def product(a):
        return jnp.linalg.inv(a) @ jnp.linalg.inv(a)

    programs = [trace(f, jnp.zeros((3, 3))) for f in (of_product, product)]
    assert shown_by_jax(Comparison(*programs), [-np.ones((3, 3))]) is None
