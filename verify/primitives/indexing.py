"""Where indexed reads and writes start: what gather, scatter and the dynamic slices share.

An index vector names the corner of a window in an array. Let `last` be the largest corner at which
the window fits. Then, by mode,

    clip     the corner is clamped to 0 <= corner <= last;
    drop     a corner outside names no window at all.

Indices that are known give one corner each. Indices that depend on the program's inputs give every
possible corner j, with the condition under which it is the one: index == j, and for clip also
index <= 0 at j = 0 and index >= last at j = last. A read is then the sum over j of [condition] *
(the window at j), exactly what a product with a one-hot matrix computes. Where one of the corners
must be the one (clip, or a read that is taken to be in bounds), the last is it when no other is, in
algebras that can say so: then the conditions sum to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from verify.algebras.base import Algebra, Meaningless, Unsupported, V, Value
from verify.algebras.extended import plain
from verify.algebras.keys import bits_of, is_key, keys_of
from verify.dtypes import limits
from verify.primitives.monoids import OR, fold
from verify.primitives.registry import Context, flat_index
from verify.programs import Equation

LIMIT = 2_000_000  # elements of an indexed read or write that depends on the inputs


@dataclass(frozen=True)
class Corners(Generic[V]):
    """The possible corners of n windows along d axes, c candidates each.

    place (n, c, d): the corners, all inside. valid (n, c): False for dropped windows. when:
    a boolean value (n, c), the condition under which a candidate is the one, None for "always"
    (then c = 1).
    """

    place: np.ndarray
    valid: np.ndarray
    when: V | None = None


def corners(
    ctx: Context[V],
    index: V,
    last: Sequence[int],
    *,
    clip: bool,
    size: int,
    inside: bool = False,
) -> Corners[V]:
    """The corners that `index` (n, d) names. `size`: elements read or written per candidate.

    `inside`: an index that depends on the inputs may be taken to be in bounds.

    Raises Unsupported where the index depends on the inputs and there are too many candidates.
    """
    limit = np.asarray(last, dtype=np.int64)
    known = index.concrete
    if known is not None:
        if known.dtype == np.uint64:
            known = np.minimum(known, np.uint64(np.iinfo(np.int64).max))
        place = known.astype(np.int64)
        found = np.asarray(((place >= 0) & (place <= limit)).all(axis=1))
        valid = np.ones_like(found) if clip else found
        return Corners(np.clip(place, 0, limit)[:, None], valid[:, None])
    columns = _known_columns(ctx, index, limit)
    many = [1 if columns[axis] is not None else int(n) + 1 for axis, n in enumerate(limit)]
    count = int(np.prod(many, dtype=object))
    if count * max(size, index.shape[0]) > LIMIT:
        raise Unsupported(
            f"the index depends on the inputs, and there are {count} places it may name"
        )
    place = np.zeros((1, 0), np.int64)
    if many:
        place = np.stack(np.unravel_index(np.arange(count), many), axis=-1)
    when: V | None = None
    place = np.broadcast_to(place, (index.shape[0], count, len(limit))).copy()
    for axis in range(len(limit)):
        column = columns[axis]
        if column is not None:
            place[:, :, axis] = column[:, None]
            continue
        table = _conditions(ctx, index, axis, int(limit[axis]), clip, inside)  # (n, many[axis])
        if table is None:
            continue
        rows = np.arange(index.shape[0])[:, None] * many[axis] + place[:, :, axis]
        here = ctx.algebra.pick([table], rows)
        when = here if when is None else ctx.algebra.logical_and(when, here)
    return Corners(place, np.ones((index.shape[0], count), np.bool_), when)


def _known_columns(ctx: Context[V], index: V, last: np.ndarray) -> list[np.ndarray | None]:
    """The components that are known numbers within bounds, as in x[arange(n), label]: (n,) each."""
    found = plain(ctx.algebra).known_numbers(index)
    if found is None:
        return [None] * len(last)
    numbers, known = found
    inside = known & (numbers >= 0) & (numbers <= last)
    return [numbers[:, axis] if inside[:, axis].all() else None for axis in range(len(last))]


def _conditions(
    ctx: Context[V], index: V, axis: int, last: int, clip: bool, inside: bool
) -> V | None:
    """(n, last + 1) booleans: does index[:, axis] name the corner j? None: always."""
    if (clip or inside) and last == 0:
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

    base = plain(ctx.algebra)
    taken = base.inside
    if not inside and taken is not None and taken.holds(_names(base, index, axis, last)):
        assume(ctx, SAME_INDEX)
        inside = True
    # The index's dtype may not reach the last corner.
    reachable = np.arange(min(last, largest) + 1, dtype=np.int64)
    one_of_them = (clip or inside) and largest >= last
    rest = one_of_them and base.partitions
    if clip and not inside:
        compare("le", reachable[:1])
        compare("eq", reachable[1:last])
        if largest >= last and not rest:
            compare("ge", np.array([last]))
    else:
        compare("eq", reachable[:last] if rest else reachable)
    parts = [p for p in parts if p.shape[1]]
    if rest:
        others = _side_by_side(ctx, parts, n)
        parts.append(ctx.algebra.reshape(ctx.algebra.none_of(others), (n, 1)))
    missing = last + 1 - sum(p.shape[1] for p in parts)
    if missing:
        parts.append(ctx.fill((n, missing), False, np.dtype(np.bool_)))
    return _side_by_side(ctx, parts, n)


def _side_by_side(ctx: Context[V], parts: Sequence[V], n: int) -> V:
    """Arrays of n rows, concatenated along the columns."""
    starts = np.cumsum([0] + [n * p.shape[1] for p in parts[:-1]])
    places = [
        start + np.arange(n * p.shape[1]).reshape(n, -1)
        for start, p in zip(starts, parts, strict=True)
    ]
    return ctx.algebra.pick(list(parts), np.concatenate(places, axis=1))


def choose(ctx: Context[V], when: V, values: V) -> V:
    """The one value along the last axis whose condition holds; 0 (False) where none does."""
    if is_key(values.dtype):  # word by word
        bits = bits_of(values)
        index = np.moveaxis(flat_index(bits), -1, -2)
        here = np.broadcast_to(flat_index(when)[..., None, :], index.shape)
        pick = ctx.algebra.pick
        return keys_of(choose(ctx, pick([when], here), pick([bits], index)), values.dtype)
    if values.dtype == np.bool_:
        return fold(ctx.algebra, OR, ctx.algebra.logical_and(when, values))
    zero = ctx.fill(values.shape, 0, values.dtype)
    return ctx.algebra.sum(ctx.algebra.select(when, [zero, values]))


def assumes(ctx: Context[V]) -> bool:
    """Whether the algebra keeps assumptions."""
    return plain(ctx.algebra).assumes


def assume(ctx: Context[V], sentence: str) -> None:
    """Notes an assumption, in algebras that keep them."""
    plain(ctx.algebra).assume(sentence)


# Over the reals conversions are the identity, but who looks at bits sees what a format holds.
OF_BITS = (
    "a float whose bits are looked at is the real number: no rounding or range has changed it, and "
    "no zero is negative"
)
SAME_INDEX = "no index is out of bounds that is taken to be in bounds elsewhere"


def assume_somewhere(ctx: Context[V], sentence: str) -> None:
    """Notes an assumption that may hold nowhere: a proof then needs an input at which it does."""
    assume(ctx, sentence)
    plain(ctx.algebra).partial = True


SORTED = "no indices that promise to be sorted are out of order"


def sorted_as_promised(ctx: Context[V], indices: V, batching: Sequence[int]) -> None:
    """Index vectors along the last axis that promise to be sorted: out of order they have no
    meaning, and of those that are not known it is assumed that they are not."""
    along = [n for i, n in enumerate(indices.shape[:-1]) if i not in batching]
    if int(np.prod(along)) < 2:  # one vector in each batch
        return
    if indices.concrete is None:
        assume_somewhere(ctx, SORTED)
    elif not in_order(np.asarray(indices.concrete), batching):
        raise Meaningless("indices that promised to be sorted and are not")


def promises(equation: Equation) -> bool:
    """Whether the meaning of an indexed read or write hangs on a promise about its indices."""
    params, name = equation.params, equation.primitive
    if name == "gather":  # one out of bounds is read where it is clamped to
        return bool(params.get("indices_are_sorted"))
    kept = params.get("indices_are_sorted") or params.get("unique_indices")
    return name.startswith("scatter") and bool(kept or "PROMISE" in str(params.get("mode")))


def in_order(indices: np.ndarray, batching: Sequence[int]) -> bool:
    """Whether the vectors along the last axis ascend within each batch, as words do."""
    rest = [i for i in range(indices.ndim - 1) if i not in batching]
    moved = indices.transpose((*batching, *rest, indices.ndim - 1))
    batches = int(np.prod([indices.shape[i] for i in batching]))
    vectors = moved.reshape(batches, -1, indices.shape[-1])
    return all(rows == sorted(rows) for rows in vectors.tolist())


def take_inside(ctx: Context[V], indices: V, last: Sequence[int], sentence: str) -> None:
    """Notes the assumption that each of (n, d) indices is in bounds."""
    possible = ctx.algebra.possible(indices)
    if possible is not None and ((possible >= 0) & (possible <= np.asarray(last))).all():
        return
    assume_somewhere(ctx, sentence)
    base = plain(ctx.algebra)
    if base.inside is not None:
        for axis, limit in enumerate(last):
            base.inside.note(_names(base, indices, axis, int(limit)))


def _names(algebra: Algebra[Value], index: Value, axis: int, last: int) -> list[bytes]:
    """The indices along one axis by what they are, with their bound."""
    n, d = index.shape
    column = algebra.pick([index], np.arange(n) * d + axis)
    column = algebra.observed(column, "in an index")  # of two widths it may be two places
    return [name + last.to_bytes(8, "little") for name in algebra.names(column)]
