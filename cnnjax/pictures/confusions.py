"""The confusion matrix: what was shown against what the network said."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import ArrayLike

from cnnjax.pictures import style

_MOST_WITH_NUMBERS = 20  # above this the cells are too small for text
_EMPTY = 0.965  # the grey of a cell that nothing fell into


def confusion(
    matrix: ArrayLike, classes: Sequence[str], path: str | os.PathLike[str], *, title: str = ""
) -> None:
    """Write one PNG: rows are the true classes, columns the predicted ones.

    matrix: (K, K) counts, `matrix[true, predicted]`. Colour and per cent are shares of the row, so
    classes of unequal size compare; the count stands above its per cent. Right answers are blue,
    mistakes orange and on a square-root scale, so that rare ones can still be seen.

    Raises ValueError if the matrix is not (K, K) for the K `classes`, or has negative entries.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "confusion.png"
    >>> confusion([[9, 1], [0, 10]], ("line", "curve"), path)
    >>> path.stat().st_size > 1000
    True
    """
    counts = np.asarray(matrix)
    size = len(classes)
    if counts.shape != (size, size):
        raise ValueError(
            f"confusion: {size} classes need a ({size}, {size}) matrix, given {counts.shape}"
        )
    if counts.size == 0 or (counts < 0).any():
        raise ValueError("confusion: the matrix must hold counts, given none or negative ones")
    rows = counts.sum(1, keepdims=True)
    share = np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)
    total, right = int(counts.sum()), int(np.trace(counts))

    # Two washes of colour on white, chosen by whether the cell is on the diagonal.
    strength = np.where(np.eye(size, dtype=bool), share, np.sqrt(share))[..., None]
    right_rgb, wrong_rgb = (np.array(to_rgb(name)) for name in (style.TRAIN, style.TEST))
    tint = np.where(np.eye(size, dtype=bool)[..., None], right_rgb, wrong_rgb)
    cells = 1 - (1 - _EMPTY) * (strength == 0) - strength * (1 - tint)

    side = float(np.clip(0.7 * size, 3.6, 14.0))
    classes = [style.short(name, 40) for name in classes]
    longest = max(len(name) for name in classes)
    with style.sheet(path, side + 1.3 + 0.06 * longest, side + 1.2 + 0.045 * longest) as figure:
        accuracy = (
            f"{100 * right / total:.2f} % right ({right:,} of {total:,})" if total else "empty"
        )
        style.headline(figure, f"{style.short(title or 'Confusion matrix', 100)}: {accuracy}")
        axes = figure.subplots()
        axes.imshow(cells)
        turn: dict[str, Any] = (
            {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if longest > 5 else {}
        )
        axes.set_xticks(range(size), classes, **turn)
        axes.set_yticks(range(size), classes)
        axes.tick_params(length=0, labelcolor=style.INK)
        axes.set_xlabel("predicted", color=style.MUTED)
        axes.set_ylabel("true", color=style.MUTED)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="minor", length=0)
        if size <= _MOST_WITH_NUMBERS:
            for (row, column), count in np.ndenumerate(counts):
                if count == 0:
                    continue
                axes.text(
                    column,
                    row,
                    f"{int(count)}\n{_per_cent(share[row, column])}",
                    ha="center",
                    va="center",
                    fontsize=8 if size <= 12 else 6.5,
                    color="white" if strength[row, column, 0] > 0.7 else style.INK,
                )


def _per_cent(part: float) -> str:
    """At most three figures, and never a rounded 100 % or 0 % that is not one."""
    if part == 1.0:
        return "100 %"
    return f"{min(max(100 * part, 0.1), 99.9):.1f} %"
