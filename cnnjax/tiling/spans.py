"""Which part of an array a tile needs: one span an axis, for all tiles at once.

Tiles lie on a grid; along one of its axes, tile number t needs of an array's axis the elements

    first[t] <= i < first[t] + size

with one size for all tiles, so that one compiled program serves them all. What `first` is need not
follow a formula: it is a table. An axis along which all tiles need the same is taken whole (None).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnjax.summary.fields import Field


@dataclass(frozen=True, eq=False)
class Span:
    """Elements `first[t]` to `first[t] + size - 1` for tile t along axis `along` of the grid."""

    along: int
    first: np.ndarray
    size: int


Box = tuple[Span | None, ...]  # one an axis of the array; None is the whole axis


def whole(shape: Sequence[int]) -> Box:
    return (None,) * len(shape)


def sizes(box: Box, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of the part."""
    return tuple(n if span is None else span.size for span, n in zip(box, shape, strict=True))


class Mixed(Exception):
    """One axis would move with two axes of the grid."""


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
    return Span(along.pop(), first, int((end - first).max()))


def hull(spans: Sequence[Span | None]) -> Span | None:
    """The smallest span that contains all."""
    given = [span for span in spans if span is not None]
    if len(given) < len(spans) or not given:
        return None
    if len({span.along for span in given}) > 1:
        raise Mixed
    if len(given) == 1:
        return given[0]
    first = np.min([span.first for span in given], axis=0)
    end = np.max([span.first + span.size for span in given], axis=0)
    return Span(given[0].along, first, int((end - first).max()))


def inside(span: Span | None, length: int) -> Span | None:
    """The part of a span that lies in an axis of this length, moved inwards where it is shorter
    than for other tiles: every element of it exists."""
    if span is None:
        return None
    first = np.clip(span.first, 0, length)
    end = np.clip(span.first + span.size, 0, length)
    size = max(int((end - first).max()), 1)
    if size >= length:
        return None
    return Span(span.along, np.minimum(first, length - size), size)


def contains(outer: Span | None, inner: Span | None) -> bool:
    """Whether one span has, for every tile, all elements of another."""
    if outer is None or inner is outer:
        return True
    if inner is None or inner.along != outer.along:
        return False
    ends = inner.first + inner.size <= outer.first + outer.size
    return bool((inner.first >= outer.first).all() and ends.all())
