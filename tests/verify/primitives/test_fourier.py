"""Fourier transforms mean what JAX means."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.primitives.fourier import transform_lengths
from verify.programs import trace

rng = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


CASES = {
    **{f"fft {n}": (jnp.fft.fft, numbers(2, n)) for n in (1, 2, 3, 4, 8, 10)},
    **{f"ifft {n}": (jnp.fft.ifft, numbers(2, n)) for n in (1, 5, 6)},
    **{f"rfft {n}": (jnp.fft.rfft, numbers(2, n).real) for n in (1, 2, 5, 6)},
    **{
        f"irfft {n}": (lambda z, n=n: jnp.fft.irfft(z, n=n), numbers(2, n // 2 + 1))
        for n in (1, 2, 5, 6)
    },
    "fft of real numbers": (jnp.fft.fft, numbers(6).real),
    "fft2": (jnp.fft.fft2, numbers(2, 3, 4)),
    "ifftn": (jnp.fft.ifftn, numbers(2, 3, 4)),
    "rfft2": (jnp.fft.rfft2, numbers(2, 3, 4).real),
    "rfftn": (jnp.fft.rfftn, numbers(2, 3, 5).real),
    "irfft2": (jnp.fft.irfft2, numbers(2, 3, 4)),
    "irfft2 of odd length": (lambda z: jnp.fft.irfft2(z, s=(3, 5)), numbers(3, 3)),
    "irfftn": (jnp.fft.irfftn, numbers(2, 3, 4)),
    "another axis": (lambda z: jnp.fft.fft(z, axis=0), numbers(3, 4)),
    "padded": (lambda z: jnp.fft.fft(z, n=8), numbers(5)),
    "shifted": (lambda z: jnp.fft.fftshift(jnp.fft.fft(z)), numbers(6)),
    "Hermitian": (lambda z: jnp.fft.hfft(z, n=6), numbers(4)),
    "convolution": (
        lambda x, y: jnp.fft.irfft(jnp.fft.rfft(x) * jnp.fft.rfft(y), n=6),
        numbers(6).real,
        numbers(6).real,
    ),
    "gradient of rfft": (
        lambda x: jax.grad(lambda x: (jnp.abs(jnp.fft.rfft(x)) ** 2)[2])(x),
        numbers(6).real,
    ),
    "gradient of irfft": (
        lambda x: jax.grad(lambda x: jnp.fft.irfft(x + 1j * x[::-1], n=6)[1])(x),
        numbers(4).real,
    ),
    "nothing": (lambda z: lax.fft(z, lax.FftType.FFT, (4,)), numbers(0, 4)),
}


@pytest.mark.parametrize("name", CASES)
def test_transform_means_what_jax_means(name: str) -> None:
    check_rule(*CASES[name], rtol=1e-12)


def test_lengths_are_found_inside_loops() -> None:
    def f(z):
        return lax.scan(lambda c, _: (jnp.fft.fft2(c), None), z, length=2)[0] + jnp.fft.ifft(z)

    assert transform_lengths(trace(f, numbers(6, 10))) == [6, 10]
