"""Exponentials of multiples of logarithms: temperatures, roots and powers, and near misses."""

import jax
import jax.numpy as jnp
import pytest

import verify
from verify.algebras.field import Mode
from verify.interpretation.proof import Agreement, Difference, prove
from verify.programs import trace

x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
softmax, log_softmax = jax.nn.softmax, jax.nn.log_softmax


def above_zero(x, y, t):
    return (x > 0) & (y > 0)


def normalised(p):
    return p / p.sum(-1, keepdims=True)


F = jnp.float32
POWERS = jnp.array([1.0, 2.0, -1.0])
INPUTS = [x, x, jax.ShapeDtypeStruct((), F)]
EQUAL = {
    "a temperature": (
        lambda x, y, t: softmax(log_softmax(x) / t),
        lambda x, y, t: softmax(x / t),
    ),
    "of probabilities": (
        lambda x, y, t: normalised(softmax(x) ** t),
        lambda x, y, t: softmax(t * x),
    ),
    "guidance": (
        lambda x, y, t: softmax((1 + t) * log_softmax(x) - t * log_softmax(y)),
        lambda x, y, t: softmax((1 + t) * x - t * y),
    ),
    "a geometric mean": (
        lambda x, y, t: jnp.exp(log_softmax(x).mean(-1)),
        lambda x, y, t: jnp.exp(x.mean(-1) - jax.nn.logsumexp(x, -1)),
    ),
    "a matrix of weights": (
        lambda x, y, t: softmax(y @ log_softmax(x, 0).T @ x),
        lambda x, y, t: softmax(y @ (x - jax.nn.logsumexp(x, 0)).T @ x),
    ),
    "the root of an exponential": (
        lambda x, y, t: jnp.sqrt(jnp.exp(x)) * y,
        lambda x, y, t: y * jnp.exp(x / 2),
    ),
    "the root of a product of exponentials": (
        lambda x, y, t: jnp.sqrt(jnp.exp(x) * jnp.exp(y)),
        lambda x, y, t: jnp.exp((x + y) / 2),
    ),
    "the logarithm of a product of exponentials": (
        lambda x, y, t: jnp.log(jnp.exp(x) * jnp.exp(y)),
        lambda x, y, t: x + y,
    ),
    "a divergence": (
        lambda x, y, t: (jnp.exp(log_softmax(x)) * (log_softmax(x) - log_softmax(y))).sum(-1),
        lambda x, y, t: (softmax(x) * jnp.log(softmax(x) / softmax(y))).sum(-1),
    ),
    "a probability beside its logarithm": (
        lambda x, y, t: jnp.exp(log_softmax(log_softmax(x))) * log_softmax(y),
        lambda x, y, t: softmax(x) * jnp.log(softmax(y)),
    ),
    "a sigmoid beside its logarithm": (
        lambda x, y, t: jnp.exp(jax.nn.log_sigmoid(x)) * jax.nn.log_sigmoid(x),
        lambda x, y, t: jax.nn.sigmoid(x) * jnp.log(jax.nn.sigmoid(x)),
    ),
    "powers beside a logarithm": (
        lambda x, y, t: jnp.exp(log_softmax(x) @ POWERS) * log_softmax(y)[:, 0],
        lambda x, y, t: (
            softmax(x)[:, 0] * softmax(x)[:, 1] ** 2 / softmax(x)[:, 2] * log_softmax(y)[:, 0]
        ),
    ),
    "powers from the left": (
        lambda x, y, t: jnp.exp(POWERS[:2] @ log_softmax(x)) * log_softmax(y)[0],
        lambda x, y, t: softmax(x)[0] * softmax(x)[1] ** 2 * log_softmax(y)[0],
    ),
}
EQUAL_ABOVE_ZERO = {
    "a density": (
        lambda x, y, t: jnp.exp(-0.5 * jnp.log(x) - y * y / x),
        lambda x, y, t: jnp.exp(-y * y / x) / jnp.sqrt(x),
    ),
    "half of a sum": (
        lambda x, y, t: jnp.exp((jnp.log(x) + 3 * jnp.log(y) + t) / 2),
        lambda x, y, t: jnp.exp(t / 2) * jnp.sqrt(x * y) * y,
    ),
    "twice a half": (
        lambda x, y, t: jnp.exp(2 * (jnp.log(x) / 2) + t),
        lambda x, y, t: x * jnp.exp(t),
    ),
}
DIFFERENT = {
    "another temperature": (
        lambda x, y, t: softmax(log_softmax(x) / t),
        lambda x, y, t: softmax(x * t),
    ),
    "a factor without a logarithm": (
        lambda x, y, t: jnp.exp(0.3 * log_softmax(x)),
        lambda x, y, t: jnp.exp(0.3 * x),
    ),
    "another axis": (
        lambda x, y, t: softmax(t * log_softmax(x, 0)),
        lambda x, y, t: softmax(t * x),
    ),
    "guidance by the other": (
        lambda x, y, t: softmax((1 + t) * log_softmax(x) - t * log_softmax(y)),
        lambda x, y, t: softmax((1 + t) * y - t * x),
    ),
    "the root of a sum of exponentials": (
        lambda x, y, t: jnp.sqrt(jnp.exp(x) + jnp.exp(y)),
        lambda x, y, t: jnp.exp(x / 2) + jnp.exp(y / 2),
    ),
    "half of twice a logarithm": (
        lambda x, y, t: jnp.exp(jnp.log(x * x) / 2),
        lambda x, y, t: x,
    ),
}
DIFFERENT_BESIDE = {
    "the other divergence": (
        lambda x, y, t: (jnp.exp(log_softmax(x)) * (log_softmax(x) - log_softmax(y))).sum(-1),
        lambda x, y, t: (softmax(y) * jnp.log(softmax(y) / softmax(x))).sum(-1),
    ),
    "another probability beside a logarithm": (
        lambda x, y, t: jnp.exp(log_softmax(x)) * log_softmax(y),
        lambda x, y, t: softmax(x, 0) * jnp.log(softmax(y)),
    ),
    "another power beside a logarithm": (
        lambda x, y, t: jnp.exp(log_softmax(x) @ POWERS) * log_softmax(y)[:, 0],
        lambda x, y, t: (
            softmax(x)[:, 0] * softmax(x)[:, 1] / softmax(x)[:, 2] * log_softmax(y)[:, 0]
        ),
    ),
}
DIFFERENT |= DIFFERENT_BESIDE
DIFFERENT_ABOVE_ZERO = {
    "a density with the variance": (
        lambda x, y, t: jnp.exp(-0.5 * jnp.log(x) - y * y / x),
        lambda x, y, t: jnp.exp(-y * y / x) / x,
    ),
    "half of three": (
        lambda x, y, t: jnp.exp(1.5 * jnp.log(x)),
        lambda x, y, t: jnp.sqrt(x) * x * x,
    ),
    "a half that is forgotten": (
        lambda x, y, t: jnp.exp((jnp.log(x) + jnp.log(y)) / 2 + t),
        lambda x, y, t: jnp.exp(t / 2) * jnp.sqrt(x * y),
    ),
}


