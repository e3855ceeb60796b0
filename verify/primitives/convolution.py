"""Convolution: windows of the input laid out as the rows of a matrix, times the kernel.

    out[n, o, i] = sum over (k, c) of lhs[n, c, t / lhs_dilation] * rhs[o, c, k],
                   t = i * stride + k * rhs_dilation - low,

in XLA's sense (the kernel is not flipped), positions outside the image or in the holes of its
dilation being zero. Feature groups split the channels, batch groups the batch: both are a batch of
smaller convolutions, and the matrix product is batched over them. The matrix is made and used in
blocks of output positions, since it is larger than the image by the size of the window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jax import lax

from verify.algebras.base import V
from verify.dtypes import is_kind
from verify.primitives.registry import Context, flat_index, offsets, rule
from verify.primitives.sliding import OUTSIDE, axes, patch_blocks, row_strides


@rule("conv_general_dilated")
def _conv(
    ctx: Context[V],
    lhs: V,
    rhs: V,
    *,
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: lax.ConvDimensionNumbers,
    feature_group_count: int,
    batch_group_count: int,
    **_: object,  # precision and shardings; preferred_element_type is the result's dtype
) -> V:
    algebra = ctx.algebra
    groups = feature_group_count * batch_group_count  # at most one of the two is above 1
    image, kernel, result = (
        tuple(v.shape[d] for d in spec)  # batch, channels, spatial...
        for v, spec in (
            (lhs, dimension_numbers.lhs_spec),
            (rhs, dimension_numbers.rhs_spec),
            (ctx.equation.outputs[0], dimension_numbers.out_spec),
        )
    )
    batch, channels, features = result[0], kernel[1], kernel[0] // groups
    window = int(np.prod(kernel[2:]))
    if not (groups * features * batch and window * channels and all(result) and all(image)):
        return ctx.fill(ctx.shape, 0, ctx.dtype)
    if not is_kind(lhs.dtype, np.inexact):  # multiplied in the result's dtype, a float perhaps
        lhs, rhs = algebra.cast(lhs, ctx.dtype), algebra.cast(rhs, ctx.dtype)

    # The image as one flat row with a zero at its end, which stands for everything outside.
    size = int(np.prod(lhs.shape))
    flat = algebra.pick([lhs, ctx.fill((1,), 0, lhs.dtype)], np.arange(size + 1, dtype=np.int64))
    strides = row_strides(lhs.shape)
    lhs_strides = [strides[d] for d in dimension_numbers.lhs_spec]
    slides = axes(
        (image[0], *image[2:]),
        (batch, *result[2:]),
        (1, *kernel[2:]),
        (1, *window_strides),
        ((0, 0), *padding),
        (1, *lhs_dilation),
        (1, *rhs_dilation),
    )
    # From one group to the next, and from one channel to the next.
    hop = batch * lhs_strides[0] if batch_group_count > 1 else channels * lhs_strides[1]
    group = np.arange(groups, dtype=np.int64)[:, None, None, None] * hop
    channel = np.arange(channels, dtype=np.int64) * lhs_strides[1]

    weights = algebra.pick([rhs], _kernel_index(rhs, dimension_numbers.rhs_spec, groups))
    parts = []
    for block in patch_blocks(slides, [lhs_strides[0], *lhs_strides[2:]], groups * channels):
        outside = block == OUTSIDE
        if outside.any():  # XLA multiplies by zeros there, and between, or leaves them out
            ctx.only_numbers(rhs)
        index = group + block[None, :, :, None] + channel
        index = np.where(outside[None, :, :, None], size, index)
        patches = algebra.pick([flat], index.reshape(groups, len(block), window * channels))
        parts.append(algebra.cast(algebra.dot(patches, weights), ctx.dtype))
    starts = offsets(parts)
    laid = np.concatenate([flat_index(p, s) for p, s in zip(parts, starts, strict=True)], axis=1)
    # (groups, batch, *spatial, features) -> (batch, groups, features, *spatial)
    laid = laid.reshape(groups, batch, *result[2:], features)
    laid = np.moveaxis(laid, (0, -1), (1, 2)).reshape(result)
    return algebra.pick(parts, laid.transpose(np.argsort(dimension_numbers.out_spec)))


def _kernel_index(rhs: V, spec: Sequence[int], groups: int) -> np.ndarray:
    """(groups, window * channels, features of a group)."""
    index = flat_index(rhs).transpose(spec)  # features, channels, spatial...
    index = index.reshape(groups, index.shape[0] // groups, index.shape[1], -1)
    return index.transpose(0, 3, 2, 1).reshape(groups, -1, index.shape[1])
