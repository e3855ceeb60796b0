"""Draws a `Grid` as inline SVG: cells with their values, coordinates, frames, a marked element.

Colours are classes that `report.css` fills in, so that the pictures follow light and dark mode.
Nothing is said by colour alone: values are printed, the left frame is solid, the right one dashed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from verify.report.grid import Grid
from verify.report.markup import Markup, tag

Side = Literal["left", "right"]
_CELL, _WIDEST, _LABEL, _TOP = 30, 66, 26, 20


@dataclass(frozen=True)
class Frame:
    """A rectangle of cells that one side reads."""

    rows: range
    columns: range
    side: Side


def draw(
    grid: Grid,
    label: str,
    frames: Sequence[Frame] = (),
    mark: tuple[int, int] | None = None,
    side: Side | None = None,
) -> Markup:
    """The picture. label: what it shows, for screen readers. mark: the cell that differs."""
    width = min(max(_CELL, *(8 * len(number(v)) + 8 for row in grid.values for v in row)), _WIDEST)
    x0 = _LABEL if grid.axes[0] is not None else 2
    y0 = _TOP if grid.axes[1] is not None else 2
    wide, high = x0 + width * len(grid.columns) + 4, y0 + _CELL * len(grid.rows) + 4
    return tag(
        "svg",
        _labels(grid, x0, y0, width),
        (
            _cell(value, x0 + c * width, y0 + r * _CELL, width, (r, c) == mark)
            for r, row in enumerate(grid.values)
            for c, value in enumerate(row)
        ),
        _borders(grid, x0, y0, width),
        (_frame(frame, x0, y0, width) for frame in frames),
        None if mark is None else _mark(mark, side, x0, y0, width),
        class_="grid",
        viewBox=f"0 0 {wide} {high}",
        width=wide,
        height=high,
        role="img",
        aria_label=label,
    )


def number(value: Any) -> str:
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


def _cell(value: Any, x: int, y: int, width: int, marked: bool) -> Markup:
    zero = not value
    sign = "zero" if zero else "minus" if _negative(value) else "plus"
    text = number(value)
    size = "" if len(text) <= 5 else " small"
    return tag(
        "g",
        tag("title", _full(value)) if text != _full(value) else None,
        tag("rect", x=x, y=y, width=width, height=_CELL),
        tag("text", text, x=x + width / 2, y=y + _CELL / 2),
        class_=f"cell {sign}{size}{' marked' if marked else ''}",
        data_value=_full(value),
    )


def _negative(value: Any) -> bool:
    return not isinstance(value, complex | np.complexfloating) and bool(value < 0)


def _full(value: Any) -> str:
    return str(value.item() if hasattr(value, "item") else value)


def _labels(grid: Grid, x0: int, y0: int, width: int) -> Markup:
    """The coordinates, as they are in the array."""
    parts = []
    if grid.axes[1] is not None:
        parts += [
            tag("text", str(c), x=x0 + k * width + width / 2, y=y0 - 9)
            for k, c in enumerate(grid.columns)
        ]
    if grid.axes[0] is not None:
        parts += [
            tag("text", str(r), x=x0 - 13, y=y0 + k * _CELL + _CELL / 2)
            for k, r in enumerate(grid.rows)
        ]
    return tag("g", parts, class_="label", aria_hidden="true")


def _borders(grid: Grid, x0: int, y0: int, width: int) -> list[Markup]:
    """Solid where the array ends, dotted where the picture is cropped."""
    x1, y1 = x0 + width * len(grid.columns), y0 + _CELL * len(grid.rows)
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


def _frame(frame: Frame, x0: int, y0: int, width: int) -> Markup:
    inset = 1 if frame.side == "left" else 4  # both stay visible where they coincide
    return tag(
        "rect",
        x=x0 + frame.columns.start * width + inset,
        y=y0 + frame.rows.start * _CELL + inset,
        width=len(frame.columns) * width - 2 * inset,
        height=len(frame.rows) * _CELL - 2 * inset,
        rx=3,
        class_=f"frame {frame.side}",
    )


def _mark(at: tuple[int, int], side: Side | None, x0: int, y0: int, width: int) -> Markup:
    x, y = x0 + at[1] * width, y0 + at[0] * _CELL
    corner = itertools.chain.from_iterable(((x, y), (x + 10, y), (x, y + 10)))
    return tag(
        "g",
        tag("rect", x=x, y=y, width=width, height=_CELL, class_="halo"),
        tag("rect", x=x, y=y, width=width, height=_CELL),
        tag("polygon", points=" ".join(map(str, corner))),
        class_=f"mark {side or ''}".strip(),
    )
