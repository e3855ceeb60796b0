"""Shapes without dimensions of size one: where dimensions stand, once arrays are moved."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]


def squeezed(shape: Sequence[Any]) -> Shape:
    """A shape without its dimensions of size one.

    >>> squeezed((1, 5, 1, 3))
    (5, 3)
    """
    return tuple(n for n in shape if n != 1)


def kept(shape: Sequence[int]) -> list[int]:
    """The dimensions that are left without those of size one."""
    return [i for i, n in enumerate(shape) if n != 1]


def among(dims: Sequence[int], shape: Sequence[int]) -> Shape:
    """Where dimensions of `shape` stand among those that are left; those of size one nowhere."""
    left = kept(shape)
    return tuple(left.index(int(d)) for d in dims if int(d) in left)


def ranks(places: Sequence[int]) -> Shape:
    """Where things stand among themselves that stand at these places.

    >>> ranks((7, 2, 5))
    (2, 0, 1)
    """
    order = sorted(places)
    return tuple(order.index(p) for p in places)


def inverse(permutation: Sequence[int]) -> Shape:
    """Where each place goes from which a permutation takes.

    >>> inverse((2, 0, 1))
    (1, 2, 0)
    """
    order = list(permutation)
    return tuple(map(order.index, range(len(order))))


@dataclass(frozen=True)
class Regrouped:
    """A placed array reshaped: what it is made of in a shape `root`, placed at `dims`."""

    root: Shape
    dims: Shape


def regrouped(shape: Shape, other: Shape, dims: Shape) -> Regrouped | None:
    """A value's dimensions stand at `dims` of an array of `shape`, which repeats it along the
    others. Reshaped to `other` it is the value, reshaped and placed, if what becomes one dimension,
    or several, are dimensions that follow one another in the value.

    >>> regrouped((2, 196, 24), (392, 24), (2,))
    Regrouped(root=(24,), dims=(1,))
    >>> regrouped((2, 6, 24), (2, 2, 3, 24), (2, 1, 0))
    Regrouped(root=(24, 2, 3, 2), dims=(3, 1, 2, 0))
    >>> regrouped((2, 6, 24), (12, 24), (1, 0, 2)) is None
    True
    """
    if 0 in shape:
        return None
    sizes: dict[int, list[int]] = {}  # of the value's dimensions, by the first of a group
    places: dict[int, list[int]] = {}
    for ours, theirs in _groups(shape, other):
        inside = [i for i, d in enumerate(dims) if d in ours]
        if not inside:
            continue
        if [dims[i] for i in inside] != list(ours):  # in another order, or repeated in between
            return None
        if inside != list(range(inside[0], inside[0] + len(inside))):
            return None
        sizes[inside[0]] = [other[j] for j in theirs]
        places[inside[0]] = list(theirs)
    order = sorted(sizes)
    root = tuple(itertools.chain.from_iterable(sizes[i] for i in order))
    return Regrouped(root, tuple(itertools.chain.from_iterable(places[i] for i in order)))


def _groups(shape: Shape, other: Shape) -> Iterator[tuple[range, range]]:
    """The smallest groups of dimensions of one shape that have as many elements as such a group of
    the other one."""
    i = j = 0
    while i < len(shape):
        k, m = i + 1, j + 1
        while math.prod(shape[i:k]) != math.prod(other[j:m]):
            if math.prod(shape[i:k]) < math.prod(other[j:m]):
                k += 1
            else:
                m += 1
        yield range(i, k), range(j, m)
        i, j = k, m
