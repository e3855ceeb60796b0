"""The three convolutional layers of the note, shared by the two experiments about Case A."""

from __future__ import annotations

from typing import Any

import jax

from cnnjax import conv, max_pool, models, relu

LAYERS = ("conv1", "conv2", "conv3")


def stack(params: Any, x: jax.Array) -> jax.Array:
    """Three times convolution 5x5, ReLU, max-pooling: (H, W, 3) -> (H // 8, W // 8, 128)."""
    for name in LAYERS:
        x = max_pool(relu(conv(x, params[name]["kernel"], params[name]["bias"])), 2)
    return x


def parameters(seed: int = 0) -> Any:
    """Random 5x5 kernels, 32, 64 and 128 of them, and biases that are not zero."""
    key = jax.random.key(seed)
    params = models.notes_cnn(10).init(key)
    keys = jax.random.split(key, len(LAYERS))
    return {
        name: {
            "kernel": params[name]["kernel"],
            "bias": 0.1 * jax.random.normal(k, params[name]["bias"].shape),
        }
        for name, k in zip(LAYERS, keys, strict=True)
    }
