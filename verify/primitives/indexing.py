"""Where indexed reads and writes start: what gather, scatter and the dynamic slices share.

An index vector names the corner of a window in an array. Let `last` be the largest corner at which
the window fits. Then, by mode,

    clip     the corner is clamped to 0 <= corner <= last;
    drop     a corner outside names no window at all.

Indices that are known give one corner each. Indices that depend on the program's inputs give every
possible corner j, with the condition under which it is the one: index == j, and for clip also
index <= 0 at j = 0 and index >= last at j = last. A read is then the sum over j of [condition] *
(the window at j), exactly what a product with a one-hot matrix computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.dtypes import limits
from verify.primitives.monoids import OR, fold
from verify.primitives.registry import Context

LIMIT = 2_000_000  # elements of an indexed read or write that depends on the inputs


@dataclass(frozen=True)
class Corners:
    """The possible corners of n windows along d axes, c candidates each.

    place (n, c, d): the corners, all inside. valid (n, c): False for dropped windows. when:
    a boolean value (n, c), the condition under which a candidate is the one, None for "always"
    (then c = 1).
    """

    place: np.ndarray
    valid: np.ndarray
    when: Any = None


def corners(ctx: Context, index: Any, last: Sequence[int], *, clip: bool, size: int) -> Corners:
    """The corners that `index` (n, d) names. `size`: elements read or written per candidate.

    Raises Unsupported where the index depends on the inputs and there are too many candidates.
    """
    limit = np.asarray(last, dtype=np.int64)
    known = index.concrete
    if known is not None:
        if known.dtype == np.uint64:
            known = np.minimum(known, np.uint64(np.iinfo(np.int64).max))
        place = known.astype(np.int64)
        inside = ((place >= 0) & (place <= limit)).all(axis=1)
        valid = np.ones_like(inside) if clip else inside
        return Corners(np.clip(place, 0, limit)[:, None], valid[:, None])
    many = [int(n) + 1 for n in limit]
    count = int(np.prod(many, dtype=object))
    if count * max(size, index.shape[0]) > LIMIT:
        raise Unsupported(
            f"the index depends on the inputs, and there are {count} places it may name"
        )
    place = np.zeros((1, 0), np.int64)
    if many:
        place = np.stack(np.unravel_index(np.arange(count), many), axis=-1)
    when = None
    for axis in range(len(limit)):
        table = _conditions(ctx, index, axis, int(limit[axis]), clip)  # (n, many[axis])
        if table is None:
            continue
        rows = np.arange(index.shape[0])[:, None] * many[axis] + place[None, :, axis]
        here = ctx.algebra.pick([table], rows)
        when = here if when is None else ctx.algebra.logical_and(when, here)
    shape = (index.shape[0], count)
    return Corners(np.broadcast_to(place, (*shape, len(limit))), np.ones(shape, np.bool_), when)


def _conditions(ctx: Context, index: Any, axis: int, last: int, clip: bool) -> Any:
    """(n, last + 1) booleans: does index[:, axis] name the corner j? None: always."""
    if clip and last == 0:
        return None
    n, d = index.shape
    largest = limits(index.dtype)[1]
    parts = []

    def compare(op: str, numbers: np.ndarray) -> None:
        column = np.arange(n)[:, None] * d + axis
        shape = (n, len(numbers))
        left = ctx.algebra.pick([index], np.broadcast_to(column, shape))
        right = ctx.lift(np.broadcast_to(numbers.astype(index.dtype), shape))
        parts.append(ctx.algebra.compare(op, left, right))

    # The index's dtype may not reach the last corner.
    reachable = np.arange(min(last, largest) + 1, dtype=np.int64)
    if not clip:
        compare("eq", reachable)
    else:
        compare("le", reachable[:1])
        compare("eq", reachable[1:last])
        if largest >= last:
            compare("ge", np.array([last]))
    parts.append(ctx.fill((n, last + 1 - sum(p.shape[1] for p in parts)), False, np.bool_))
    parts = [p for p in parts if p.shape[1]]
    starts = np.cumsum([0] + [n * p.shape[1] for p in parts[:-1]])
    places = [
        start + np.arange(n * p.shape[1]).reshape(n, -1)
        for start, p in zip(starts, parts, strict=True)
    ]
    return ctx.algebra.pick(parts, np.concatenate(places, axis=1))


def choose(ctx: Context, when: Any, values: Any) -> Any:
    """The one value along the last axis whose condition holds; 0 (False) where none does."""
    if values.dtype == np.bool_:
        return fold(ctx.algebra, OR, ctx.algebra.logical_and(when, values))
    zero = ctx.fill(values.shape, 0, values.dtype)
    return ctx.algebra.sum(ctx.algebra.select(when, [zero, values]))


def assume(ctx: Context, sentence: str) -> None:
    """Notes an assumption, in algebras that keep them."""
    note = getattr(ctx.algebra, "assume", None)
    if note is not None:
        note(sentence)
