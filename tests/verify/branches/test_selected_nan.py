"""A test for NaN is about the NaN that a program selects itself, wherever that is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify

pytest.importorskip("z3")
PATTERN = np.random.default_rng(7).random(40) > 0.5
M = jax.ShapeDtypeStruct((40,), jnp.bool_)
X = jax.ShapeDtypeStruct((), jnp.float32)


def rare(m):
    return (m != PATTERN).sum() == 0


def seldom(u):
    return jnp.sin(1e4 * u) * jnp.cos(3e3 * u) > 0.99999


TESTS = {"isnan": jnp.isnan, "unequal": lambda v: v != v, "not above": lambda v: ~(v >= v)}


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize(("gate", "example"), [(rare, M), (seldom, X)])
def test_a_selected_nan_is_not_assumed_away(gate, example, test):
    def left(m, x, z):
        return jnp.where(TESTS[test](jnp.where(gate(m), jnp.nan, x)), z, x)

    verdict = verify.equivalent(left, lambda m, x, z: x, example, X, X, seconds=5)
    assert verdict.status != "proved"


OTHERS = {
    "an exponential above zero": (jnp.nan, lambda v: jnp.exp(v) > 0),
    "a square": (jnp.nan, lambda v: v * v >= 0),
    "below infinity": (jnp.inf, lambda v: v < jnp.inf),
    "finite": (jnp.inf, jnp.isfinite),
}


@pytest.mark.parametrize("name", OTHERS)
def test_nor_is_what_follows_for_numbers(name):
    special, holds = OTHERS[name]

    def left(m, x, z):
        return jnp.where(holds(jnp.where(rare(m), special, x)), x, z)

    verdict = verify.equivalent(left, lambda m, x, z: x, M, X, X, seconds=5)
    assert verdict.status != "proved"
