"""Activations against their formulas, at the extremes, and at the kink."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax

FORMULAS = {
    "relu": lambda v: max(v, 0.0),
    "leaky_relu": lambda v: v if v > 0 else 0.01 * v,
    "elu": lambda v: v if v > 0 else math.expm1(v),
    "gelu": lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2,
    "silu": lambda v: v / (1 + math.exp(-v)),
    "sigmoid": lambda v: 1 / (1 + math.exp(-v)),
    "tanh": math.tanh,
    "softplus": lambda v: math.log1p(math.exp(v)),
    "identity": lambda v: v,
}
# Limits at plus and minus infinity of f(v) (None: grows like v).
LIMITS = {
    "relu": (None, 0),
    "elu": (None, -1),
    "gelu": (None, 0),
    "silu": (None, 0),
    "sigmoid": (1, 0),
    "tanh": (1, -1),
    "softplus": (None, 0),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    points = np.linspace(-6, 6, 49, dtype=np.float32)
    found = getattr(cnnjax, name)(jnp.asarray(points))
    want = [FORMULAS[name](float(v)) for v in points]
    np.testing.assert_allclose(found, want, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", LIMITS)
def test_extremes_neither_overflow_nor_poison_the_gradient(name):
    f, (high, low) = getattr(cnnjax, name), LIMITS[name]
    x = jnp.asarray([1e4, -1e4])
    found = f(x)
    np.testing.assert_allclose(found, [1e4 if high is None else high, low], rtol=1e-6, atol=1e-6)
    slopes = jax.vmap(jax.grad(f))(x)
    np.testing.assert_allclose(slopes, [1 if high is None else 0, 0], rtol=1e-6, atol=1e-6)


def test_relu_has_gradient_zero_at_zero_and_takes_integers():
    assert float(jax.grad(cnnjax.relu)(0.0)) == 0
    assert cnnjax.relu(jnp.asarray([-2, 3])).tolist() == [0, 3]


def test_tanh_approximation_of_gelu_is_the_other_function():
    x = jnp.linspace(-3, 3, 25)
    exact, approximate = cnnjax.gelu(x), cnnjax.gelu(x, approximate=True)
    assert 1e-5 < float(jnp.max(jnp.abs(exact - approximate))) < 1e-3


def test_softmax_is_a_distribution_and_ignores_a_shift():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 5)), jnp.float32)
    p = cnnjax.softmax(x)
    np.testing.assert_allclose(jnp.sum(p, -1), 1, rtol=1e-6)
    want = np.exp(np.asarray(x, np.float64))
    np.testing.assert_allclose(p, want / want.sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(cnnjax.softmax(x + 500), p, rtol=1e-4)
    np.testing.assert_allclose(cnnjax.softmax(x.T, axis=0).T, p, rtol=1e-6)


def test_softmax_of_infinite_logits():
    p = cnnjax.softmax(jnp.asarray([0.0, -jnp.inf, 0.0]))
    assert p.tolist() == [0.5, 0.0, 0.5]


def test_softmax_of_bfloat16_is_rounded_once():
    """Within half a unit in the last place of the exact one: 2**-8 of it."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 300)) * 4, jnp.bfloat16)
    p = cnnjax.softmax(x)
    assert p.dtype == jnp.bfloat16
    exact = np.exp(np.asarray(x, np.float64))
    exact /= exact.sum(-1, keepdims=True)
    np.testing.assert_allclose(np.asarray(p, np.float64), exact, rtol=1.01 * 2**-8)
