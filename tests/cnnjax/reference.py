"""The layers once more, as plain NumPy loops: slow, obvious, and without JAX.

Forward and the gradients of sum(y * g). Everything is for one batch axis: x (N, *image, C). The
loops run over the output positions and over the taps of the window; only batch and channels are
arrays. `lands` says which input cell a tap reads; padding is what lands outside the image.
Numbers keep their dtype, so integers (and floats that hold small ones) are exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

Pads = Sequence[tuple[int, int]]


def resolve(padding, image, window, stride, dilation) -> Pads:
    """Give (low, high) an axis for every form of padding; "SAME" by trying 0, 1, 2, ... cells."""
    if isinstance(padding, int):
        padding = (padding, padding)
    if not isinstance(padding, str):
        return padding if isinstance(padding[0], tuple) else (padding,) * len(image)
    if padding == "VALID":
        return ((0, 0),) * len(image)
    pairs = []
    for n, k, s, d in zip(image, window, stride, dilation, strict=True):
        wanted = len(range(0, n, s))
        cells = next(
            c for c in itertools.count() if out_size((n,), (k,), (s,), (d,), ((0, c),))[0] >= wanted
        )
        pair = (cells // 2, (cells + 1) // 2)
        pairs.append(pair if padding == "SAME" else pair[::-1])
    return tuple(pairs)


def out_size(image, window, stride, dilation, pads) -> tuple[int, ...]:
    """Count the windows by sliding one."""
    sizes = []
    for n, k, s, d, (low, high) in zip(image, window, stride, dilation, pads, strict=True):
        count = 0
        while -low + count * s + (k - 1) * d < n + high:
            count += 1
        sizes.append(count)
    return tuple(sizes)


def lands(image, window, stride, dilation, pads) -> Iterator[tuple[tuple, tuple, tuple]]:
    """Yield (output position, tap, input cell) for every tap that reads inside the image."""
    out = out_size(image, window, stride, dilation, pads)
    for position in itertools.product(*map(range, out)):
        for tap in itertools.product(*map(range, window)):
            cell = tuple(
                i * s - low + j * d
                for i, j, s, d, (low, _) in zip(position, tap, stride, dilation, pads, strict=True)
            )
            if all(0 <= c < n for c, n in zip(cell, image, strict=True)):
                yield position, tap, cell


def _at(cell: tuple) -> tuple:
    return (slice(None), *cell)


def _groups(channels: int, groups: int) -> list[slice]:
    step = channels // groups
    return [slice(g * step, (g + 1) * step) for g in range(groups)]


def conv(x, kernel, bias, stride, dilation, pads, groups):
    """Return y (N, *image', O)."""
    image, window = x.shape[1:-1], kernel.shape[:-2]
    outputs = kernel.shape[-1]
    y = np.zeros((len(x), *out_size(image, window, stride, dilation, pads), outputs), x.dtype)
    channels = list(zip(_groups(x.shape[-1], groups), _groups(outputs, groups), strict=True))
    for position, tap, cell in lands(image, window, stride, dilation, pads):
        for ins, outs in channels:
            y[_at(position)][:, outs] += x[_at(cell)][:, ins] @ kernel[tap][:, outs]
    return y if bias is None else y + bias


def conv_gradients(x, kernel, stride, dilation, pads, groups, g):
    """Return the gradients of sum(conv(x) * g) in x, kernel and bias."""
    image, window = x.shape[1:-1], kernel.shape[:-2]
    dx, dkernel = np.zeros_like(x), np.zeros_like(kernel)
    channels = list(zip(_groups(x.shape[-1], groups), _groups(g.shape[-1], groups), strict=True))
    for position, tap, cell in lands(image, window, stride, dilation, pads):
        for ins, outs in channels:
            dx[_at(cell)][:, ins] += g[_at(position)][:, outs] @ kernel[tap][:, outs].T
            dkernel[tap][:, outs] += x[_at(cell)][:, ins].T @ g[_at(position)][:, outs]
    return dx, dkernel, g.sum(axis=tuple(range(g.ndim - 1)))


def max_pool(x, window, stride, pads):
    """Return y (N, *image', C) and, for each of its elements, the tap that won (-1: none)."""
    image, ones = x.shape[1:-1], (1,) * len(window)
    out = out_size(image, window, stride, ones, pads)
    y = np.full((len(x), *out, x.shape[-1]), -np.inf, x.dtype)
    winner = np.full(y.shape, -1)
    for position, tap, cell in lands(image, window, stride, ones, pads):
        # Strictly greater: of equal values the first, in row-major order, wins.
        better = x[_at(cell)] > y[_at(position)]
        y[_at(position)][better] = x[_at(cell)][better]
        winner[_at(position)][better] = np.ravel_multi_index(tap, window)
    return y, winner


def max_pool_gradient(x, window, stride, pads, g):
    """Return the gradient of sum(max_pool(x) * g): each g goes to the first maximum."""
    _, winner = max_pool(x, window, stride, pads)
    dx = np.zeros_like(x)
    for position, tap, cell in lands(x.shape[1:-1], window, stride, (1,) * len(window), pads):
        won = winner[_at(position)] == np.ravel_multi_index(tap, window)
        dx[_at(cell)] += np.where(won, g[_at(position)], 0)
    return dx


def _counts(x, window, stride, pads, count_padding):
    """What each output position is divided by, with axes for batch and channels."""
    ones = (1,) * len(window)
    counts = np.zeros((1, *out_size(x.shape[1:-1], window, stride, ones, pads), 1), x.dtype)
    for position, _, _ in lands(x.shape[1:-1], window, stride, ones, pads):
        counts[_at(position)] += 1
    return np.full_like(counts, np.prod(window)) if count_padding else counts


def avg_pool(x, window, stride, pads, count_padding):
    """Return y (N, *image', C)."""
    counts = _counts(x, window, stride, pads, count_padding)
    y = np.zeros((len(x), *counts.shape[1:-1], x.shape[-1]), x.dtype)
    for position, _, cell in lands(x.shape[1:-1], window, stride, (1,) * len(window), pads):
        y[_at(position)] += x[_at(cell)]
    return y / counts


def avg_pool_gradient(x, window, stride, pads, count_padding, g):
    """Return the gradient of sum(avg_pool(x) * g)."""
    share = g / _counts(x, window, stride, pads, count_padding)
    dx = np.zeros_like(x)
    for position, _, cell in lands(x.shape[1:-1], window, stride, (1,) * len(window), pads):
        dx[_at(cell)] += share[_at(position)]
    return dx


def norm(x, scale, bias, kind, groups, eps):
    """Normalise x (N, *image, C) by "batch", "layer" or "group", scale and shift by channel."""
    x, scale, bias = _split(x, groups), _split(scale, groups), _split(bias, groups)
    mean, std = _statistics(x, kind, eps)
    y = (x - mean) / std * scale + bias
    return y.reshape(*y.shape[:-2], -1)


def norm_gradients(x, scale, kind, groups, eps, g):
    """Return the gradients of sum(norm(x) * g) in x, scale and bias.

    With h = g scale and z the normalised x: dx = (h - mean(h) - z mean(h z)) / std (Ioffe and
    Szegedy 2015, section 3, simplified).
    """
    channels = tuple(range(x.ndim - 1))
    x, scale, g = _split(x, groups), _split(scale, groups), _split(g, groups)
    mean, std = _statistics(x, kind, eps)
    axes = statistics_axes(kind, x.ndim)
    z, h = (x - mean) / std, g * scale
    dx = (h - h.mean(axes, keepdims=True) - z * (h * z).mean(axes, keepdims=True)) / std
    return dx.reshape(*dx.shape[:-2], -1), (g * z).sum(channels).ravel(), g.sum(channels).ravel()


def running(x):
    """Mean and unbiased variance of each channel: what PyTorch's running statistics take in."""
    rows = x.reshape(-1, x.shape[-1])
    return rows.mean(0), rows.var(0, ddof=1)


def statistics_axes(kind: str, ndim: int) -> tuple[int, ...]:
    """The axes of (N, *image, groups, C // groups) that share one mean."""
    return {
        "batch": tuple(range(ndim - 2)),
        "layer": (ndim - 2, ndim - 1),
        "group": (*range(1, ndim - 2), ndim - 1),
    }[kind]


def _statistics(x, kind, eps):
    axes = statistics_axes(kind, x.ndim)
    return x.mean(axes, keepdims=True), np.sqrt(x.var(axes, keepdims=True) + eps)


def _split(x, groups):
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
