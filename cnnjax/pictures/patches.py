"""The picture of the patches that excite each kernel most: what a kernel has learned to find."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike

from cnnjax.pictures import style
from cnnjax.pictures.activations import Strongest
from cnnjax.pictures.first_kernels import kernel_tiles
from cnnjax.pictures.tiles import mosaic

_MOST_KERNELS = 128


def best_patches(
    found: Strongest,
    path: str | os.PathLike[str],
    *,
    kernel: ArrayLike | None = None,
    title: str = "",
) -> None:
    """Write one PNG with a strip a kernel: its best patches, the strongest on the left.

    found: from `strongest`. kernel: the kernels themselves (kh, kw, C, O), drawn before their
    strips; only for layer 1, where they look like patches. Of more than 128 kernels the 128 with
    the strongest responses are drawn; kernels whose best response is 0 or less are "silent".

    >>> import tempfile, pathlib
    >>> from cnnjax.geometry import ReceptiveField
    >>> from cnnjax.pictures.activations import strongest
    >>> images = np.random.default_rng(0).random((4, 6, 6, 3))
    >>> found = strongest(lambda x: x, images, (ReceptiveField(),) * 2, top=3)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "patches.png"
    >>> best_patches(found, path)
    >>> path.stat().st_size > 1000
    True
    """
    count, top, height, width, _ = found.patches.shape
    weights = None if kernel is None else np.asarray(kernel, np.float64)
    if weights is not None and weights.shape[-1] != count:
        raise ValueError(f"best_patches: {count} kernels were searched, kernel is {weights.shape}")
    best = found.responses[:, 0]
    chosen = np.argsort(-best, kind="stable")[:_MOST_KERNELS]
    chosen = np.sort(chosen)
    columns = 2 if len(chosen) <= 32 else 4
    rows = -(-len(chosen) // columns)
    cells = top + (1.6 if weights is not None else 0)
    page = 11.5
    strip = page / columns - 0.55  # inches for the strip itself
    with style.sheet(path, page, rows * strip / cells * height / width * 1.22 + 1.2) as figure:
        left = "" if len(chosen) == count else f" ({len(chosen)} of {count} kernels)"
        own = "; the kernel itself stands first" if weights is not None else ""
        quiet = " Silent: no patch makes it positive." if (best[chosen] <= 0).any() else ""
        style.headline(
            figure,
            title or f"What excites each kernel most{left}",
            f"Patches of {height}x{width} pixels from {top} different images, the strongest "
            f"response first{own}. Flat grey lies outside the image.{quiet}",
        )
        ratios = ([1.0, float(top)] if weights is not None else [float(top)]) * columns
        per = len(ratios) // columns
        grid = figure.add_gridspec(rows, len(ratios), width_ratios=ratios, wspace=0.02)
        for position, index in enumerate(chosen):
            row, column = position % rows, position // rows
            zoom = max(1, 60 // height)
            axes = figure.add_subplot(grid[row, column * per + per - 1])
            axes.imshow(
                mosaic(list(found.patches[index]), top, gap=max(2, zoom // 3), zoom=zoom),
                interpolation="nearest",
            )
            style.bare(axes)
            label = axes
            if weights is not None:
                one = weights[..., index : index + 1]
                label = figure.add_subplot(grid[row, column * per])
                label.imshow(
                    kernel_tiles(one, float(np.abs(one).max()) or 1.0)[0], interpolation="nearest"
                )
                style.bare(label)
            label.set_ylabel(
                f"{index}\nsilent" if best[index] <= 0 else f"{index}",
                rotation=0, ha="right", va="center", fontsize=8, color=style.MUTED,
            )  # fmt: skip
