"""A kernel as a multilayer perceptron (MLP) of one layer, applied to patches of the image.

    layer(x, kernel, bias)[i, j] = relu(W . patch[i, j] + b)

with patch[i, j] the window of the zero-padded image that output (i, j) reads, flattened, W the
kernel flattened alike, and one output a kernel. Patches are cut by padding and slicing, so that no
convolution hides on the side that is compared with one.
"""

from __future__ import annotations

from typing import TypedDict, Unpack

import jax
import jax.numpy as jnp

from cnnjax import conv, geometry, relu
from cnnjax.geometry import Padding


class How(TypedDict, total=False):
    """How a layer slides its kernel."""

    stride: int
    padding: Padding
    dilation: int


def layer(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, *, groups: int = 1, **how: Unpack[How]
) -> jax.Array:
    """The layer of the note: convolution, bias, ReLU."""
    return relu(conv(x, kernel, bias, groups=groups, **how))


def mlp(patch: jax.Array, weights: jax.Array, bias: jax.Array) -> jax.Array:
    """One fully connected layer with ReLU: (inputs,), (inputs, outputs), (outputs,)."""
    return relu(patch @ weights + bias)


def mlp_on_patches(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, *, groups: int = 1, **how: Unpack[How]
) -> jax.Array:
    """The same MLP at every patch; with groups, one MLP for each share of the channels."""
    cut = patches(x, kernel.shape[:2], **how)  # (H', W', kh, kw, C)
    maps = []
    for part, k, b in zip(*_shares(cut, kernel, bias, groups=groups), strict=True):
        flat = part.reshape(*part.shape[:2], -1)
        weights = k.reshape(-1, k.shape[-1])
        everywhere = jax.vmap(jax.vmap(mlp, (0, None, None)), (0, None, None))
        maps.append(everywhere(flat, weights, b))
    return jnp.concatenate(maps, axis=-1)


def patches(
    x: jax.Array,
    window: tuple[int, ...],
    *,
    stride: int = 1,
    padding: Padding = "SAME",
    dilation: int = 1,
) -> jax.Array:
    """(H, W, C) -> (H', W', kh, kw, C): what each window covers, zero outside the image."""
    (top, bottom), (left, right) = geometry.pads(padding, x.shape[:2], window, stride, dilation)
    padded = jnp.pad(x, ((top, bottom), (left, right), (0, 0)))
    rows, columns = (
        (n - geometry.extent(k, dilation)) // stride + 1
        for n, k in zip(padded.shape[:2], window, strict=True)
    )

    def tap(p: int, q: int) -> jax.Array:
        """Element (p, q) of all patches at once: the padded image, shifted."""
        down, along = p * dilation, q * dilation
        return padded[
            down : down + (rows - 1) * stride + 1 : stride,
            along : along + (columns - 1) * stride + 1 : stride,
        ]

    taps = [[tap(p, q) for q in range(window[1])] for p in range(window[0])]
    return jnp.stack([jnp.stack(row, axis=2) for row in taps], axis=2)


def patches_one_by_one(
    x: jax.Array,
    window: tuple[int, ...],
    *,
    stride: int = 1,
    padding: Padding = "SAME",
    dilation: int = 1,
) -> jax.Array:
    """The same as `patches`, cut as one would with scissors: a slice for each output position."""
    pads = geometry.pads(padding, x.shape[:2], window, stride, dilation)
    padded = jnp.pad(x, (*pads, (0, 0)))
    tall, wide = (geometry.extent(k, dilation) for k in window)
    return jnp.stack(
        [
            jnp.stack(
                [
                    padded[i : i + tall : dilation, j : j + wide : dilation]
                    for j in range(0, padded.shape[1] - wide + 1, stride)
                ]
            )
            for i in range(0, padded.shape[0] - tall + 1, stride)
        ]
    )


def sum_of_patch_gradients(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array,
    dy: jax.Array,
    *,
    groups: int = 1,
    **how: Unpack[How],
) -> jax.Array:
    """The kernel's gradient, patch by patch: every patch asks for a change, the sum is made."""
    cut = patches(x, kernel.shape[:2], **how)
    found = []
    for part, k, b, d in zip(*_shares(cut, kernel, bias, dy, groups=groups), strict=True):
        weights = k.reshape(-1, k.shape[-1])

        def of_one_patch(
            patch: jax.Array,
            d: jax.Array,
            weights: jax.Array = weights,
            b: jax.Array = b,
        ) -> jax.Array:
            return jax.vjp(lambda w: mlp(patch, w, b), weights)[1](d)[0]

        flat = part.reshape(part.shape[0] * part.shape[1], -1)
        each = jax.vmap(of_one_patch)(flat, d.reshape(-1, d.shape[-1]))
        found.append(each.sum(axis=0).reshape(k.shape))
    return jnp.concatenate(found, axis=-1)


def _shares(cut: jax.Array, *outputs: jax.Array, groups: int) -> list[list[jax.Array]]:
    """Each group's channels of the patches, and its share of arrays with one entry a kernel."""
    return [jnp.split(a, groups, axis=-1) for a in (cut, *outputs)]
