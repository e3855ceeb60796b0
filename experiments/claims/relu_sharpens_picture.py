"""The picture of relu-sharpens: learning curves, the grid, selectivity before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, PercentFormatter

from cnnjax.pictures import style
from experiments.claims.network import CLASSES
from experiments.claims.record import Raw

COLOURS = {"relu": style.TEST, "tanh": style.TRAIN, "sigmoid": "#7a5aa6", "identity": style.MUTED}
SHOWN = {"relu": "ReLU"}  # how a name is written, where it is not as in the code


def draw(
    settings: Any,
    raw: Raw,
    path: Path,
    layer_means: Callable[[dict[str, Any]], tuple[float, float]],
) -> None:
    """Learning curves, the grid, and selectivity before and after."""
    per = settings.recipe.train
    with style.sheet(path, 11.5, 4.2) as figure:
        style.headline(
            figure,
            "Four activations in one network: how fast it learns, how selective its maps are",
            f"Line: mean of {len(settings.seeds)} seeds, band: one standard deviation. Middle: one "
            "tuning seed, each activation's best cell is what the other panels use. "
            "Right: mean over kernels and layers; dots are seeds.",
        )
        curves, grid, maps = figure.subplots(1, 3, width_ratios=[1.25, 1, 1])
        curves.set_title("accuracy on test images")
        curves.set_xlabel("training images seen")
        grid.set_title("mean accuracy of the tuning runs")
        grid.set_xlabel("learning rate")
        maps.set_title("selectivity, before and after")
        for at, activation in enumerate(settings.activations):
            runs = [raw[f"{activation} seed {s}"] for s in settings.seeds]
            colour, shown = COLOURS[activation], SHOWN.get(activation, activation)
            lines = np.array([[1 / CLASSES, *run["curve"]] for run in runs])
            seen = per * np.arange(lines.shape[1])
            middle = lines.mean(0)
            off = lines.std(0, ddof=1) if len(lines) > 1 else 0 * middle
            curves.plot(seen, middle, color=colour, label=shown, marker="o", markersize=3)
            curves.fill_between(seen, middle - off, middle + off, color=colour, alpha=0.15, lw=0)
            for initial, dash in zip(settings.initials, ("-", ":"), strict=False):
                tuned = [
                    np.mean(raw[f"tune {activation} {initial} {rate:g}"]["curve"])
                    for rate in settings.learning_rates
                ]
                grid.plot(settings.learning_rates, tuned, dash, color=colour, marker="o", ms=3)
            pairs = np.array([layer_means(run) for run in runs])
            for pair in pairs:
                maps.plot([at - 0.18, at + 0.18], pair, color=colour, marker="o", ms=3, lw=0.7)
        for dash, initial in zip(("-", ":"), settings.initials, strict=False):
            grid.plot([], [], dash, color=style.INK, label=f"first weights: {initial}")
        grid.set_xscale("log")
        grid.set_xticks(settings.learning_rates, [f"{rate:g}" for rate in settings.learning_rates])
        grid.minorticks_off()
        shown = [SHOWN.get(a, a) for a in settings.activations]
        maps.set_xticks(range(len(shown)), shown)
        maps.set_ylim(0, 1)
        curves.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        for axes in (curves, grid):
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
            axes.set_ylim(0, 1)
            axes.legend()
        for axes in (curves, grid, maps):
            axes.grid(True, axis="y")
            axes.set_axisbelow(True)
