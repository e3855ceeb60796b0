"""Gradients that are long sums, in narrow floats: they are summed in float32.

In bfloat16 a sum of ones stops at 256, because 256 + 1 rounds to 256.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest

import cnnjax
from cnnjax.lowerings import CONV

NARROW = [jnp.bfloat16, jnp.float16]
MANY = 8 * 30 * 30  # outputs that read a bias


def gradient(f: Any, params: Any) -> Any:
    return jax.jit(jax.grad(lambda params: f(params).astype(jnp.float32).sum()))(params)


def close(found: Any, expected: float, dtype: Any) -> bool:
    error = jnp.abs(found.astype(jnp.float32) - expected)
    return bool((error <= 4 * float(jnp.finfo(dtype).eps) * expected).all())


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("lowering", [None, *(name for name in CONV if name != "winograd")])
def test_of_a_convolution(dtype: Any, lowering: str | None) -> None:
    window = 1 if lowering == "pointwise" else 3
    groups = 2 if lowering == "shifted" else 1
    x = jnp.ones((8, 30, 30, 2), dtype)
    kernel = jnp.ones((window, window, 2 // groups, 4), dtype)

    def layer(params: Any) -> jax.Array:
        return cnnjax.conv(x, *params, padding="SAME", groups=groups, lowering=lowering)

    of_kernel, of_bias = gradient(layer, (kernel, jnp.zeros(4, dtype)))
    middle = of_kernel[window // 2, window // 2]
    assert close(of_bias, MANY, dtype)
    assert close(middle, MANY, dtype)


@pytest.mark.parametrize("dtype", NARROW)
def test_of_the_other_layers_with_a_bias(dtype: Any) -> None:
    def dense(bias: jax.Array) -> jax.Array:
        return cnnjax.dense(jnp.ones((MANY, 3), dtype), jnp.ones((3, 4), dtype), bias)

    def transposed(bias: jax.Array) -> jax.Array:
        x, kernel = jnp.ones((8, 15, 15, 2), dtype), jnp.ones((2, 2, 4, 2), dtype)
        return cnnjax.conv_transpose(x, kernel, bias, stride=2, padding="VALID")

    def normalised(bias: jax.Array) -> jax.Array:
        x = jnp.ones((8, 30, 30, 4), dtype)
        return cnnjax.layer_norm(x, {"scale": jnp.ones(4, dtype), "bias": bias})

    for layer in (dense, transposed, normalised):
        assert close(gradient(layer, jnp.zeros(4, dtype)), MANY, dtype), layer
