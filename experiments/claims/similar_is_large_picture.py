"""The picture of similar-is-large: most similar, strongest and best flat patch of some kernels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from cnnjax.pictures import style
from cnnjax.pictures.first_kernels import kernel_tiles
from cnnjax.pictures.tiles import as_rgb
from cnnjax.preprocessing import Preprocessing
from experiments.claims.measures import columns
from experiments.claims.patches import windows
from experiments.claims.record import Raw, unpack

_SHOWN = 8
_SIDE = 5


def draw(settings: Any, raw: Raw, path: Path, kinds: Mapping[str, str]) -> None:
    """Left: learned and pattern kernels of one seed with their patches; right: shares."""
    seed = settings.seeds[0]
    splits = settings.recipe.data(seed)
    rows = windows(splits.test.images[: settings.images], _SIDE)
    read = Preprocessing.fit(splits.train.images)
    with style.sheet(path, 11.5, 8.4) as figure:
        style.headline(
            figure,
            "The patch most like a kernel, the patch that answers most, the best flat patch",
            f"Kernels and patches of seed {seed}; under each patch its answer | its cosine with "
            "the kernel; orange: a flat patch beats the most similar one.\nLearned kernels: grey "
            "is weight 0. Pattern kernels are shown as the patches they are. Right: dots are "
            "seeds, bars their mean.",
        )
        strips, shares = figure.subfigures(1, 2, width_ratios=[2.5, 1])
        upper, lower = strips.subfigures(2, 1)
        _strip(upper, kinds["learned"], raw[f"seed {seed}"]["learned"], rows, read)
        _strip(lower, kinds["pattern"], raw[f"seed {seed}"]["pattern"], rows, None)
        axes = shares.subplots()
        axes.set_title("a flat patch wins")
        for at, kind in enumerate(kinds):
            values = [np.mean(raw[f"seed {s}"][kind]["flat wins"]) for s in settings.seeds]
            axes.plot([at - 0.3, at + 0.3], [np.mean(values)] * 2, color=style.INK, lw=1.5)
            axes.plot([at] * len(values), values, "o", color=style.TRAIN, ms=5, alpha=0.7)
        axes.set_xticks(range(len(kinds)), ["learned", "random", "pattern", "pattern,\nno mean"])
        axes.set_xlim(-0.6, len(kinds) - 0.4)
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("share of the kernels")
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
        axes.grid(True, axis="y")
        axes.set_axisbelow(True)


def _strip(figure: Any, title: str, found: Any, rows: np.ndarray, read: Any) -> None:
    """One row of kernels, and below each its three patches."""
    kernel = unpack(found["kernels"])
    count = min(_SHOWN, kernel.shape[-1])
    lines = [("most similar", found["most similar"]), ("strongest", found["strongest"])]
    if found["best flat"]:
        lines.append(("best flat", found["best flat"]))
    grid = figure.subplots(1 + len(lines), count, squeeze=False)
    tiles = (
        list(np.moveaxis(kernel, -1, 0))
        if kernel.min() >= 0
        else kernel_tiles(kernel, float(np.abs(kernel).max()))
    )
    own = columns(kernel)
    for k in range(count):
        grid[0, k].imshow(tiles[k], interpolation="nearest")
        for line, (name, chosen) in enumerate(lines, start=1):
            pixels = rows[chosen[k]].reshape(_SIDE, _SIDE, -1)
            seen = pixels / 255.0
            if read is not None:
                seen = (seen - np.array(read.mean)) / np.array(read.std)
            answer = float((seen * kernel[..., k]).sum())
            cosine = float(seen.ravel() @ own[:, k] / (np.linalg.norm(seen) or 1.0))
            grid[line, k].imshow(as_rgb(pixels), interpolation="nearest")
            wins = name == "best flat" and found["flat wins"][k]
            grid[line, k].set_xlabel(
                f"{answer:.1f} | {cosine:.2f}",
                fontsize=7.5,
                color=style.TEST if wins else style.MUTED,
                weight="bold" if wins else "normal",
                labelpad=1,
            )
    for axes in grid.ravel():
        style.bare(axes)
    for axes, label in zip(grid[:, 0], ["kernel", *(name for name, _ in lines)], strict=True):
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, color=style.INK)
    figure.suptitle(title, fontsize=10, fontweight="bold", x=0.02, ha="left")
