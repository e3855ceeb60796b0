"""The picture of random-init: kernels of layer 1 before and after, and what excites them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.ticker import PercentFormatter

from cnnjax import conv
from cnnjax.geometry import ReceptiveField
from cnnjax.pictures import strongest, style
from cnnjax.pictures.first_kernels import kernel_tiles
from cnnjax.pictures.tiles import mosaic
from cnnjax.preprocessing import Preprocessing
from experiments.claims.measures import columns
from experiments.claims.record import Raw, unpack

_PATCHES = 6
_KERNELS = 8


def draw(settings: Any, raw: Raw, path: Path, arms: tuple[str, ...]) -> None:
    """Top: each kernel of one seed and its best patches; bottom: all seeds, and accuracies."""
    splits = settings.recipe.data(settings.data_seed)
    seed = settings.seeds[0]
    run = raw[f"learned seed {seed}"]
    before, after = unpack(run["before"]), unpack(run["after"])
    count = min(before.shape[-1], _KERNELS)
    scale = np.abs([before, after]).max()
    change = after - before
    blocks = [
        (kernel_tiles(before, scale), "random", _best(before, np.zeros(len(before.T)), splits)),
        (kernel_tiles(after, scale), "learned", _best(after, unpack(run["bias"]), splits)),
    ]
    with style.sheet(path, 11.5, 8.6) as figure:
        style.headline(
            figure,
            "Kernels of layer 1 start random; what they detect afterwards is learned",
            f"Seed {seed}. Kernels: grey is weight 0, random and learned on one scale, the change "
            f"on its own. Patches: the {_PATCHES} test images that excite the kernel most, the\n"
            "strongest on the left; flat grey lies outside the image. Below: dots are seeds or "
            "pairs of seeds, bars their mean.",
        )
        outer = figure.add_gridspec(2, 1, height_ratios=[count * 0.7, 2.8])
        grid = outer[0].subgridspec(count, 5, width_ratios=[1, _PATCHES, 1, 1, _PATCHES], wspace=0)
        for row in range(count):
            cells = [figure.add_subplot(grid[row, column]) for column in range(5)]
            for (tiles, name, patches), (one, strip) in zip(
                blocks, (cells[:2], cells[3:]), strict=True
            ):
                one.imshow(tiles[row], interpolation="nearest")
                tiled = mosaic(list(patches[row]), _PATCHES, zoom=6, gap=2)
                strip.imshow(tiled, interpolation="nearest")
                if row == 0:
                    one.set_title(name, fontsize=8)
                    strip.set_title("its best patches", fontsize=8)
            tile = kernel_tiles(change, float(np.abs(change).max()) or 1.0)[row]
            cells[2].imshow(tile, interpolation="nearest")
            if row == 0:
                cells[2].set_title("change", fontsize=8)
            for axes in cells:
                style.bare(axes)
        left, right = outer[1].subgridspec(1, 2).subplots()
        _cosines(left, settings, raw)
        accuracies = {
            a.replace(" frozen", "\nfrozen"): [
                raw[f"{a} seed {s}"]["curve"][-1] for s in settings.seeds
            ]
            for a in arms
        }
        _dots(right, "accuracy on test images", accuracies)
        right.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))


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


def _cosines(axes: Any, settings: Any, raw: Raw) -> None:
    """How alike learned kernels are: to their start, to other batches', to other seeds'."""
    learned = [raw[f"learned seed {s}"] for s in settings.seeds]
    same = [columns(unpack(raw[f"same start seed {s}"]["after"])) for s in settings.seeds]
    ends = [columns(unpack(run["after"])) for run in learned]
    starts = [columns(unpack(run["before"])) for run in learned]

    def matches(sets: list[np.ndarray]) -> list[float]:
        return [float((a.T @ b).max(1).mean()) for a, b in itertools.combinations(sets, 2)]

    _dots(
        axes,
        "cosine between kernels of layer 1, mean over kernels",
        {
            "learned and\nits own start": [float(np.mean(run["turned"])) for run in learned],
            "one start,\nother batches": [
                float((a * b).sum(0).mean()) for a, b in itertools.combinations(same, 2)
            ],
            "best match in\nanother seed": matches(ends),
            "the same,\nbefore training": matches(starts),
        },
    )


def _dots(axes: Any, title: str, groups: dict[str, list[float]]) -> None:
    axes.set_title(title)
    for at, values in enumerate(groups.values()):
        axes.plot([at - 0.3, at + 0.3], [np.mean(values)] * 2, color=style.INK, lw=1.5)
        axes.plot([at] * len(values), values, "o", color=style.TRAIN, ms=4, alpha=0.7)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_ylim(0, 1.03)
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
