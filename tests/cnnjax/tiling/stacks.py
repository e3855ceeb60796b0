"""Stacks of layers for the tests of `tiled`: one table, used for values, proofs and gradients.

A stack is a function of parameters and image, with the shapes of its parameters. Sizes are such
that no tile divides the result, and that borders, strides and windows meet in different ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax import (
    avg_pool,
    batch_norm,
    conv,
    conv_transpose,
    dense,
    elu,
    layer_norm,
    leaky_relu,
    max_pool,
    pad,
    relu,
    silu,
    softmax,
    softplus,
)

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Stack:
    """`exact`: integers in, integers out (float32 holds all sums exactly)."""

    name: str
    apply: Callable[[Any, Any], Any]
    shapes: Mapping[str, Shape]
    image: Shape = (2, 19, 17, 2)
    exact: bool = True


def notes(p, x):
    x = max_pool(relu(conv(x, p["k1"], p["b1"])), 2)
    return max_pool(relu(conv(x, p["k2"], p["b2"])), 2)


def strided(p, x):
    x = relu(conv(x, p["k1"], stride=2))
    return conv(x, p["k2"], padding="SAME_LOWER", stride=(1, 2))


def dilated_grouped(p, x):
    x = relu(conv(x, p["k1"], groups=2, dilation=2, padding=((0, 3), (4, 1))))
    return conv(x, p["k2"], padding="VALID", dilation=(1, 3))


def depthwise(p, x):
    return conv(relu(conv(x, p["k1"], groups=2, padding="SAME")), p["k2"])


def wide_padding(p, x):
    return conv(conv(x, p["k1"], p["b1"], padding=7), p["k2"], padding=5)


def pools(p, x):
    x = conv(x, p["k1"], p["b1"])
    x = max_pool(x, 3, stride=1, padding="SAME_LOWER")
    return max_pool(x, (3, 2), stride=2, padding=1)


def averages(p, x):
    x = avg_pool(conv(x, p["k1"]), 3, stride=2, padding=1, count_padding=False)
    return avg_pool(x, 4, stride=1, padding=(2, 1), count_padding=True)


def activations(p, x):
    return conv(silu(elu(leaky_relu(conv(x, p["k1"])))), p["k2"])


def custom_rules(p, x):
    return max_pool(softplus(conv(x, p["k1"])), 2)


def norms(p, x):
    affine = {"scale": p["b1"], "bias": p["b1"]}
    state = {"mean": p["b1"], "var": p["v1"] * p["v1"]}
    x = batch_norm(conv(x, p["k1"]), affine, state, training=False)[0]
    return conv(relu(layer_norm(x, affine)), p["k2"])


def attention(p, x):
    return softmax(conv(x, p["k1"])) * conv(x, p["k1"])


def residual(p, x):
    x = relu(conv(x, p["k1"]))
    y = conv(relu(conv(x, p["k2"], stride=2)), p["k2"])
    return relu(y + conv(x, p["k2"][:1, :1], stride=2))


def concatenated(p, x):
    return jnp.concatenate([conv(x, p["k1"], stride=2), max_pool(x, 2, padding="SAME")], -1)


def upsampled(p, x):
    """One level of a U-Net: down, up by repetition, joined with the skip connection."""
    x = relu(conv(x, p["k1"]))
    small = conv(max_pool(x, 2, padding="SAME"), p["k2"])
    large = jnp.repeat(jnp.repeat(small, 2, -3), 2, -2)[..., : x.shape[-3], : x.shape[-2], :]
    return jnp.concatenate([x, large], -1)


def transposed(p, x):
    x = conv_transpose(x, p["k1"], stride=2, padding="SAME")
    return conv(relu(conv_transpose(x, p["k2"], stride=3, padding=1)), p["k3"])


def depth_to_space(p, x):
    x = conv(x, p["k1"])
    *batch, height, width, _ = x.shape
    x = jnp.moveaxis(x.reshape(*batch, height, width, 2, 2, 1), -3, -4)
    return conv(x.reshape(*batch, 2 * height, 2 * width, 1), p["k2"])


def reflected(p, x):
    """Padded by reflection at every layer, the second time in between strides."""
    x = relu(conv(x, p["k1"], p["b1"], padding_mode="reflect"))
    x = pad(x, ((3, 1), (0, 2)), mode="reflect")
    return conv(x, p["k2"], stride=(2, 1), padding=2, padding_mode="reflect")


def replicated(p, x):
    x = conv(x, p["k1"], padding=((2, 1), (1, 3)), padding_mode="replicate")
    return max_pool(relu(x), 2)


def symmetric(p, x):
    """NumPy's mode, by JAX."""
    return conv(jnp.pad(x, ((0, 0), (2, 2), (3, 1), (0, 0)), mode="symmetric"), p["k1"])


