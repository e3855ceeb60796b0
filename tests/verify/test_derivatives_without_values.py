"""A rule that has no value, or is made of what has none, where the derivative has one, is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify import derivatives

X = jax.ShapeDtypeStruct((), jnp.float32)


def forwards(f, rule):
    known = jax.custom_jvp(f)
    known.defjvp(lambda x, d: (f(*x), d[0] * rule(*x)))
    return known


def backwards(f, rule):
    known = jax.custom_vjp(f)
    known.defvjp(lambda x: (f(x), x), lambda x, c: (c * rule(x),))
    return known


def square(x):
    return x * x


# Rules of a square, and a point around which they are wrong; the derivative exists everywhere.
WRONG = {
    "a root compared": (lambda x: 2 * x * jnp.where(jnp.sqrt(x + 6) >= 0, 1.0, 0.0), -7.0),
    "a logarithm compared": (lambda x: 2 * x * jnp.where(jnp.log(5 - x) < 1e30, 1.0, 0.0), 6.0),
    "is it a number": (lambda x: jnp.where(jnp.isnan(jnp.log(x + 6)), 0.0, 2 * x), -7.0),
    "an arcsine of large numbers": (lambda x: 2 * x + 0 * lax.asin(x / 8), 9.0),
    "a root and its square": (lambda x: 2 * jnp.sqrt(x + 9) ** 2 - 18, -10.0),
    "no number at a point": (lambda x: jnp.where(x == 7, jnp.nan, 2 * x), 7.0),
}
RIGHT = {
    "a root of what is positive": lambda x: 2 * x * jnp.where(jnp.sqrt(x * x + 6) >= 0, 1.0, 0.0),
    "a root that is discarded": lambda x: jnp.where(x > -6, 2 * x, 2 * x + 0 * x * x),
    "a quotient": lambda x: 2 * x * x / x,
    "a guarded logarithm": lambda x: 2 * x + 0 * jnp.log(jnp.where(x > 0, x, 1.0)),
}


@pytest.mark.parametrize("way", [forwards, backwards])
@pytest.mark.parametrize("name", WRONG)
def test_a_rule_without_a_value_on_an_open_set_is_refuted(name, way):
    rule, point = WRONG[name]
    f = way(square, rule)
    assert not np.isclose(jax.grad(f)(point), 2 * point), "the rule is not wrong"
    verdict = derivatives(f, X, seed=0)
    assert verdict.status == "refuted", verdict
    x, (direction,) = verdict.counterexample.inputs
    theirs = np.asarray(direction) * jax.grad(f)(jnp.asarray(x))
    assert np.isclose(verdict.counterexample.left, theirs, equal_nan=True), verdict
    assert np.isclose(verdict.counterexample.right, 2 * x * direction), verdict


@pytest.mark.parametrize("way", [forwards, backwards])
@pytest.mark.parametrize("name", RIGHT)
def test_right_rules_stay_proved(name, way):
    verdict = derivatives(way(square, RIGHT[name]), X, seed=0)
    assert verdict, verdict


# Where the derivative without the rule has no value, or ties are compared, the rule may say what it
# likes.
ELSEWHERE = {
    "the root of a square": (lambda x: jnp.sqrt(x * x), jnp.sign),
    "a logarithm that is none": (lambda x: jnp.log(x), lambda x: 1 / x),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_where_the_derivative_has_no_value_a_rule_may_have_one(name):
    verdict = derivatives(forwards(*ELSEWHERE[name]), X, seed=0)
    assert verdict.status != "refuted", verdict


def beside(rule):
    """The square, and what verify has no numbers for."""

    def f(x):
        return square(x) + 0 * jnp.linalg.eigh(jnp.ones((2, 2)) * lax.stop_gradient(x))[0][0]

    return forwards(f, rule)


def test_where_verify_has_no_numbers_jax_is_asked():
    verdict = derivatives(beside(WRONG["a root compared"][0]), X, seed=0)
    assert verdict.status == "unknown", verdict
    assert "verify has no numbers for these programs, and JAX computes" in verdict.reason
    right = derivatives(beside(RIGHT["a root of what is positive"]), X, seed=0)
    assert right, right
