"""1 - 0.999**3 beside a literal 0.999: a constant with more digits than a reading may have."""

import math

import jax
import jax.numpy as jnp
import pytest

from verify import equivalent
from verify.constants.numbers import of
from verify.programs import trace

X = jax.ShapeDtypeStruct((3,), jnp.float32)


def corrected(decay, steps):
    """A bias correction that the program works out."""
    return lambda x: x / (1 - jnp.power(decay + 0 * x, steps) + 0 * decay * x)


def by_hand(decay, steps):
    """The same, worked out by Python before."""
    return lambda x: x / (1 - decay**steps) + 0 * decay * x


@pytest.mark.parametrize(("decay", "steps"), [(0.999, 3), (0.9, 7), (0.99, 5)])
def test_a_power_of_another_literal_is_read(decay, steps):
    verdict = equivalent(corrected(decay, steps), by_hand(decay, steps), X, seed=0)
    assert verdict.status == "proved", str(verdict)
    assert any("constant" in sentence for sentence in verdict.assumptions)


@pytest.mark.parametrize(("steps", "other"), [(3, 4), (2, 3)])
def test_another_power_is_refuted(steps, other):
    verdict = equivalent(corrected(0.999, steps), by_hand(0.999, other), X, seed=0)
    assert verdict.status == "refuted", str(verdict)


def test_what_rounds_to_no_power_is_not_read():
    def program(x):
        return x * 0.999 + 0.0029973  # 1 - 0.999**3 is 0.002997001

    readings = of(trace(program, 1.0), trace(lambda x: x, 1.0)).readings
    assert not any(str(read).endswith("0029970") for read in readings.values())
    near = equivalent(lambda x: x * 0.999 + (1 - 0.999**3), program, X, seed=0)
    assert near.status == "refuted", str(near)


def adam(how, steps, rate=1e-3):
    """A step of Adam, as three libraries order it; what is a number is worked out beforehand."""

    def step(p, g, m, v):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        one, two = 1 - 0.9**steps, 1 - 0.999**steps
        if how == "optax":
            return p - 1e-3 * (m / one) / (jnp.sqrt(v / two) + 1e-8)
        if how == "torch":
            return p - rate / one * m / (jnp.sqrt(v) / math.sqrt(two) + 1e-8)
        return p - rate * math.sqrt(two) / one * m / (jnp.sqrt(v) + 1e-8 * math.sqrt(two))

    return step


@pytest.mark.parametrize("how", ["torch", "tensorflow"])
@pytest.mark.parametrize("steps", [1, 3])
def test_roots_and_quotients_of_what_is_read(how, steps):
    verdict = equivalent(adam("optax", steps), adam(how, steps), X, X, X, X)
    assert verdict, verdict


@pytest.mark.parametrize("other", [(4, 1e-3), (3, 1.001e-3)])
def test_another_step(other):
    verdict = equivalent(adam("optax", 3), adam("torch", *other), X, X, X, X)
    assert verdict.status == "refuted", verdict
