"""A sweep as tables: one cell a verdict, coloured and marked with a symbol, and the rule found.

Two axes run down and across; each combination of the others is a table of its own.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from verify.claims.claim import Sweep
from verify.report.facts import SYMBOLS
from verify.report.markup import Markup, prose, tag
from verify.report.words import t
from verify.verdict import Status

_OPEN = 800  # cells: more are folded away

Place = tuple[object, ...]


def section(sweep: Sweep) -> Markup:
    """The heading, the rule, a legend with counts, and the tables."""
    counts = Counter(cell.verdict.status for cell in sweep.cells)
    legend = (
        tag(
            "li",
            tag("span", SYMBOLS[status], class_=f"sign {status}"),
            t(status),
            f" {counts[status]}",
        )
        for status in SYMBOLS
        if counts[status]
    )
    return tag(
        "section",
        tag("h3", t("sweep")),
        tag(
            "p",
            tag("span", t("rule"), class_="label"),
            tag("span", prose(sweep.rule), lang="en"),
            " ",
            tag(
                "span",
                t("rule-exact" if sweep.exact else "rule-not-exact"),
                class_="aside" if sweep.exact else "aside unexpected",
            ),
            class_="rule",
        ),
        tag("ul", legend, class_="legend"),
        _grid(sweep) if sweep.cells else None,
        class_="sweep",
    )


@dataclass(frozen=True)
class _Plan:
    """How the axes are laid out. written: an axis that the others determine stands in the cells."""

    axes: Sequence[str]
    points: Sequence[Sequence[object]]  # the values of each axis
    down: int | None
    across: int
    others: Sequence[int]  # a table for each of their combinations
    written: int | None
    found: dict[Place, tuple[Status, object]]  # by the axes that are not written

    def caption(self, where: dict[int, object]) -> str:
        return ", ".join(f"{self.axes[k]} {_text(v)}" for k, v in where.items())

    def cell(self, at: dict[int, object]) -> Markup:
        place = tuple(at[k] for k in sorted(at) if k != self.written)
        if place not in self.found:
            return tag("td")
        status, value = self.found[place]
        text = SYMBOLS[status] if self.written is None else f"{SYMBOLS[status]} {_text(value)}"
        return tag("td", text, class_=status)


def _grid(sweep: Sweep) -> Markup:
    plan = _plan(sweep)
    lines = [t("columns"), ": ", tag("b", plan.axes[plan.across])]
    if plan.down is not None:
        lines = [t("rows"), ": ", tag("b", plan.axes[plan.down]), " · ", *lines]
    if plan.written is not None:
        lines += [" · ", t("in-cells"), ": ", tag("b", plan.axes[plan.written])]
    return tag(
        "details",
        tag("summary", t("n-cells", n=len(sweep.cells))),
        tag("p", lines, class_="note"),
        tag("div", _groups(plan), class_="groups"),
        open=len(sweep.cells) <= _OPEN,
    )


def _plan(sweep: Sweep) -> _Plan:
    count = len(sweep.axes)
    points = [_values([cell.at[k] for cell in sweep.cells]) for k in range(count)]
    written = _determined([cell.at for cell in sweep.cells], [len(values) for values in points])
    free = [k for k in range(count) if k != written]
    order = sorted(free, key=lambda k: -len(points[k]))
    across, down = order[0], order[1] if len(order) > 1 else None
    found = {
        tuple(cell.at[k] for k in free): (
            cell.verdict.status,
            None if written is None else cell.at[written],
        )
        for cell in sweep.cells
    }
    others = [k for k in free if k not in (across, down)]
    return _Plan(sweep.axes, points, down, across, others, written, found)


def _determined(places: Sequence[Place], lengths: Sequence[int]) -> int | None:
    """The axis with the most values, if the others determine it although it varies.

    >>> _determined([(3, 1, 5), (5, 1, 9), (3, 2, 7), (5, 2, 13)], [2, 2, 4])
    2
    >>> _determined([(3, 1), (5, 1), (3, 2), (5, 2)], [2, 2]) is None
    True
    """
    longest = max(range(len(lengths)), key=lambda k: lengths[k])
    others = {at[:longest] + at[longest + 1 :] for at in places}
    alone = len(lengths) == 1 or len(others) < len(places) or lengths[longest] == 1
    return None if alone else longest


def _groups(plan: _Plan) -> Iterator[Markup]:
    """The tables; those that differ only in the last of the other axes stand side by side."""
    for outer in itertools.product(*(plan.points[k] for k in plan.others[:-1])):
        fixed = dict(zip(plan.others[:-1], outer, strict=True))
        tables = []
        for inner in itertools.product(*(plan.points[k] for k in plan.others[-1:])):
            last = dict(zip(plan.others[-1:], inner, strict=True))
            tables.append(_table(plan, {**fixed, **last}, plan.caption(last)))
        title = plan.caption(fixed)
        shown = [table for table in tables if table is not None]
        if shown:
            heading = tag("p", title, class_="label") if title else None
            yield tag("div", heading, tag("div", shown, class_="tables"))


def _table(plan: _Plan, where: dict[int, object], caption: str) -> Markup | None:
    """One table; None if there is nothing in it."""
    across, down = plan.axes[plan.across], "" if plan.down is None else plan.axes[plan.down]
    columns = plan.points[plan.across]
    corner = tag("span", f"{down} / {across}" if down else across, class_="hidden")
    rows = []
    for row in [None] if plan.down is None else plan.points[plan.down]:
        at = where if plan.down is None else {**where, plan.down: row}
        cells = [plan.cell({**at, plan.across: column}) for column in columns]
        label = "" if plan.down is None else _text(row)
        rows.append(
            (tag("tr", tag("th", label, scope="row"), cells), any("class" in c for c in cells))
        )
    if not any(filled for _, filled in rows):
        return None
    head = tag("tr", tag("td", corner), (tag("th", _text(v), scope="col") for v in columns))
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption) if caption else None,
            tag("thead", head),
            tag("tbody", (row for row, _ in rows)),
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=plan.caption(where) or across,
    )


def _values(column: Sequence[object]) -> list[object]:
    """The values of an axis: numbers in order, others as they first appear."""
    values = list(dict.fromkeys(column))
    numbers = sorted(v for v in values if isinstance(v, int | float))
    return [*numbers] if len(numbers) == len(values) else values


def _text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)
