"""One image on its way through the network: the most active maps of every layer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from cnnjax.pictures import style
from cnnjax.pictures.tiles import as_rgb

_MOST_ROWS = 12  # a taller page cannot be read on a screen


def feature_maps(
    image: ArrayLike,
    maps: Mapping[str, ArrayLike],
    path: str | os.PathLike[str],
    *,
    probabilities: Mapping[str, float] | None = None,
    top: int = 8,
    title: str = "",
) -> None:
    """Write one PNG: the image, then a row a layer with its `top` most active maps.

    image: (H, W, 1 or 3), uint8 or floats in 0..1. maps: name -> (H', W', C'), in the order of the
    network; entries of other ranks (flattened, dense) are left out. probabilities: class -> share,
    drawn as bars at the end. Activity is the mean of the positive part. Every map has its own
    brightness scale; signed maps are red (positive) and blue (negative), the others dark to bright.
    With more than 12 layers an even selection is shown, first and last included.

    Raises ValueError when no map is spatial.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "maps.png"
    >>> rng = np.random.default_rng(0)
    >>> image, maps = rng.random((8, 8, 3)), {"conv1": rng.normal(size=(8, 8, 4))}
    >>> feature_maps(image, maps, path, probabilities={"cat": 0.9, "dog": 0.1})
    >>> path.stat().st_size > 1000
    True
    """
    layers = {name: np.asarray(values, np.float64) for name, values in maps.items()}
    layers = {name: values for name, values in layers.items() if values.ndim == 3}
    if not layers:
        raise ValueError(f"feature_maps: no map is (H, W, C), given {list(maps) or 'none'}")
    names = _even(list(layers), _MOST_ROWS)
    bars = 1 if probabilities else 0
    left_out = len(layers) - len(names)

    with style.sheet(path, 1.5 + 1.12 * top, 1.95 + 1.22 * len(names) + 1.5 * bars) as figure:
        style.headline(
            figure,
            title or "One image through all layers",
            f"A row a layer: its {top} most active maps, each with its own brightness scale; the "
            "number is the kernel's."
            + (f" {left_out} of {len(layers)} layers are left out." if left_out else ""),
        )
        heights = [1.25, *[1.0] * len(names), *[1.2] * bars]
        grid = figure.add_gridspec(len(heights), top + 1, height_ratios=heights)

        picture = as_rgb(np.asarray(image))
        _label(figure.add_subplot(grid[0, 0]), "input", np.shape(image))
        axes = figure.add_subplot(grid[0, 1])
        axes.imshow(picture, interpolation="nearest")
        style.bare(axes)
        for row, name in enumerate(names, start=1):
            _label(figure.add_subplot(grid[row, 0]), name, layers[name].shape)
            for column, channel in enumerate(most_active(layers[name], top), start=1):
                axes = figure.add_subplot(grid[row, column])
                _draw(axes, layers[name][..., channel], signed=bool((layers[name] < 0).any()))
                axes.set_title(f"{channel}", fontsize=7, color=style.MUTED, weight="normal", pad=2)
        if probabilities:
            _label(figure.add_subplot(grid[-1, 0]), "softmax", (len(probabilities),))
            _bars(figure, grid[-1, 1 : top + 1], probabilities)


def most_active(values: NDArray, top: int) -> list[int]:
    """The `top` channels of (H, W, C) with the largest mean positive part, the largest first.

    >>> most_active(np.array([[[0.0, 3.0, 1.0, -9.0]]]), 2)
    [1, 2]
    """
    activity = np.maximum(values, 0).mean((0, 1))
    return np.argsort(-activity, kind="stable")[:top].tolist()


def _even(names: Sequence[str], most: int) -> list[str]:
    if len(names) <= most:
        return list(names)
    picks = np.linspace(0, len(names) - 1, most).round().astype(int)
    return [names[pick] for pick in picks]


def _label(axes: Axes, name: str, shape: Sequence[int]) -> None:
    style.bare(axes)
    axes.set_facecolor("none")
    axes.text(1.0, 0.56, name, ha="right", va="center", fontsize=10, weight="bold")
    size = " x ".join(map(str, shape))
    axes.text(1.0, 0.34, size, ha="right", va="center", fontsize=7.5, color=style.MUTED)


def _draw(axes: Axes, values: NDArray, *, signed: bool) -> None:
    largest = float(np.abs(values).max()) or 1.0
    axes.imshow(
        values,
        cmap=style.DIVERGING if signed else style.SEQUENTIAL,
        vmin=-largest if signed else 0.0,
        vmax=largest,
        interpolation="nearest",
    )
    style.bare(axes)


def _bars(figure: Figure, where, probabilities: Mapping[str, float]) -> None:
    axes = figure.add_subplot(where)
    best = sorted(probabilities.items(), key=lambda item: -item[1])[:12]
    names, shares = zip(*best, strict=True)
    colours = [style.TEST if index == 0 else style.MUTED for index in range(len(names))]
    axes.bar(range(len(names)), shares, color=colours, width=0.6)
    for index, share in enumerate(shares):
        axes.text(index, share + 0.03, f"{100 * share:.1f} %", ha="center", fontsize=7.5)
    shown = [style.short(name, 16) for name in names]
    axes.set_xticks(range(len(names)), shown, fontsize=8, rotation=0 if len(names) <= 8 else 20)
    axes.set_ylim(0, 1.2)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0, labelcolor=style.INK)
