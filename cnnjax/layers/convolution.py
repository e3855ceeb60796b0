"""Convolution in one, two or three dimensions, and its exact adjoint.

    y[i, o] = bias[o] + sum_{j, c} x[i stride - low + j dilation, c] kernel[j, c, o]

with x zero outside the image, or as `padding_mode` says: what the field calls convolution, a
cross-correlation. The kernel's rank says how many image axes there are. Layout: channels last,
(*batch, *image, C); kernels are (*window, C // groups, O). Group g reads input channels
g C/groups ... and writes output channels g O/groups ...; depthwise is ``groups == C``.
Source: `jax.lax.conv_general_dilated`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
from jax import lax

from cnnjax import geometry
from cnnjax.explicit import Split, over_mesh, splits
from cnnjax.geometry import Padding, Pads
from cnnjax.layers import _check
from cnnjax.layers.padding import check_mode, padded
from cnnjax.lowerings import CONV, CONV_TRANSPOSE, SPREAD, Geometry, by_platform, chosen, run

_LETTERS = {1: "W", 2: "HW", 3: "DHW"}


def conv(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    stride: int | Sequence[int] = 1,
    padding: Padding = "SAME",
    padding_mode: str = "zeros",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    lowering: str | None = None,
) -> jax.Array:
    """Convolve ``x`` (*batch, *image, C) with ``kernel`` (*window, C // groups, O).

    Returns (*batch, *image', O) in ``x``'s dtype; image' is what `geometry.output_size` says.
    ``bias`` is (O,). ``stride`` and ``dilation`` are an int or one an axis; ``padding`` is any
    form of `geometry.pads`, and ``padding_mode`` what is put there, one of `pad.MODES`: zeros, or
    "reflect", "replicate", "circular" of the image itself. ``precision`` goes to
    `lax.conv_general_dilated`: on GPUs and TPUs None lets float32 be multiplied in fewer bits.
    ``lowering`` names the way to compute it, one of `cnnjax.lowerings.CONV`; None picks one by
    platform and shape. They are the same function.

    Errors: TypeError where kernel or bias have another dtype than ``x`` (nothing is promoted),
    ValueError for shapes that do not fit each other, at the call.

    >>> import jax.numpy as jnp
    >>> conv(jnp.ones((8, 100, 100, 3)), jnp.ones((5, 5, 3, 32)), jnp.zeros(32)).shape
    (8, 100, 100, 32)
    >>> conv(jnp.ones((7, 1)), jnp.ones((3, 1, 2)), padding="VALID", stride=2).shape
    (3, 2)
    """
    x, kernel = _check.array("conv", "x", x), _check.array("conv", "kernel", kernel)
    _check.same_dtype("conv", "kernel", kernel, x)
    axes = _image_axes("conv", x, kernel, groups)
    expected = kernel.shape[-2] * groups
    if x.shape[-1] != expected:
        grouped = f", groups {groups}" if groups > 1 else ""
        raise ValueError(
            f"conv: kernel expects {expected} input channels (kernel {kernel.shape}{grouped}), "
            f"x has {x.shape[-1]} (x {x.shape})"
        )
    stride = geometry.per_axis(stride, axes, name="conv: stride")
    dilation = geometry.per_axis(dilation, axes, name="conv: dilation")
    batch, image = x.shape[: -axes - 1], x.shape[-axes - 1 : -1]
    window = kernel.shape[:axes]
    pads = geometry.pads(padding, image, window, stride, dilation, caller="conv")
    geometry.output_size(image, window, stride, dilation, pads, caller="conv")
    check_mode("conv", padding_mode, image, pads)
    inner: Pads | str = ((0, 0),) * axes
    outer = pads
    if padding_mode == "zeros":
        inner, outer = _split_pads(pads, padding, window, dilation)
    how = Geometry(stride, inner, dilation, groups, precision)
    if bias is not None:
        bias = _checked_bias("conv", bias, x, kernel.shape[-1])

    def compute(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
        way = chosen("conv", CONV, lowering, x, kernel, how)
        if bias is not None and way.with_bias is not None:
            return _batch_axes(way.with_bias(x, kernel, how, bias), batch)
        y = _batch_axes(way.run(x, kernel, how), batch)
        plain = "lax" if lowering == "lax" else None  # then all of it
        return y if bias is None else _add_bias(y, bias, plain)

    def everywhere(x: jax.Array, *others: jax.Array) -> jax.Array:
        x = _one_batch_axis(x, axes)
        x = padded(x, outer, padding_mode)
        if lowering is not None:
            return compute(x, *others)
        return by_platform(compute, x, *others, choices=[("conv", CONV, (x, others[0], how))])

    def split() -> Split:
        channels = splits(kernel)[-1]
        # The channels of one group each: as they are split in the image.
        return (*splits(x)[:-1], splits(x)[-1] if channels is None and groups > 1 else channels)

    given = (x, kernel) if bias is None else (x, kernel, bias)
    return over_mesh(everywhere, *given, out=split)


def conv_transpose(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    stride: int | Sequence[int],
    padding: Padding,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    size: Sequence[int] | None = None,
    precision: lax.PrecisionLike = None,
    lowering: str | None = None,
) -> jax.Array:
    """Apply the adjoint of `conv` with the same ``kernel``, stride, padding, dilation and groups.

    ``x`` (*batch, *image', O) and ``kernel`` (*window, C // groups, O), in the shape of the
    convolution it undoes, give (*batch, *image, C); ``bias`` is (C,). For every u and x

        sum(conv(u, kernel, ...) * x) == sum(u * conv_transpose(x, kernel, ..., size=u's image))

    ``size`` is the image size: with a stride, several sizes of ``u`` have the same output size.
    Where it is None, ``"SAME"`` and ``"SAME_LOWER"`` give ``stride`` times the size of ``x``
    (the largest possible, as in TensorFlow), every other padding gives the smallest possible,
    ``(n - 1) stride + extent - low - high`` (as in PyTorch without output_padding).
    ``lowering`` names the way to compute it, one of `cnnjax.lowerings.CONV_TRANSPOSE`; None picks
    one by platform and shape. They are the same function.

    Errors: as `conv`; ValueError where ``size`` is none that `conv` would turn into ``x``'s.

    >>> import jax.numpy as jnp
    >>> conv_transpose(jnp.ones((4, 4, 8)), jnp.ones((3, 3, 5, 8)), stride=2, padding="SAME").shape
    (8, 8, 5)
    >>> conv_transpose(jnp.ones((4, 8)), jnp.ones((3, 5, 8)), stride=2, padding=1, size=(8,)).shape
    (8, 5)
    """
    name = "conv_transpose"
    x, kernel = _check.array(name, "x", x), _check.array(name, "kernel", kernel)
    _check.same_dtype(name, "kernel", kernel, x)
    axes = _image_axes(name, x, kernel, groups)
    if x.shape[-1] != kernel.shape[-1]:
        raise ValueError(
            f"{name}: kernel (*window, C // groups, O) {kernel.shape} expects {kernel.shape[-1]} "
            f"input channels, x has {x.shape[-1]} (x {x.shape})"
        )
    stride = geometry.per_axis(stride, axes, name=f"{name}: stride")
    dilation = geometry.per_axis(dilation, axes, name=f"{name}: dilation")
    small, window = x.shape[-axes - 1 : -1], kernel.shape[:axes]
    if size is None:
        size = _default_size(small, window, stride, dilation, padding)
    size = geometry.per_axis(size, axes, name=f"{name}: size")
    pads = geometry.pads(padding, size, window, stride, dilation, caller=name)
    found = geometry.output_size(size, window, stride, dilation, pads, caller=name)
    if found != small:
        raise ValueError(
            f"{name}: conv turns an image of size {size} into {found}, but x has {small} "
            f"(window {window}, stride {stride}, dilation {dilation}, padding {padding!r})"
        )
    how = Geometry(stride, pads, dilation, groups, precision)
    if bias is not None:
        bias = _checked_bias(name, bias, x, kernel.shape[-2] * groups)

    def compute(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
        images = _one_batch_axis(x, axes)
        y = run("conv_transpose", CONV_TRANSPOSE, lowering, images, kernel, how, size)
        y = _batch_axes(y, x.shape[: -axes - 1])
        return y if bias is None else _add_bias(y, bias)

    given = (x, kernel) if bias is None else (x, kernel, bias)
    return over_mesh(compute, *given, out=lambda: (*splits(x)[:-1], splits(kernel)[-2]))


def _default_size(
    small: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Padding,
) -> tuple[int, ...]:
    if padding in ("SAME", "SAME_LOWER"):
        return tuple(n * s for n, s in zip(small, stride, strict=True))
    pads = geometry.pads(padding, small, window, stride, dilation, caller="conv_transpose")
    sizes = []
    for axis, (n, k, s, d, (low, high)) in enumerate(
        zip(small, window, stride, dilation, pads, strict=True)
    ):
        least = (n - 1) * s + geometry.extent(k, d) - low - high
        if isinstance(least, int) and least + s - 1 < 1:
            raise ValueError(
                f"conv_transpose: no image size has an output of {n} on spatial axis {axis} "
                f"(window {k}, stride {s}, dilation {d}, padding ({low}, {high}))"
            )
        sizes.append(max(least, 1) if isinstance(least, int) else least)
    return tuple(sizes)


def _image_axes(name: str, x: jax.Array, kernel: jax.Array, groups: int) -> int:
    """How many image axes the kernel has, once ranks and groups are checked."""
    axes = kernel.ndim - 2
    if axes not in _LETTERS:
        raise ValueError(
            f"{name}: kernel must be (*window, C // groups, O) with 1, 2 or 3 window axes, "
            f"got shape {kernel.shape}"
        )
    if x.ndim < axes + 1:
        raise ValueError(
            f"{name}: x must be (*batch, {', '.join(_LETTERS[axes])}, channels) for a kernel of "
            f"shape {kernel.shape}, got shape {x.shape}"
        )
    geometry.per_axis(groups, 1, name=f"{name}: groups")
    if kernel.shape[-1] % groups:
        raise ValueError(
            f"{name}: groups {groups} must divide the {kernel.shape[-1]} output channels "
            f"(kernel {kernel.shape})"
        )
    return axes


def _one_batch_axis(x: jax.Array, axes: int) -> jax.Array:
    batch = x.shape[: -axes - 1]
    return x if len(batch) == 1 else x.reshape(math.prod(batch), *x.shape[-axes - 1 :])


def _batch_axes(y: jax.Array, batch: Sequence[int]) -> jax.Array:
    return y if len(batch) == 1 else y.reshape(*batch, *y.shape[1:])


def _split_pads(
    pads: Pads, padding: Padding, window: Sequence[int], dilation: Sequence[int]
) -> tuple[Pads | str, Pads]:
    """Split padding into what the convolution does itself and what lies further out.

    The convolution pads up to half a window ("SAME" never needs more). Beyond that XLA's CPU
    backend computes the kernel's gradient up to 45 times slower, and from a whole window on the
    image's gradient wrongly: that is a convolution with negative padding (openxla/xla#48713).
    """
    if isinstance(padding, str):
        known = all(isinstance(p, int) for pair in pads for p in pair)
        # JAX takes no symbolic padding, but resolves its own strings for symbolic sizes.
        return pads if known else padding, ((0, 0),) * len(pads)
    half = [geometry.extent(k, d) // 2 for k, d in zip(window, dilation, strict=True)]
    inner = tuple((_least(a, h), _least(b, h)) for (a, b), h in zip(pads, half, strict=True))
    outer = tuple((a - c, b - d) for (a, b), (c, d) in zip(pads, inner, strict=True))
    return inner, outer


def _least(pad: int, half: int) -> int:
    return min(pad, half) if isinstance(half, int) else pad


def _checked_bias(name: str, bias: jax.Array, x: jax.Array, channels: int) -> jax.Array:
    bias = _check.array(name, "bias", bias)
    _check.same_dtype(name, "bias", bias, x)
    _check.bias_shape(name, bias, channels)
    return bias


def _add_bias(y: jax.Array, bias: jax.Array, plain: str | None = None) -> jax.Array:
    return lax.add(y, run("spread", SPREAD, plain, bias, y.shape))
