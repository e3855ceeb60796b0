"""The picture of `case_a_case_b`: time and memory of A over the tile's side, in units of B's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnjax.pictures import style

COLOURS = {"A, in turn": style.TRAIN, "A, at once": style.TEST}
NAMES = {"A, in turn": "A, tile after tile", "A, at once": "A, all tiles at once"}


def draw(raw: dict[str, dict[str, Any]], path: Path) -> None:
    """Two rows (time, memory), one column an image size."""
    images = sorted({row["image"] for row in raw.values()})
    with style.sheet(path, 4.2 * len(images), 6.0) as figure:
        style.headline(
            figure,
            "Case A against Case B: the smaller the tile, the less memory and the more work",
            "Grey line: B, the whole image layer by layer. Points: medians of interleaved rounds; "
            "bars: least to most (the machine was shared).",
        )
        axes = figure.subplots(2, len(images), squeeze=False, sharey="row")
        for column, image in enumerate(images):
            for way, colour in COLOURS.items():
                rows = [r for r in raw.values() if r["image"] == image and r["way"] == way]
                sides = [row["tile"] for row in rows]
                middle, least, most = zip(*(row["slower"] for row in rows), strict=True)
                errors = [
                    [m - a for m, a in zip(middle, least, strict=True)],
                    [b - m for m, b in zip(middle, most, strict=True)],
                ]
                axes[0, column].errorbar(
                    sides, middle, errors, color=colour, marker="o", ms=4, lw=1.5, capsize=2,
                    label=NAMES[way],
                )  # fmt: skip
                axes[1, column].plot(
                    sides, [row["memory"] for row in rows], color=colour, marker="o", ms=4, lw=1.5
                )
            side = image // 8
            axes[0, column].set_title(f"image {image}x{image}, result {side}x{side}")
            axes[1, column].set_xlabel("side of a tile, in output positions")
            for axis in axes[:, column]:
                axis.axhline(1, color=style.MUTED, lw=1)
                axis.set_xscale("log")
                axis.set_yscale("log")
                axis.grid(axis="y")
                axis.set_xticks(sides, [str(s) for s in sides])
                axis.minorticks_off()
        for axis, name in zip(axes[:, 0], ("time", "memory"), strict=True):
            axis.set_ylabel(f"{name}, in units of B's")
        for row, key in ((0, "slower"), (1, "memory")):
            values = [r[key][0] if key == "slower" else r[key] for r in raw.values() if r["tile"]]
            ticks = [t for t in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
                     if min(values) / 2 < t < 2 * max(values)]  # fmt: skip
            axes[row, 0].set_yticks(ticks, [f"{t:g}" for t in ticks])
            axes[row, 0].minorticks_off()
        axes[0, 0].legend()
