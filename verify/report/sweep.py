"""A sweep as tables: one cell a verdict, coloured and marked with a symbol, and the rule found.

Two axes run down and across; each combination of the others is a table of its own.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from verify.claims.claim import Sweep
from verify.report.markup import Markup, prose, tag
from verify.report.words import t
from verify.verdict import Status

SYMBOLS: dict[Status, str] = {"proved": "✓", "refuted": "✗", "unknown": "?"}
_OPEN = 800  # cells: more are folded away

Place = tuple[Any, ...]


def section(sweep: Sweep) -> Markup:
    """The heading, the rule, a legend with counts, and the tables."""
    found = {cell.at: cell.verdict.status for cell in sweep.cells}
    counts = Counter(found.values())
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
        tag(
            "details",
            tag("summary", t("n-cells", n=len(found))),
            tag("div", _groups(sweep.axes, found), class_="groups"),
            open=len(found) <= _OPEN,
        ),
        class_="sweep",
    )


def _groups(axes: Sequence[str], found: dict[Place, Status]) -> Iterator[Markup]:
    """The tables; those that differ only in the last of the other axes stand side by side."""
    points = [_values([at[k] for at in found]) for k in range(len(axes))]
    down, across = _layout([len(values) for values in points])
    others = [k for k in range(len(axes)) if k not in (down, across)]
    for outer in itertools.product(*(points[k] for k in others[:-1])):
        tables = []
        for inner in itertools.product(*(points[k] for k in others[-1:])):
            where = dict(zip(others, (*outer, *inner), strict=True))
            if any(all(at[k] == v for k, v in where.items()) for at in found):
                caption = _caption(axes, dict(zip(others[-1:], inner, strict=True)))
                corner = _caption(axes, where)
                lines = _Lines(axes, points, down, across, where)
                tables.append(_table(lines, found, caption, corner))
        title = _caption(axes, dict(zip(others[:-1], outer, strict=True)))
        if tables:
            yield tag(
                "div",
                tag("p", title, class_="label") if title else None,
                tag("div", tables, class_="tables"),
            )


@dataclass(frozen=True)
class _Lines:
    """What runs down and across in one table, and where the table is in the grid."""

    axes: Sequence[str]
    points: Sequence[Sequence[Any]]
    down: int | None
    across: int
    where: dict[int, Any]

    def place(self, row: Any, column: Any) -> Place:
        at = {**self.where, self.across: column}
        if self.down is not None:
            at[self.down] = row
        return tuple(at[k] for k in range(len(self.axes)))


def _table(lines: _Lines, found: dict[Place, Status], caption: str, name: str) -> Markup:
    across = lines.axes[lines.across]
    corner = across if lines.down is None else f"{lines.axes[lines.down]} \\ {across}"
    columns = lines.points[lines.across]
    head = tag(
        "tr", tag("th", corner, scope="col"), (tag("th", _text(v), scope="col") for v in columns)
    )
    rows = []
    for row in [None] if lines.down is None else lines.points[lines.down]:
        cells = (_cell(found.get(lines.place(row, column))) for column in columns)
        label = "" if lines.down is None else _text(row)
        rows.append(tag("tr", tag("th", label, scope="row"), cells))
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption) if caption else None,
            tag("thead", head),
            tag("tbody", rows),
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=name or corner,
    )


def _cell(status: Status | None) -> Markup:
    return tag("td") if status is None else tag("td", SYMBOLS[status], class_=status)


def _caption(axes: Sequence[str], where: dict[int, Any]) -> str:
    return ", ".join(f"{axes[k]} {_text(v)}" for k, v in where.items())


def _values(column: Sequence[Any]) -> list[Any]:
    """The values of an axis: numbers in order, others as they first appear."""
    values = list(dict.fromkeys(column))
    numeric = all(isinstance(v, int | float) for v in values)
    return sorted(values) if numeric else values


def _layout(lengths: Sequence[int]) -> tuple[int | None, int]:
    """The axes that run down and across: the two longest, the longer across.

    >>> _layout([6, 3, 2, 4]), _layout([5])
    ((3, 0), (None, 0))
    """
    order = sorted(range(len(lengths)), key=lambda k: -lengths[k])
    return (order[1] if len(order) > 1 else None), order[0]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
