"""The picture of random-init: kernels of layer 1 before and after, and what excites them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.ticker import PercentFormatter

from cnnjax import conv
from cnnjax.geometry import ReceptiveField
from cnnjax.pictures import strongest, style
from cnnjax.pictures.kernels import kernel_tiles
from cnnjax.pictures.tiles import mosaic
from cnnjax.preprocessing import Preprocessing
from experiments.claims.record import Raw, unpack

_PATCHES = 6
_SHOWN_SEEDS = 3
_KERNELS = 8


def draw(settings: Any, raw: Raw, path: Path, arms: tuple[str, ...]) -> None:
    """Top: each kernel's best patches before and after; bottom: other seeds, and accuracies."""
    splits = settings.recipe.data(settings.data_seed)
    run = raw[f"learned seed {settings.seeds[0]}"]
    before, after = unpack(run["before"]), unpack(run["after"])
    count = min(before.shape[-1], _KERNELS)
    with style.sheet(path, 11.5, 8.0) as figure:
        style.headline(
            figure,
            "Kernels of layer 1 start random; what they detect afterwards is learned",
            f"Kernels: grey is weight 0, before and after on one scale. Patches: the {_PATCHES} "
            "test images that excite the kernel most, the strongest on the left;\nflat grey lies "
            "outside the image. Right: dots are seeds, bars their mean.",
        )
        outer = figure.add_gridspec(2, 1, height_ratios=[count * 0.62, 2.9])
        top = outer[0].subgridspec(count, 4, width_ratios=[1, _PATCHES, 1, _PATCHES])
        scale = max(np.abs(before).max(), np.abs(after).max())
        for side, (kernel, bias, title) in enumerate(
            (
                (before, np.zeros(before.shape[-1]), f"seed {settings.seeds[0]}: random"),
                (after, unpack(run["bias"]), f"seed {settings.seeds[0]}: learned"),
            )
        ):
            patches = _best(kernel, bias, splits)
            tiles = kernel_tiles(kernel, scale)
            for index in range(count):
                axes = figure.add_subplot(top[index, 2 * side])
                axes.imshow(tiles[index], interpolation="nearest")
                style.bare(axes)
                strip = figure.add_subplot(top[index, 2 * side + 1])
                strip.imshow(mosaic(list(patches[index]), _PATCHES, zoom=6, gap=2))
                style.bare(strip)
                if index == 0:
                    axes.set_title("kernel")
                    strip.set_title(f"{title}, its best patches")
        bottom = outer[1].subgridspec(1, 2, width_ratios=[1.5, 1])
        _seeds(figure, bottom[0], settings, raw, count)
        _accuracies(figure.add_subplot(bottom[1]), settings, raw, arms)


def _best(kernel: np.ndarray, bias: np.ndarray, splits: Any) -> np.ndarray:
    """The best patches of each kernel: (K, _PATCHES, h, w, 3)."""
    read = Preprocessing.fit(splits.train.images)
    weights, offset = (jnp.asarray(part, jnp.float32) for part in (kernel, bias))
    field = ReceptiveField().then(kernel.shape[0], padding=(kernel.shape[0] - 1) // 2)
    return strongest(
        lambda images: np.asarray(conv(read(images), weights, offset)),
        splits.test.images,
        (field, field),
        top=_PATCHES,
    ).patches


def _seeds(figure: Any, where: Any, settings: Any, raw: Raw, count: int) -> None:
    """Rows of kernels: other seeds, and other batches from one start."""
    shown = settings.seeds[:_SHOWN_SEEDS]
    rows = [(f"seed {s}, random", raw[f"learned seed {s}"]["before"]) for s in shown[1:]]
    rows += [(f"seed {s}, learned", raw[f"learned seed {s}"]["after"]) for s in shown[1:]]
    rows += [(f"one start, batches {s}", raw[f"same start seed {s}"]["after"]) for s in shown]
    grid = where.subgridspec(max(1, len(rows)), 1)
    for at, (label, packed) in enumerate(rows):
        kernel = unpack(packed)
        axes = figure.add_subplot(grid[at])
        tiles = kernel_tiles(kernel, np.abs(kernel).max())[:count]
        axes.imshow(mosaic(tiles, count, zoom=6, gap=4), interpolation="nearest")
        style.bare(axes)
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, color=style.MUTED)


def _accuracies(axes: Any, settings: Any, raw: Raw, arms: tuple[str, ...]) -> None:
    axes.set_title("accuracy on test images")
    for at, arm in enumerate(arms):
        values = [raw[f"{arm} seed {s}"]["curve"][-1] for s in settings.seeds]
        axes.plot([at - 0.3, at + 0.3], [np.mean(values)] * 2, color=style.INK, lw=1.5)
        axes.plot([at] * len(values), values, "o", color=style.TRAIN, ms=4, alpha=0.7)
    axes.set_xticks(range(len(arms)), [arm.replace(" frozen", "\nfrozen") for arm in arms])
    axes.set_xlim(-0.6, len(arms) - 0.4)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
