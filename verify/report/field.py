"""The receptive field of a program whose result is one number, drawn on each input it sees part of.

Found by dependence analysis of the settled program, at the shapes that it was settled at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import jax
import numpy as np

from verify.certificate.fingerprints import fingerprint
from verify.checks.dependence import dependence
from verify.claims.claim import Variant
from verify.inputs.signature import arguments, format_spec
from verify.programs import Program, trace
from verify.report.grid import plane
from verify.report.markup import Markup, tag
from verify.report.words import t
from verify.verdict import Verdict

_SIDE = 280.0  # of the picture, in pixels
_LINES = 48  # cells along a side up to which there are lines between them
_LEFT, _TOP = 26, 20  # room for coordinates
_MOST = 5_000_000  # elements of all intermediate arrays together: two or three seconds


def figure(variant: Variant, verdict: Verdict) -> Markup | None:
    """The figure; None unless the verdict is a proof about a number that sees part of an image."""
    if verdict.status != "proved" or verdict.subject is None or variant.left is None:
        return None
    if verdict.subject.examples is None:
        return None
    examples = arguments(verdict.subject.examples)
    try:
        program = trace(variant.left, *examples)
    except Exception:  # the settled program was another one
        return None
    if not _one_number(program) or fingerprint(program) != verdict.subject.left_program:
        return None
    masks = jax.tree.leaves(dependence(variant.left, *examples).inputs_of())
    panels = list(_panels(masks, jax.tree.leaves(examples)))
    if not panels:
        return None
    return tag("figure", tag("figcaption", t("field"), class_="over"), panels, class_="field")


def _one_number(program: Program) -> bool:
    size = sum(math.prod(var.shape) for eq in program.equations for var in eq.outputs)
    return [var.shape for var in program.outputs] == [()] and size <= _MOST


def _panels(masks: list[np.ndarray], examples: list[jax.ShapeDtypeStruct]) -> Iterator[Markup]:
    for mask, example in zip(masks, examples, strict=True):
        down, across = plane(mask.shape)
        if down is None or across is None:
            continue
        others = tuple(k for k in range(mask.ndim) if k not in (down, across))
        seen = np.asarray(mask.any(axis=others))
        if seen.any() and not seen.all():
            yield _panel(seen, format_spec(example))


def _panel(seen: np.ndarray, spec: str) -> Markup:
    rows, columns = (np.flatnonzero(seen.any(axis=k)) for k in (1, 0))
    sides = [f"{line[-1] - line[0] + 1}" for line in (rows, columns)]
    whole = "×".join(map(str, seen.shape))
    label = (
        f"rows {rows[0]} to {rows[-1]}, columns {columns[0]} to {columns[-1]} of {whole} are seen"
    )
    return tag(
        "div",
        _draw(seen, label),
        tag("p", t("field-says", seen="×".join(sides), whole=whole), class_="note"),
        tag("p", spec, class_="spec"),
        class_="panel",
    )


def _draw(seen: np.ndarray, label: str) -> Markup:
    height, width = seen.shape
    cell = min(_SIDE / max(height, width), 16.0)
    right, bottom = _LEFT + width * cell, _TOP + height * cell
    runs = (
        tag(
            "rect",
            x=f"{_LEFT + start * cell:g}",
            y=f"{_TOP + row * cell:g}",
            width=f"{length * cell:g}",
            height=f"{cell:g}",
        )
        for row in range(height)
        for start, length in _runs(seen[row])
    )
    lines = [f"M{_LEFT + k * cell:g} {_TOP}V{bottom:g}" for k in range(1, width)]
    lines += [f"M{_LEFT} {_TOP + k * cell:g}H{right:g}" for k in range(1, height)]
    return tag(
        "svg",
        tag(
            "rect",
            x=_LEFT,
            y=_TOP,
            width=f"{width * cell:g}",
            height=f"{height * cell:g}",
            class_="unseen",
        ),
        tag("g", runs, class_="seen"),
        tag("path", d="".join(lines), class_="lines") if max(height, width) <= _LINES else None,
        tag("g", _labels(seen, cell), class_="label", aria_hidden="true"),
        class_="grid",
        viewBox=f"0 0 {right + 2:g} {bottom + 2:g}",
        width=f"{right + 2:g}",
        height=f"{bottom + 2:g}",
        role="img",
        aria_label=label,
    )


def _labels(seen: np.ndarray, cell: float) -> Iterator[Markup]:
    """The first and the last row and column that are seen."""
    rows, columns = (np.flatnonzero(seen.any(axis=k)) for k in (1, 0))
    for c in sorted({int(columns[0]), int(columns[-1])}):
        yield tag("text", str(c), x=f"{_LEFT + (c + 0.5) * cell:g}", y=_TOP - 9)
    for r in sorted({int(rows[0]), int(rows[-1])}):
        yield tag("text", str(r), x=_LEFT - 13, y=f"{_TOP + (r + 0.5) * cell:g}")


def _runs(line: np.ndarray) -> Iterator[tuple[int, int]]:
    """The stretches of true cells, as (start, length).

    >>> list(_runs(np.array([False, True, True, False, True])))
    [(1, 2), (4, 1)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]])))
    for start, end in edges.reshape(-1, 2).tolist():
        yield start, end - start
