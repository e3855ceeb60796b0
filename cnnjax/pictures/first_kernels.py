"""Layer 1's kernels before and after training, and what changed, side by side.

The note: kernels start random, their number is chosen, what they detect is learned. A kernel of
the first layer has as many channels as the image, so it can be shown as a small image itself.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnjax.pictures import style
from cnnjax.pictures.tiles import grid_shape, mosaic


def kernels(before: ArrayLike, after: ArrayLike, path: str | os.PathLike[str]) -> None:
    """Write one PNG with the kernels `before` and `after` training.

    before, after: (kh, kw, C, O) with C = 3 (shown as RGB) or any other C (the mean over the
    channels, in grey). These two share one scale: grey is weight 0, the largest absolute weight of
    both is black or white. A third panel shows their difference on a scale of its own, because a
    short training moves each weight by little.

    Raises ValueError if the shapes differ or are not those of a 2-D kernel.

    >>> import tempfile, pathlib
    >>> rng = np.random.default_rng(0)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "kernels.png"
    >>> kernels(rng.normal(size=(5, 5, 3, 32)), rng.normal(size=(5, 5, 3, 32)), path)
    >>> path.stat().st_size > 1000
    True
    """
    first, last = _check(before, "before"), _check(after, "after")
    if first.shape != last.shape:
        raise ValueError(
            f"kernels: before {first.shape} and after {last.shape} must have one shape"
        )
    scale = max(float(np.abs(first).max()), float(np.abs(last).max())) or 1.0
    height, width, channels, count = first.shape
    columns = 8 if count <= 64 else 16
    rows, columns = grid_shape(count, columns)
    change = last - first
    largest = float(np.abs(change).max()) or 1.0
    what = "" if channels == 3 else f", mean over {channels} channels"
    panels = (
        (first, scale, "before training (random)"),
        (last, scale, "after training"),
        (change, largest, f"the change, {_times(scale / largest)} as bright"),
    )
    page = 13.0
    with style.sheet(path, page, page / 3 * rows * height / (columns * width) + 1.1) as figure:
        style.headline(
            figure,
            f"Kernels of layer 1: {count} of {height}x{width}x{channels}{what}",
            f"Grey is weight 0. Before and after share one scale, up to {scale:.2g}; the change "
            f"has its own, up to {largest:.2g}. Mean size of a weight {np.abs(first).mean():.2g}, "
            f"of its change {np.abs(change).mean():.2g}.",
        )
        for axes, (kernel, limit, title) in zip(figure.subplots(1, 3), panels, strict=True):
            axes.imshow(
                mosaic(kernel_tiles(kernel, limit), columns, gap=4), interpolation="nearest"
            )
            axes.set_title(title)
            style.bare(axes)


def _times(factor: float) -> str:
    """How much brighter, in words.

    >>> _times(1.04), _times(5.2)
    ('as', '5 times')
    """
    return f"{factor:.0f} times" if factor >= 1.5 else "as"


def kernel_tiles(kernel: NDArray, scale: float) -> list[NDArray]:
    """A kernel (kh, kw, C, O) as O images (kh, kw, 3) in 0..1, weight 0 in the middle."""
    if kernel.shape[2] != 3:
        kernel = np.broadcast_to(
            kernel.mean(2, keepdims=True), (*kernel.shape[:2], 3, kernel.shape[3])
        )
    coloured = np.clip(0.5 + 0.5 * kernel / scale, 0.0, 1.0)
    return [coloured[..., index] for index in range(kernel.shape[3])]


def _check(kernel: ArrayLike, name: str) -> NDArray:
    array = np.asarray(kernel, np.float64)
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(f"kernels: {name} must be (kh, kw, C, O), given shape {array.shape}")
    return array
