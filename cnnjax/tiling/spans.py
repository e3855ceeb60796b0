"""Which part of an array a tile needs: one span an axis, for all tiles at once.

Tiles lie on a grid; along one of its axes, tile number t needs of an array's axis the elements

    first[t] <= i < first[t] + size

with one size for all tiles, so that one compiled program serves them all. What `first` is need not
follow a formula: it is a table. An axis along which all tiles need the same is taken whole (None).

Where pieces are joined along the image (padding by reflection), a tile needs some of them only:
`needed[t]` says whether it needs any of the span. What it computes where it needs nothing is not
looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnjax.summary.fields import Field


@dataclass(frozen=True, eq=False)
class Span:
    """Elements `first[t]` to `first[t] + size - 1` for tile t along axis `along` of the grid.

    needed: the tiles that need them; None for all. source: the equation that joins the pieces.
    """

    along: int
    first: np.ndarray
    size: int
    needed: np.ndarray | None = None
    source: Any = None

    def needs(self, tiles: Any = slice(None)) -> Any:
        """Whether each of these tiles needs the span."""
        whole = np.ones(len(self.first), bool) if self.needed is None else self.needed
        return whole[tiles]


Box = tuple[Span | None, ...]  # one an axis of the array; None is the whole axis


def whole(shape: Sequence[int]) -> Box:
    return (None,) * len(shape)


def sizes(box: Box, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of the part."""
    return tuple(n if span is None else span.size for span, n in zip(box, shape, strict=True))


class Mixed(Exception):
    """One axis would move with two axes of the grid."""


class Apart(Exception):
    """A tile would need pieces of one axis that lie far apart: which equation joins them."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        self.source = source


def any_of(spans: Sequence[Span]) -> tuple[np.ndarray | None, Any]:
    """Which tiles need one of the spans, and what joins them, if some tiles need none."""
    masks = [span.needed for span in spans if span.needed is not None]
    if not masks or len(masks) < len(spans):
        return None, None
    needed = np.any(masks, axis=0)
    source = next(span.source for span in spans if span.needed is not None)
    return (None, None) if needed.all() else (needed, source)


def read(field: Field, box: Box, shape: Sequence[int]) -> Span | None:
    """What the elements in `box`, a part of an array of this shape, read along one operand's axis.

    The span may stick out of the operand at both ends: there a window reads its padding.
    `field` is what `cnnjax.summary` says of the equation.
    """
    moving = [axis for axis in field.strides if box[axis] is not None]
    if field.whole or not moving:
        return None
    # In units of 1/q: a window over a dilated image moves by parts of an element.
    q = math.lcm(
        field.start.denominator,
        field.size.denominator,
        *(stride.denominator for stride in field.strides.values()),
    )
    low: np.ndarray | int = int(field.start * q)
    reach = int((field.size - 1) * q)
    along = set()
    for axis, stride in field.strides.items():
        span, step = box[axis], int(stride * q)
        last = (shape[axis] if span is None else span.size) - 1
        low = low + min(step * last, 0)
        reach += abs(step) * last
        if span is not None:
            low = low + step * span.first
            along.add(span.along)
    if len(along) > 1:
        raise Mixed
    first = np.asarray(low) // q
    end = (np.asarray(low) + reach) // q + 1
    masks = any_of([span for axis in moving if (span := box[axis]) is not None])
    return Span(along.pop(), first, int((end - first).max()), *masks)


def hull(spans: Sequence[Span | None]) -> Span | None:
    """The smallest span that contains all."""
    given = [span for span in spans if span is not None]
    if len(given) < len(spans) or not given:
        return None
    if len({span.along for span in given}) > 1:
        raise Mixed
    if len(given) == 1:
        return given[0]
    if all(span.needed is None for span in given):
        first = np.min([span.first for span in given], axis=0)
        end = np.max([span.first + span.size for span in given], axis=0)
        return Span(given[0].along, first, int((end - first).max()))
    needs = np.array([span.needs() for span in given])
    firsts = np.array([span.first for span in given])
    sizes_ = np.array([[span.size] for span in given])
    far = np.iinfo(np.int64).max // 4
    first = np.where(needs, firsts, far).min(0)
    end = np.where(needs, firsts + sizes_, -far).max(0)
    needed, source = any_of(given)
    some = needs.any(0)
    first, reach = np.where(some, first, 0), np.where(some, end - first, 1)
    if (reach > 2 * np.where(needs, sizes_, 0).sum(0)).any(where=some):
        raise Apart(next(span.source for span in given if span.needed is not None))
    return Span(given[0].along, first, int(reach.max()), needed, source)


def inside(span: Span | None, length: int) -> Span | None:
    """The part of a span that lies in an axis of this length, moved inwards where it is shorter
    than for other tiles: every element of it exists."""
    if span is None:
        return None
    first = np.clip(span.first, 0, length)
    end = np.clip(span.first + span.size, 0, length)
    size = max(int((end - first).max(where=span.needs(), initial=0)), 1)
    if size >= length:
        if span.needed is None:
            return None
        # Not "whole": to the tiles that do not need it, what it is made of is nothing either.
        return Span(span.along, np.zeros_like(first), length, span.needed, span.source)
    return Span(span.along, np.minimum(first, length - size), size, span.needed, span.source)


def contains(outer: Span | None, inner: Span | None) -> bool:
    """Whether one span has, for every tile, all elements of another."""
    if outer is None or inner is outer:
        return True
    if inner is None or inner.along != outer.along:
        return False
    fits = (inner.first >= outer.first) & (inner.first + inner.size <= outer.first + outer.size)
    return bool((fits & outer.needs() | ~inner.needs()).all())