def asked(name, anywhere, if_positive):
    """Of a pair that counts everywhere, or where x and y are positive."""
    pair, domain = (anywhere[name], None) if name in anywhere else (if_positive[name], above_zero)
    return verify.equivalent(*pair, *INPUTS, assuming=domain)


@pytest.mark.parametrize("name", [*EQUAL, *EQUAL_ABOVE_ZERO])
def test_equal(name):
    assert asked(name, EQUAL, EQUAL_ABOVE_ZERO).status == "proved"


@pytest.mark.parametrize("name", [*DIFFERENT, *DIFFERENT_ABOVE_ZERO])
def test_near_misses(name):
    assert asked(name, DIFFERENT, DIFFERENT_ABOVE_ZERO).status == "refuted"


@pytest.mark.parametrize("moved", [jnp.sum, lambda y: y[::-1], lambda y: y @ jnp.eye(3)])
def test_sums_of_logarithms_beside_sines_are_unknown_functions(moved):
    """Where sines obey their laws logarithms have none, and nothing is known of their sums."""

    def f(x):
        turned = jnp.sin(x) ** 2 + jnp.cos(x) ** 2
        return jnp.exp(moved(jnp.log(x * x + 1) + jnp.log(x * x + 2))) * turned

    def g(x):
        return jnp.exp(moved(jnp.log(x * x + 2) + jnp.log(x * x + 1))) * jnp.ones(3)

    x = jax.ShapeDtypeStruct((3,), jnp.float32)
    found = prove(trace(f, x), trace(g, x), Mode(scaling=True, circle=True), seed=0)
    assert isinstance(found, Agreement)
    apart = trace(lambda x: 2 * g(x), x)
    assert isinstance(
        prove(trace(f, x), apart, Mode(scaling=True, circle=True), seed=0), Difference
    )
