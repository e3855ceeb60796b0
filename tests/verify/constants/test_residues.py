"""Tables of sines whose zeros are 6e-17 in NumPy (`verify/constants/numbers.py`): read as 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify

V = jax.ShapeDtypeStruct((4,), jnp.float32)
TURNS = np.exp(-2j * np.pi * np.outer(np.arange(4), np.arange(4)) / 4).astype(np.complex64)
SINES = np.sin(np.pi * np.arange(4) / 2).astype(np.float32)

EQUAL = {
    "a shift": (
        lambda x: jnp.fft.fft(jnp.roll(x, 1)),
        lambda x: jnp.fft.fft(x) * TURNS[1],
    ),
    "the matrix of a transform": (lambda x: jnp.fft.fft(x), lambda x: TURNS @ x),
    "a quadrature": (lambda x: SINES @ x, lambda x: x[1] - x[3]),
}

DIFFERENT = {
    "a shift the other way": (
        lambda x: jnp.fft.fft(jnp.roll(x, -1)),
        lambda x: jnp.fft.fft(x) * TURNS[1],
    ),
    "one element off": (
        lambda x: jnp.fft.fft(x),
        lambda x: (TURNS + np.eye(4, dtype=np.complex64) * np.float32(1e-5)) @ x,
    ),
    "a small number that somebody wrote": (
        lambda x: jnp.asarray([1, 1e-15, 0, 0], jnp.float32) @ x,
        lambda x: x[0],
    ),
    "a small number that stands for itself": (
        lambda x: jnp.asarray([1, 2.0**-60, 0, 0], jnp.float32) @ x,
        lambda x: x[0],
    ),
    "two small numbers that are no sines": (
        lambda x: jnp.asarray([1, np.exp(-36.0), 0, 0], jnp.float32) @ x,
        lambda x: jnp.asarray([1, np.exp(-35.5), 0, 0], jnp.float32) @ x,
    ),
    "a small number by itself": (
        lambda x: jnp.float32(6.1232340e-17) * x,
        lambda x: 0 * x,
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_proved_as_zeros(name):
    verdict = verify.equivalent(*EQUAL[name], V)
    assert verdict
    assert any(sentence.endswith(" is 0") for sentence in verdict.assumptions)


@pytest.mark.parametrize("name", EQUAL)
def test_not_where_constants_are_exact(name):
    assert not verify.equivalent(*EQUAL[name], V, constants="exact")


@pytest.mark.parametrize("name", DIFFERENT)
def test_refuted(name):
    assert verify.equivalent(*DIFFERENT[name], V).status == "refuted"
