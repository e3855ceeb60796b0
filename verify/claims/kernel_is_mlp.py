"""A kernel is a one-layer MLP on patches: convolution, bias and ReLU against the MLP."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from cnnjax import conv
from verify.claims.claim import Claim, Size, Variant
from verify.claims.patches import (
    How,
    layer,
    mlp,
    mlp_on_patches,
    patches,
    patches_one_by_one,
    sum_of_patch_gradients,
)
from verify.claims.programs import equal, equal_gradients, f32, gradients, source


class Way(How, total=False):
    groups: int


# How a layer may slide its kernel; the note's own is the first.
WAYS: dict[str, Way] = {
    "same": {"padding": "SAME"},
    "valid": {"padding": "VALID"},
    "stride": {"padding": "SAME", "stride": 2},
    "dilation": {"padding": "SAME", "dilation": 2},
    "groups": {"padding": "SAME", "groups": 2},
    "all-at-once": {"padding": "VALID", "stride": 2, "dilation": 2, "groups": 2},
}

X, BIAS = f32(7, 6, 4), f32(4)  # a small image: 4 channels, 4 kernels of 3x3
NOTE = (f32(100, 100, 3), f32(5, 5, 3, 32), f32(32))


def _of_way(name: str, how: Way, examples: tuple[object, ...], size: Size) -> Iterator[Variant]:
    """Values, gradient in the image and gradient in the kernel, for one way to slide."""

    def left(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return layer(x, kernel, bias, **how)

    def right(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return mlp_on_patches(x, kernel, bias, **how)

    def kernel_gradient(
        x: jax.Array, kernel: jax.Array, bias: jax.Array, dy: jax.Array
    ) -> jax.Array:
        return gradients(left)(x, kernel, bias, dy)[1]

    def summed(x: jax.Array, kernel: jax.Array, bias: jax.Array, dy: jax.Array) -> jax.Array:
        return sum_of_patch_gradients(x, kernel, bias, dy, **how)

    with_ = ", ".join(f"{key} {value}" for key, value in how.items())
    yield equal(
        f"{name}-values",
        f"Convolution, bias and ReLU give what the MLP gives on each patch ({with_}).",
        left,
        right,
        *examples,
        size=size,
    )
    yield equal_gradients(
        f"{name}-image-gradient",
        f"Both have the same gradient in the image ({with_}).",
        left,
        right,
        *examples,
        size=size,
        of=(0,),
    )
    yield equal(
        f"{name}-kernel-gradient",
        f"The kernel's gradient is the sum of the MLP's gradients over all patches ({with_}).",
        kernel_gradient,
        summed,
        *examples,
        size=size,
        backward_of=left,
    )


def _variants() -> Iterator[Variant]:
    for name, how in WAYS.items():
        kernel = f32(3, 3, 4 // how.get("groups", 1), 4)
        yield from _of_way(name, how, (X, kernel, BIAS), "small")
    yield equal(
        "patches-are-slices",
        "The patches, cut tap by tap for speed, are the slices at each output position.",
        lambda x: patches(x, (3, 2), stride=2, dilation=2),
        lambda x: patches_one_by_one(x, (3, 2), stride=2, dilation=2),
        X,
    )

    def same_layer(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return layer(x, kernel, bias)

    def with_maximum(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return jnp.maximum(conv(x, kernel, bias), 0)

    def flipped(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return mlp_on_patches(x, kernel[::-1, ::-1], bias)

    examples = (X, f32(3, 3, 4, 4), BIAS)
    yield equal(
        "flipped-kernel",
        "With the kernel flipped, as a mathematician convolves, it is another MLP.",
        same_layer,
        flipped,
        *examples,
        expected="refuted",
    )
    yield equal(
        "relu-as-maximum-values",
        "ReLU written as maximum(x, 0) has the same values.",
        same_layer,
        with_maximum,
        *examples,
    )
    yield equal_gradients(
        "relu-as-maximum-gradients",
        "Its gradients differ where a response is exactly 0: ReLU passes nothing on there, "
        "maximum(x, 0) one half.",
        same_layer,
        with_maximum,
        *examples,
        expected="refuted",
    )
    yield from _of_way("note", WAYS["same"], NOTE, "full")


CLAIM = Claim(
    id="kernel-is-mlp",
    korean="커널은 1층짜리 MLP와 완전히 동일하다.",
    english="A kernel is exactly the same thing as a one-layer MLP.",
    statement=source(layer, mlp, mlp_on_patches, patches, sum_of_patch_gradients),
    conclusion=(
        "True, if one adds: on each patch, with the same weights everywhere. Convolution, bias and "
        "ReLU are a fully connected layer applied to every patch of the zero-padded image; the "
        "gradient in the image is the same, and the gradient in the kernel is the sum of what the "
        "patches ask for. It holds for every stride, dilation, grouping and padding here. (The "
        "kernel is not flipped, and the gradient of ReLU at exactly 0 is 0.)"
    ),
    variants=tuple(_variants()),
)
