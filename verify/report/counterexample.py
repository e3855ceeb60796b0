"""The figure of a counterexample: its inputs, both outputs, the element that differs, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from verify.dtypes import Number
from verify.found import Counterexample
from verify.inputs.signature import format_spec
from verify.report.evidence import Functions, View, evidence
from verify.report.grid import Box, Grid, grids, slice_at
from verify.report.markup import Markup, tag
from verify.report.svg import Frame, Side, draw
from verify.report.words import t
from verify.shown import describe
from verify.verdict import Verdict

_MOST_INPUTS = 6


def figure(verdict: Verdict, functions: Functions = (None, None)) -> Markup | None:
    """The figure, or None for a verdict without a counterexample. The two functions are used where
    the counterexample does not have their programs."""
    example = verdict.counterexample
    if example is None:
        return None
    left, right = evidence(verdict, functions)
    return tag(
        "figure",
        tag("figcaption", t("counterexample"), class_="over"),
        _inputs(example, left, right),
        _legend(example, left, right),
        _outputs(example, left, right),
        _versus(example),
        tag("p", example.explanation, class_="explanation", lang="en")
        if example.explanation
        else None,
        class_="counterexample",
    )


def names(example: Counterexample) -> list[str]:
    """What the input arrays are called, one a leaf of the inputs."""
    count = len(example.arrays())
    return list(example.names) or [f"argument {i}" for i in range(count)]


def _inputs(example: Counterexample, left: View, right: View) -> Iterator[Markup]:
    """Drawn where there are non-zero elements; named where there are none, or no room."""
    arrays = [array for _, array in example.arrays()]
    panels: list[Markup] = []
    zeros: list[Markup] = []
    for number, (name, array) in enumerate(zip(names(example), arrays, strict=True)):
        boxes = _boxes(left, right, number, array.shape)
        shown, more = grids(array, [box for _, box in boxes])
        spec = [tag("code", name), " ", tag("span", format_spec(array), class_="spec")]
        if not shown:
            zeros.append(tag("li", spec))
        elif len(panels) >= _MOST_INPUTS:
            panels.append(tag("p", spec, " ", tag("span", describe(array), lang="en")))
        for grid in shown if len(panels) < _MOST_INPUTS else ():
            frames = [f for side, box in boxes for f in _frame(grid, side, box)]
            panels.append(_panel(name + grid.place, format_spec(array), grid, frames=frames))
        if more:
            panels.append(tag("p", t("more-slices", n=more), class_="note"))
    yield tag("div", panels, class_="panels")
    if zeros:
        yield tag(
            "div", tag("span", t("all-zero"), class_="label"), tag("ul", zeros), class_="zeros"
        )


def _outputs(example: Counterexample, left: View, right: View) -> Markup | None:
    if example.where is None:
        return None
    number, index = example.where
    panels = []
    sides: tuple[tuple[Side, View], ...] = (("left", left), ("right", right))
    for side, view in sides:
        if view.output is None or not index:
            continue
        grid = slice_at(view.output, index)
        name = tag("span", t(side), " ", tag("code", _output(number) + grid.place))
        panels.append(
            _panel(name, None, grid, mark=grid.cell(index), side=side, label=f"{side}{grid.place}")
        )
    return tag("div", panels, class_="panels outputs") if panels else None


def _panel(
    name: str,
    spec: str | None,
    grid: Grid,
    *,
    frames: Sequence[Frame] = (),
    mark: tuple[int, int] | None = None,
    side: Side | None = None,
    label: str | None = None,
) -> Markup:
    title = name if isinstance(name, Markup) else tag("code", name)
    return tag(
        "figure",
        tag("figcaption", title, None if spec is None else tag("span", spec, class_="spec")),
        draw(grid, _label(label or name, grid), frames, mark, side),
        tag("p", t("outside", n=grid.outside), class_="note") if grid.outside else None,
        class_=f"panel {side or ''}".strip(),
    )


def _label(name: str, grid: Grid) -> str:
    """The picture for those who do not see it: its non-zero elements."""
    rows, columns = (f"{r.start} to {r.stop - 1}" for r in (grid.rows, grid.columns))
    window = np.asarray(grid.values)
    return f"{name}, rows {rows}, columns {columns}: {describe(window)}"


def _versus(example: Counterexample) -> Markup:
    """Left value ≠ right value, at which element."""
    where = None
    if example.where is not None:
        number, index = example.where
        place = _output(number) + (f"[{', '.join(map(str, index))}]" if index else "")
        where = tag("span", t("element"), " ", tag("code", place), class_="where")
    left, right = (
        tag("b", short, title=None if (whole := value(x)) == short else whole)
        for x, short in zip(
            (example.left, example.right), apart(example.left, example.right), strict=True
        )
    )
    return tag(
        "p",
        where,
        tag("span", t("left-value"), " ", left, class_="value left"),
        tag("span", "≠", class_="unequal"),
        tag("span", t("right-value"), " ", right, class_="value right"),
        class_="versus",
    )


def apart(left: Number | str, right: Number | str) -> tuple[str, str]:
    """Two values in as few digits as tell them apart, and one more; whole numbers as they are.

    >>> apart(np.float32(1 / 3), np.float32(0.33355559)), apart(1 / 3, 0.3333334)
    (('0.3333', '0.3336'), ('0.33333333', '0.3333334'))
    >>> apart(np.float64(16777216), np.float64(0.1)), apart(np.float64(np.inf), 1.5)
    (('16777216', '0.1'), ('inf', '1.5'))
    """
    real = float | np.floating
    if not (isinstance(left, real) and isinstance(right, real)):
        return value(left), value(right)

    def shown(x: float, digits: int) -> str:
        return value(np.float64(x)) if x.is_integer() else f"{x:.{digits}g}"

    one, other = float(left), float(right)
    digits = next((n for n in range(3, 9) if shown(one, n) != shown(other, n)), 8) + 1
    return shown(one, digits), shown(other, digits)


def value(x: Number | str) -> str:
    """A value of an output, as the verdict prints it.

    >>> value(np.float64(1.0)), value(np.int32(3)), value("f32[2]")
    ('1', '3', 'f32[2]')
    """
    if isinstance(x, bool | np.bool_ | str):
        return str(x)
    if isinstance(x, int | np.integer):
        return str(int(x))
    if isinstance(x, complex | np.complexfloating):
        return f"{complex(x):.9g}"
    return f"{float(x):.9g}"


def _output(number: int) -> str:
    return f"output {number}, output" if number else "output"


def _boxes(left: View, right: View, number: int, shape: Sequence[int]) -> list[tuple[Side, Box]]:
    """What each side reads of an input; nothing where both read all of it."""
    sides: tuple[tuple[Side, View], ...] = (("left", left), ("right", right))
    known = [(side, view.reads[number]) for side, view in sides if view.reads is not None]
    whole = tuple(slice(0, n) for n in shape)
    if all(box == whole for _, box in known):
        return []
    return [(side, box) for side, box in known if box is not None]


def _frame(grid: Grid, side: Side, box: Box) -> list[Frame]:
    window = grid.window(box)
    return [] if window is None else [Frame(window, side)]


def _legend(example: Counterexample, left: View, right: View) -> Markup | None:
    """What the frames mean, if there are any."""
    shapes = [array.shape for _, array in example.arrays()]
    if not any(_boxes(left, right, number, shape) for number, shape in enumerate(shapes)):
        return None
    samples = (
        tag(
            "svg",
            tag("rect", x=2, y=2, width=18, height=12, rx=3, class_=f"frame {side}"),
            class_="sample",
            width=22,
            height=16,
            aria_hidden="true",
        )
        for side in ("left", "right")
    )
    return tag("p", samples, t("reads"), class_="note")