def resized(method, p, x, **options):
    """By fractions, with JAX's own resizing."""
    x = relu(conv(x, p["k1"]))
    return jax.image.resize(x, (*x.shape[:-3], 8, 7, x.shape[-1]), method, **options)


def rows(p, x):
    """Resized by the nearest pixel, whose numbers are known."""
    for count in (5, 11):
        x = conv(x, p["k1"])
        numbers = np.floor((np.arange(count) + 0.5) * x.shape[-3] / count).astype(int)
        x = relu(jnp.take(x, numbers, axis=-2, mode="clip")[..., numbers % x.shape[-3], :, :])
    return x


def position(p, x):
    """The image with its own coordinates: values that depend on the place."""
    rows = jnp.arange(x.shape[-3], dtype=x.dtype)[:, None, None]
    return conv(x + rows, p["k1"]) * (rows % 3)


def sliced(p, x):
    return conv(x[..., ::-1, 1:-1, :], p["k1"])[..., 1::2, ::3, :]


def per_pixel(p, x):
    return jnp.swapaxes(dense(x, p["w"], p["b1"]), -3, -2) ** 2


def reshaped_pool(p, x):
    x = conv(x, p["k1"])[..., :18, :16, :]
    *batch, height, width, channels = x.shape
    return x.reshape(*batch, height // 2, 2, width // 2, 2, channels).max((-4, -2))


K1, B1, K2 = (3, 3, 2, 4), (4,), (3, 3, 4, 2)

STACKS = [
    Stack("notes", notes, {"k1": (5, 5, 2, 4), "b1": B1, "k2": (5, 5, 4, 2), "b2": (2,)}),
    Stack("strided", strided, {"k1": (2, 2, 2, 4), "k2": (4, 3, 4, 2)}),
    Stack("dilated, grouped", dilated_grouped, {"k1": (3, 2, 1, 4), "k2": (2, 2, 4, 2)}),
    Stack("depthwise", depthwise, {"k1": (3, 3, 1, 2), "k2": (1, 1, 2, 3)}),
    Stack("wide padding", wide_padding, {"k1": K1, "b1": B1, "k2": K2}, (1, 5, 4, 2)),
    Stack("pools", pools, {"k1": K1, "b1": B1}),
    Stack("averages", averages, {"k1": K1}, exact=False),
    Stack("activations", activations, {"k1": K1, "k2": K2}, (1, 8, 9, 2), exact=False),
    Stack("custom rules", custom_rules, {"k1": (3, 2, 1, 1)}, (9, 8, 1), exact=False),
    Stack("norms", norms, {"k1": K1, "b1": B1, "v1": B1, "k2": K2}, (1, 10, 11, 2), exact=False),
    Stack("softmax", attention, {"k1": K1}, (1, 7, 8, 2), exact=False),
    Stack("residual", residual, {"k1": K1, "k2": (3, 3, 4, 4)}),
    Stack("concatenated", concatenated, {"k1": K1}),
    Stack("upsampled", upsampled, {"k1": K1, "k2": (3, 3, 4, 4)}),
    Stack(
        "transposed",
        transposed,
        {"k1": (3, 3, 4, 2), "k2": (4, 3, 3, 4), "k3": (2, 2, 3, 1)},
        (1, 4, 3, 2),
    ),
    Stack("depth to space", depth_to_space, {"k1": K1, "k2": (3, 3, 1, 2)}, (1, 9, 8, 2)),
    Stack("reflected", reflected, {"k1": K1, "b1": B1, "k2": K2}, (1, 9, 8, 2)),
    Stack("replicated", replicated, {"k1": K1}, (1, 9, 8, 2)),
    Stack("symmetric", symmetric, {"k1": K1}, (1, 7, 8, 2)),
    Stack("resized, by rows", rows, {"k1": (3, 3, 2, 2)}, (8, 12, 2)),
    Stack("resized, linear", partial(resized, "linear"), {"k1": (3, 3, 1, 1)}, (5, 5, 1), False),
    Stack(
        "resized, cubic",
        partial(resized, "cubic", antialias=False),
        {"k1": (3, 3, 1, 1)},
        (5, 5, 1),
        exact=False,
    ),
    Stack("position", position, {"k1": K1}),
    Stack("sliced", sliced, {"k1": K1}),
    Stack("per pixel", per_pixel, {"w": (2, 4), "b1": B1}),
    Stack("reshaped pool", reshaped_pool, {"k1": K1}),
]

IDS = [stack.name for stack in STACKS]


def integers(shapes: Any, dtype: Any = np.float32, seed: int = 0) -> Any:
    """Small integers in these shapes."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda shape: jnp.asarray(rng.integers(-2, 3, shape), dtype),
        shapes,
        is_leaf=lambda x: isinstance(x, tuple),
    )


def abstract(shapes: Any, dtype: Any = np.float32) -> Any:
    """Nothing but shapes: what a proof needs."""
    return jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, dtype),
        shapes,
        is_leaf=lambda x: isinstance(x, tuple),
    )
