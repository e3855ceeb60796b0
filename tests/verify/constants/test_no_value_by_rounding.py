"""A function's argument that leaves its domain only as a literal was rounded is no difference."""

import jax
import jax.numpy as jnp
import pytest

import verify

S = jax.ShapeDtypeStruct((), jnp.float32)
X = jax.ShapeDtypeStruct((6,), jnp.float32)


def fast_norm(x, eps=1e-6):
    mean = x.sum() * (1 / 6)
    return (x - mean) * jax.lax.rsqrt((x * x).sum() * (1 / 6) - mean * mean + eps)


def plain_norm(x, eps=1e-6):
    return (x - x.mean()) / jnp.sqrt(x.var() + eps)


SAME = {
    "a root of nearly one": (lambda x: jnp.sqrt(x - 3 * (x * (1 / 3)) + 1), jnp.ones_like, S),
    "a logarithm of nearly one": (lambda x: jnp.log(0.1 * x - x / 10 + 1), jnp.zeros_like, S),
    "a norm": (fast_norm, plain_norm, X),
    "a deviation": (
        lambda x: jnp.sqrt((x * x).sum() * (1 / 6) - (x.sum() * (1 / 6)) ** 2),
        lambda x: x.std(),
        X,
    ),
}
APART = {
    "another literal": (lambda x: jnp.sqrt(x - 0.1), lambda x: jnp.sqrt(x - 0.2), S),
    "a number below zero": (lambda x: jnp.sqrt(0.1 * x - x / 10 - 1), jnp.ones_like, S),
    "a domain": (lambda x: jnp.sqrt(0.1 - x) * 0 + 1, jnp.ones_like, S),
    "a pole": (lambda x: jnp.log(x * 0.3) * 0, lambda x: x * 0, S),
    "a norm of another scale": (fast_norm, lambda x: plain_norm(1.001 * x), X),
    "a variance less something": (
        lambda x: jnp.sqrt(x * x * 0.3 - x * x / 4 - 0.2) * 0,
        lambda x: x * 0,
        S,
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_but_for_what_the_literal_is(name):
    assert verify.equivalent(*SAME[name], seconds=40)


@pytest.mark.parametrize("name", APART)
def test_what_has_no_value_whatever_the_literal_is(name):
    assert verify.equivalent(*APART[name], seconds=40).status == "refuted"
