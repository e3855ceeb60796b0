"""Functions that are not defined everywhere: no proof where only one program has a value, none that
rests on a power of a negative number, and none of programs that are defined nowhere together."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import verify
from tests.verify.pairs.famous import f32

X, A = f32(), f32()
EXPONENTS = jnp.linspace(0, 5, 21)

# Equal for positive bases only: each differs at a negative number with a power.
POWERS = {
    "of the negative": (lambda x, a: x**a, lambda x, a: (-x) ** a),
    "doubled, of the negative": (lambda x, a: x ** (2 * a), lambda x, a: (-x) ** (2 * a)),
    "of a square, halved": (lambda x, a: (x * x) ** (a / 2), lambda x, a: x**a),
    "of a power": (lambda x, a: (x**a) ** (1 / a), lambda x, a: x + 0 * a),
    "turned around": (lambda x, a: (x - a) ** a, lambda x, a: (a - x) ** a),
    "exponents, some of them whole": (
        lambda x, a: (x * x) ** (EXPONENTS / 2),
        lambda x, a: x**EXPONENTS,
    ),
}


@pytest.mark.parametrize("name", POWERS)
def test_powers_of_negative_numbers_are_not_forgotten(name):
    f, g = POWERS[name]
    for seed in range(3):
        verdict = verify.equivalent(f, g, X, A, seconds=5, seed=seed)
        assert verdict.status == "refuted", str(verdict)


def test_exponents_of_an_array_are_each_what_they_are():
    verify.assert_equivalent(
        lambda x: x[:, None] ** jnp.arange(6.0),
        lambda x: jnp.stack([jnp.ones_like(x), x, x * x, x**3, x**4, x**5], 1),
        f32(3),
    )
    verdict = verify.equivalent(
        lambda x: x[:, None] ** jnp.array([2.0, 0.25]),
        lambda x: jnp.stack([x * x, x**0.25], 1),
        f32(3),
    )
    assert verdict.status == "proved"
    assert any("x**y" in sentence for sentence in verdict.assumptions)


def only_above(f):
    return lambda x: lax.cond(x > 0, f, lambda x: 1 + 0 * x, x)


def with_bessel(f):
    """i0e has no rule for numbers, so that JAX itself is asked where the programs are defined."""
    return lambda x, y: f(x) + jax.scipy.special.i0e(y)


NOWHERE = {
    "one side undefined": (only_above(lambda x: jnp.log(-x)), only_above(jnp.log), X),
    "beside what numbers cannot do": (
        with_bessel(jnp.log),
        with_bessel(lambda x: jnp.log(-x)),
        X,
        X,
    ),
    "beside an inverse": (
        lambda x, m: jnp.log(x) + jnp.linalg.inv(m).sum(),
        lambda x, m: jnp.log(-x) + jnp.linalg.inv(m).sum(),
        X,
        f32(2, 2),
    ),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_programs_that_are_never_both_defined_are_not_proved(name):
    f, g, *examples = NOWHERE[name]
    verdict = verify.equivalent(f, g, *examples, seconds=10)
    assert verdict.status != "proved", str(verdict)


SOMEWHERE = {
    "a branch": (
        only_above(lambda x: 2 * jnp.log(x)),
        only_above(lambda x: jnp.log(x * x)),
        X,
    ),
    "beside what numbers cannot do": (
        with_bessel(lambda x: 2 * jnp.log(x)),
        with_bessel(lambda x: jnp.log(x * x)),
        X,
        X,
    ),
    "a comparison of what is always defined": (
        lambda x: jnp.where(x > 0, jnp.arcsin(x), 0) + x,
        lambda x: x + jnp.where(x <= 0, 0, jnp.arcsin(x)),
        X,
    ),
}


@pytest.mark.parametrize("name", SOMEWHERE)
def test_programs_that_are_both_defined_somewhere_are_proved(name):
    f, g, *examples = SOMEWHERE[name]
    verify.assert_equivalent(f, g, *examples)


NANS = {
    "finite": (
        lambda x: jnp.where(jnp.isfinite(jnp.arcsin(x)), 1, 0),
        lambda x: jnp.where(jnp.isfinite(jnp.arcsin(x)), 1, 5),
    ),
    "itself": (lambda x: jnp.where(jnp.arcsin(x) == jnp.arcsin(x), 0.0, 5.0), lambda x: 0 * x),
    "not above is below": (
        lambda x: jnp.where(jnp.arcsin(x) > 0, 0, 1),
        lambda x: jnp.where(jnp.arcsin(x) <= 0, 1, 0),
    ),
}


@pytest.mark.parametrize("name", NANS)
def test_what_is_compared_and_may_be_nan_is_said(name):
    verdict = verify.equivalent(*NANS[name], X)
    assert verdict.status != "refuted"
    assert not verdict or any("NaN" in sentence for sentence in verdict.assumptions)


def test_a_comparison_that_is_never_of_numbers_is_not_proved():
    def inside(x):
        return jnp.arcsin(2 + x * x) > 0

    verdict = verify.equivalent(
        lambda x: jnp.where(inside(x), 0, 1), lambda x: jnp.where(~inside(x), 1, 0), X, seconds=3
    )
    assert verdict.status == "unknown", str(verdict)


@pytest.mark.filterwarnings("error")
def test_infinities_that_meet_warn_nobody():
    def by_hand(i, x):
        return jnp.stack([jnp.max(jnp.where(i == j, x, -jnp.inf)) for j in range(3)])

    verify.equivalent(
        lambda i, x: jax.ops.segment_max(x, i, 3),
        by_hand,
        jax.ShapeDtypeStruct((4,), jnp.int32),
        f32(4),
        seconds=0.5,
    )
