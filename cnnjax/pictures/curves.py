"""Learning curves: loss, accuracy and learning rate, epoch by epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from cnnjax.pictures import style


def learning_curves(
    history: Sequence[Mapping[str, Any]], path: str | os.PathLike[str], *, title: str = ""
) -> None:
    """Write one PNG with three panels: loss, accuracy, learning rate.

    history: one mapping an epoch with `epoch` (counted from 1), `loss` and `accuracy` (on the
    training images), `test_loss`, `test_accuracy`, `learning_rate`. A column
    that no row has is left out.

    Raises ValueError for an empty history.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "curves.png"
    >>> learning_curves([{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}], path)
    >>> path.stat().st_size > 1000
    True
    """
    if not history:
        raise ValueError("learning_curves: the history has no epochs, there is nothing to draw")
    with style.sheet(path, 11.5, 3.7) as figure:
        style.headline(figure, title or "Learning curves")
        loss, accuracy, rate = figure.subplots(1, 3)
        _panel(loss, "loss", history, {"loss": style.TRAIN, "test_loss": style.TEST})
        _panel(
            accuracy,
            "accuracy",
            history,
            {"accuracy": style.TRAIN, "test_accuracy": style.TEST},
        )
        _panel(rate, "learning rate", history, {"learning_rate": style.MUTED})
        loss.set_ylim(bottom=0)
        accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None))
        accuracy.set_ylim(top=1.0)
        rate.set_ylim(bottom=0)
        rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _panel(
    axes: Axes, title: str, history: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> None:
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for column, colour in columns.items():
        points = [(row["epoch"], row[column]) for row in history if row.get(column) is not None]
        if not points:
            continue
        epochs, values = zip(*points, strict=True)
        # Markers only while they can be told apart; a single epoch would be invisible without.
        marker = "o" if len(points) <= 40 else None
        kind = "test" if column.startswith("test_") else "train"
        axes.plot(epochs, values, color=colour, marker=marker, markersize=3.5, label=kind)
    if len(columns) > 1 and axes.lines:
        axes.legend()
