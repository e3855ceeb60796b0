"""What the tracer makes of constants is not always what a call computes: then nothing is proved."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.checks import called
from verify.programs import trace

X = jax.ShapeDtypeStruct((), jnp.float32)


def constant(number, dtype):
    """A scalar that depends on no input, converted while the function is traced."""
    return jnp.asarray(number).astype(dtype)


# A function, and what is made of it when it is traced.
FOLDED = {
    "a negative number without a sign": (
        lambda x: x * constant(-2.0, jnp.uint8),
        lambda x: x * 254.0,
    ),
    "a large number in few bits": (
        lambda x: x * 0 + jnp.float32(300).astype(jnp.int8),
        lambda x: x * 0 + 44,
    ),
    "a choice": (
        lambda x: jnp.where(constant(-1.0, jnp.uint16) > 9, x, -x),
        lambda x: x,
    ),
    "an index": (
        lambda x: jnp.stack([x, 2 * x, 3 * x])[constant(257.0, jnp.uint8)],
        lambda x: 2 * x,
    ),
    "beside what verify has no numbers for": (
        lambda x: x * constant(-2.0, jnp.uint8) + 0 * jnp.linalg.eigh(jnp.ones((2, 2)) * x)[0][0],
        lambda x: x * 254.0 + 0 * jnp.linalg.eigh(jnp.ones((2, 2)) * x)[0][0],
    ),
}
EQUAL = {
    "what both hold": (lambda x: x * constant(2.7, jnp.uint8), lambda x: 2 * x),
    "whole numbers wrap in both": (lambda x: x * constant(-2, jnp.uint8), lambda x: x * 254),
    "an array": (lambda x: x * jnp.arange(3.0), lambda x: jnp.stack([0 * x, x, 2 * x])),
    "drawn numbers": (
        lambda x: x + jax.random.normal(jax.random.key(0), (3,)),
        lambda x: jax.random.normal(jax.random.key(0), (3,)) + x,
    ),
    "a rounded root": (lambda x: x * jnp.sqrt(jnp.float32(8)), lambda x: 2 * x * jnp.sqrt(2.0)),
    "in a loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, c: c + jnp.arange(2).sum(), x),
        lambda x: x + 3,
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_what_is_traced_otherwise_than_called_is_not_proved(name):
    f, g = FOLDED[name]
    assert not np.allclose(f(jnp.float32(1.5)), g(jnp.float32(1.5))), "they are equal when called"
    verdict = verify.equivalent(f, g, X, seed=0)
    assert verdict.status == "unknown", verdict
    assert "what <lambda> computes when it is called is not what JAX traces of it" in verdict.reason


@pytest.mark.parametrize("name", EQUAL)
def test_constants_that_are_what_they_seem_are_in_nobodys_way(name):
    verdict = verify.equivalent(*EQUAL[name], X, seed=0)
    assert verdict, verdict


def test_nobody_is_called_and_nothing_endless_or_large_is_evaluated():
    said = []

    def speaks(x):
        jax.debug.callback(said.append, jnp.ones(2))
        return x

    def endless(x):
        return x + 0 * lax.while_loop(lambda i: i >= 0, lambda i: i, jnp.asarray(0))

    def large(x):
        return x + 0 * jnp.zeros((10**5, 10**5)).sum()

    for f in (speaks, endless, large):
        assert called.otherwise(f, trace(f, 1.0), (1.0,)) == ""
    assert not said


def test_a_function_that_cannot_be_evaluated_early_has_been_traced():
    def f(x):
        if isinstance(jnp.ones(2), jax.core.Tracer):
            return x
        raise RuntimeError("evaluated")

    assert verify.equivalent(f, lambda x: x, X, seed=0)
