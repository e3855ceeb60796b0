"""Draws a `Grid` as inline SVG: cells with their values, coordinates, frames, a marked element.

Colours are classes that `figure.css` fills in, so that the pictures follow light and dark mode.
Nothing is said by colour alone: values are printed, the left frame is solid, the right one dashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from verify.dtypes import Number
from verify.report.grid import Grid, Window
from verify.report.markup import Markup, tag

Side = Literal["left", "right"]
_CELL, _SMALL, _WIDEST, _LABEL, _TOP = 30, 15, 66, 26, 20
_MANY = 11  # cells along an axis: where there are more, they are small and zeros are not written


@dataclass(frozen=True)
class Frame:
    """A rectangle of cells that one side reads."""

    window: Window
    side: Side


@dataclass(frozen=True)
class _Layout:
    """Where cells are: the upper left corner, and the size of one."""

    x: float
    y: float
    width: float
    height: float

    def at(self, row: int, column: int) -> tuple[float, float]:
        return self.x + column * self.width, self.y + row * self.height


def draw(
    grid: Grid,
    label: str,
    frames: Sequence[Frame] = (),
    mark: tuple[int, int] | None = None,
    side: Side | None = None,
) -> Markup:
    """The picture. label: what it shows, for screen readers. mark: the cell that differs."""
    small = max(len(grid.rows), len(grid.columns)) > _MANY
    longest = max(len(number(value)) for row in grid.values for value in row)
    size = _SMALL if small else _CELL
    layout = _Layout(
        _LABEL if grid.axes[0] is not None else 2,
        _TOP if grid.axes[1] is not None else 2,
        size if small else min(max(size, 8 * longest + 8), _WIDEST),
        size,
    )
    end = layout.at(len(grid.rows), len(grid.columns))
    return tag(
        "svg",
        _labels(grid, layout),
        (
            _cell(value, layout, (r, c), (r, c) == mark)
            for r, row in enumerate(grid.values)
            for c, value in enumerate(row)
        ),
        _borders(grid, layout),
        (_frame(frame, layout) for frame in frames),
        None if mark is None else _mark(mark, side, layout),
        class_="grid fine" if small else "grid",
        viewBox=f"0 0 {end[0] + 4:g} {end[1] + 4:g}",
        width=f"{end[0] + 4:g}",
        height=f"{end[1] + 4:g}",
        role="img",
        aria_label=label,
    )


def number(value: Number) -> str:
    """A value in few characters; what it leaves out is in the cell's tooltip.

    >>> [number(v) for v in (0.0, -1.0, 0.5, 1 / 3, 123456.0, np.int32(7), np.bool_(True))]
    ['0', '-1', '0.5', '0.333', '1.23e5', '7', 'true']
    """
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, complex | np.complexfloating):
        return f"{complex(value):.3g}"
    exact, short = f"{float(value):.9g}", f"{float(value):.3g}"
    shown = exact if len(exact) <= 5 else short
    mantissa, _, exponent = shown.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else shown


def _cell(value: Number, layout: _Layout, at: tuple[int, int], marked: bool) -> Markup:
    x, y = layout.at(*at)
    sign = "zero" if not value else "minus" if _negative(value) else "plus"
    text = number(value)
    size = "" if len(text) <= 5 else " small"
    return tag(
        "g",
        tag("title", _full(value)) if text != _full(value) else None,
        tag("rect", x=x, y=y, width=layout.width, height=layout.height),
        tag("text", text, x=x + layout.width / 2, y=y + layout.height / 2),
        class_=f"cell {sign}{size}{' marked' if marked else ''}",
        data_value=_full(value),
    )


def _negative(value: Number) -> bool:
    return not isinstance(value, complex | np.complexfloating) and bool(value < 0)


def _full(value: Number) -> str:
    return str(value.item() if hasattr(value, "item") else value)


def _labels(grid: Grid, layout: _Layout) -> Markup:
    """The coordinates, as they are in the array."""
    parts = []
    if grid.axes[1] is not None:
        for k, c in enumerate(grid.columns):
            x, y = layout.at(0, k)
            parts.append(tag("text", str(c), x=x + layout.width / 2, y=y - 9))
    if grid.axes[0] is not None:
        for k, r in enumerate(grid.rows):
            x, y = layout.at(k, 0)
            parts.append(tag("text", str(r), x=x - 13, y=y + layout.height / 2))
    return tag("g", parts, class_="label", aria_hidden="true")


def _borders(grid: Grid, layout: _Layout) -> list[Markup]:
    """Solid where the array ends, dotted where the picture is cropped."""
    (x0, y0), (x1, y1) = layout.at(0, 0), layout.at(len(grid.rows), len(grid.columns))
    lines = (
        (x0, y0, x1, y0, grid.rows.start == 0),
        (x0, y1, x1, y1, grid.rows.stop == grid.height),
        (x0, y0, x0, y1, grid.columns.start == 0),
        (x1, y0, x1, y1, grid.columns.stop == grid.width),
    )
    return [
        tag("line", x1=a, y1=b, x2=c, y2=d, class_="edge" if whole else "edge cut")
        for a, b, c, d, whole in lines
    ]


def _frame(frame: Frame, layout: _Layout) -> Markup:
    """The sides of a window; those that the crop cuts off stay open."""
    window, inset = frame.window, 1 if frame.side == "left" else 4  # both visible if they coincide
    x0, y0 = (v + inset for v in layout.at(window.rows.start, window.columns.start))
    x1, y1 = (v - inset for v in layout.at(window.rows.stop, window.columns.stop))
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    sides = (window.top, window.right, window.bottom, window.left)
    steps = [f"M{x0:g} {y0:g}"]
    for (x, y), drawn in zip((*corners[1:], corners[0]), sides, strict=True):
        steps.append(f"{'L' if drawn else 'M'}{x:g} {y:g}")
    return tag("path", d="".join(steps), class_=f"frame {frame.side}")


def _mark(at: tuple[int, int], side: Side | None, layout: _Layout) -> Markup:
    x, y = layout.at(*at)
    box = {"x": x, "y": y, "width": layout.width, "height": layout.height}
    return tag(
        "g",
        tag("rect", **box, class_="halo"),
        tag("rect", **box),
        tag("polygon", points=f"{x:g},{y:g} {x + 10:g},{y:g} {x:g},{y + 10:g}"),
        class_=f"mark {side or ''}".strip(),
    )
