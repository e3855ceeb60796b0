"""Layer 1's kernels before and after training, side by side.

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
    channels, in grey). Both panels share one scale: grey is weight 0, the largest absolute weight
    of both is black or white, so sizes can be compared across the page.

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
    with style.sheet(path, 10.5, 10.5 * 0.5 * rows * height / (columns * width) + 1.1) as figure:
        what = "" if channels == 3 else f", mean over {channels} channels"
        style.headline(
            figure,
            f"Kernels of layer 1: {count} of {height}x{width}x{channels}{what}",
            f"One scale for both: grey is 0, black -{scale:.2g}, white (or full colour) "
            f"+{scale:.2g}. Mean absolute change of a weight: "
            f"{np.abs(last - first).mean():.2g} (before: {np.abs(first).mean():.2g}).",
        )
        panels = figure.subplots(1, 2)
        pairs = ((first, "before training (random)"), (last, "after training"))
        for axes, (kernel, title) in zip(panels, pairs, strict=True):
            axes.imshow(
                mosaic(kernel_tiles(kernel, scale), columns, gap=4), interpolation="nearest"
            )
            axes.set_title(title)
            style.bare(axes)


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
