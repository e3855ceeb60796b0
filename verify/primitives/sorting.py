"""sort, top_k, argmax, argmin.

The k-th smallest of n numbers is the least, over all sets of k of them, of the set's maximum (and
the greatest, over all sets of n - k + 1, of the minimum). For short axes that is the meaning used
here, since it does not depend on the order of the numbers, so that sorting before and after a
permutation is provably the same. Longer axes go through Batcher's merge exchange network (Knuth,
The Art of Computer Programming 3, algorithm 5.2.2M).

Sorting several arrays by keys, and the indices of top_k, go by rank: an element's rank is how many
elements come before it, the result at k is the sum over i of [rank_i == k] * v_i.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np

from verify.algebras.base import Algebra, Unsupported, V
from verify.dtypes import DType, is_integer, is_kind, limits
from verify.primitives.exchanges import count, exchanges
from verify.primitives.indexing import assume_somewhere, choose
from verify.primitives.order import least, minimum, reverse
from verify.primitives.registry import Context, flat_index, offsets, rule

_SHORT = 8  # axes up to this length are sorted by sets
_LARGE = 20_000  # constants: beyond that they are put in order by NumPy
LIMIT = 4_000_000  # comparisons, all lanes together


def _lanes(algebra: Algebra[V], x: V, axis: int) -> V:
    """(lanes, n): the axis moved to the end, all others merged."""
    return algebra.pick([x], np.moveaxis(flat_index(x), axis, -1).reshape(-1, x.shape[axis]))


def _back(algebra: Algebra[V], x: V, shape: Sequence[int], axis: int) -> V:
    """(lanes, n) back to `shape`."""
    moved = (*shape[:axis], *shape[axis + 1 :], shape[axis])
    return algebra.pick([x], np.moveaxis(flat_index(x).reshape(moved), -1, axis))


def _columns(algebra: Algebra[V], columns: Sequence[V]) -> V:
    """n values (lanes,) as (lanes, n)."""
    starts = offsets(columns)
    index = [flat_index(c, start) for c, start in zip(columns, starts, strict=True)]
    return algebra.pick(list(columns), np.stack(index, axis=-1))


def _check(dtype: DType, work: int) -> None:
    if is_kind(dtype, np.complexfloating):
        raise Unsupported("sorting complex numbers")
    if work > LIMIT:
        raise Unsupported(f"sorting takes {work} comparisons, more than {LIMIT}")


# -- values ------------------------------------------------------------------------------------


def ordered(algebra: Algebra[V], x: V, wanted: Sequence[int]) -> list[V]:
    """The wanted order statistics (0: the smallest) of (lanes, n), each (lanes,)."""
    lanes, n = x.shape
    _check(x.dtype, 0)
    algebra.numbers(x)  # a sort puts NaN last, but maxima and minima are NaN
    if n <= _SHORT:
        _check(x.dtype, lanes * 2 * n * math.comb(n, n // 2))
        return [_statistic(algebra, x, k + 1) for k in wanted]
    _check(x.dtype, lanes * count(n))
    stages = list(exchanges(n))
    columns = [_Column(x, i) for i in range(n)]
    for stage in stages:
        pairs = [(columns[i], columns[j]) for i, j in stage]
        for (i, j), low, high in zip(
            stage, _exchanged(algebra, pairs, -1), _exchanged(algebra, pairs, 1), strict=True
        ):
            columns[i], columns[j] = low, high
    every = range(lanes)
    return [algebra.pick([columns[k].of], columns[k].index(every)) for k in wanted]


@dataclass(frozen=True, eq=False)
class _Column(Generic[V]):
    """One of n numbers in every lane: column `place` of the value `of`, (lanes, m). A maximum
    (sign 1) or minimum (-1) of `size` candidates, or a number (0)."""

    of: V
    place: int
    sign: int = 0
    size: int = 1

    def candidates(self, sign: int) -> int:
        """For another maximum or minimum; a maximum of minima looks at their values."""
        return self.size if self.sign == sign else 1

    def index(self, lanes: range | np.ndarray, start: int = 0) -> np.ndarray:
        return start + np.asarray(lanes) * self.of.shape[-1] + self.place


def _exchanged(
    algebra: Algebra[V], pairs: Sequence[tuple[_Column[V], _Column[V]]], sign: int
) -> list[_Column[V]]:
    """The maxima (sign 1) or minima (-1) of independent pairs: at once, where they are of about
    as many candidates. (Laid side by side, sets of candidates are padded to the largest.)"""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, pair in enumerate(pairs):
        sizes = tuple(c.candidates(sign).bit_length() for c in pair)
        groups.setdefault(sizes, []).append(number)
    operation = algebra.maximum if sign > 0 else functools.partial(minimum, algebra)
    found: dict[int, _Column[V]] = {}
    for numbers in groups.values():
        one, two = (_beside(algebra, [pairs[n][side] for n in numbers]) for side in (0, 1))
        of = operation(one, two)
        for place, n in enumerate(numbers):
            found[n] = _Column(of, place, sign, sum(c.candidates(sign) for c in pairs[n]))
    return [found[number] for number in range(len(pairs))]


def _beside(algebra: Algebra[V], columns: Sequence[_Column[V]]) -> V:
    """The columns as one value, (lanes, columns)."""
    sources = list({id(c.of): c.of for c in columns}.values())
    starts = dict(zip(map(id, sources), offsets(sources), strict=True))
    lanes = np.arange(columns[0].of.shape[0])
    index = np.stack([c.index(lanes, starts[id(c.of)]) for c in columns], axis=-1)
    return algebra.pick(sources, index)


def _statistic(algebra: Algebra[V], x: V, k: int) -> V:
    """The k-th smallest, by whichever of the two formulas has fewer sets."""
    n = x.shape[-1]
    if 2 * k > n + 1:  # the (n + 1 - k)-th smallest of the reverse order
        return reverse(algebra, _statistic(algebra, reverse(algebra, x), n + 1 - k))
    sets = np.array(list(itertools.combinations(range(n), n - k + 1)))
    index = flat_index(x)
    return algebra.max(least(algebra, algebra.pick([x], index[:, sets])))


# -- ranks -------------------------------------------------------------------------------------


def _not_after(algebra: Algebra[V], a: Sequence[V], b: Sequence[V]) -> V:
    """a <= b, lexicographically: the keys in order of weight."""
    result = algebra.compare("le", a[-1], b[-1])
    for x, y in zip(a[-2::-1], b[-2::-1], strict=True):
        equal = algebra.logical_and(algebra.compare("eq", x, y), result)
        result = algebra.logical_or(algebra.compare("lt", x, y), equal)
    return result


def ranks(ctx: Context[V], keys: Sequence[V]) -> V:
    """(lanes, n) int32: how many elements come before each, in stable order of `keys`."""
    algebra = ctx.algebra
    lanes, n = keys[0].shape
    for key in keys:
        _check(key.dtype, lanes * n * n * len(keys))
    first, second = np.triu_indices(n, 1)
    index = np.arange(lanes)[:, None] * n
    stays = _not_after(  # (lanes, pairs): does the first of the pair stay before the second?
        algebra,
        [algebra.pick([key], index + first) for key in keys],
        [algebra.pick([key], index + second) for key in keys],
    )
    goes = algebra.logical_not(stays)
    counts = [algebra.cast(v, np.dtype(np.int32)) for v in (stays, goes)]
    pairs = len(first)
    table = np.zeros((n, n), np.int64)
    table[second, first] = np.arange(pairs)  # the second counts the first if that stays before,
    table[first, second] = np.arange(pairs) + lanes * pairs  # and the other way round
    table = table[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    each = np.arange(lanes)[:, None, None] * pairs
    return algebra.sum(algebra.pick(counts, each + table))


def _by_rank(ctx: Context[V], rank: V, values: V, wanted: int) -> V:
    """(lanes, wanted): the values of ranks 0 .. wanted - 1."""
    algebra = ctx.algebra
    lanes, n = rank.shape
    shape = (lanes, wanted, n)
    spread = np.broadcast_to(flat_index(rank)[:, None], shape)
    places = np.broadcast_to(np.arange(wanted, dtype=np.int32)[:, None], shape)
    here = algebra.compare("eq", algebra.pick([rank], spread), ctx.lift(places))
    return choose(ctx, here, algebra.pick([values], spread))


# -- the primitives ----------------------------------------------------------------------------


@rule("sort")
def _sort(
    ctx: Context[V], *operands: V, dimension: int, num_keys: int, is_stable: bool, **_: object
) -> tuple[V, ...]:
    algebra = ctx.algebra
    shape = operands[0].shape
    n = shape[dimension]
    if 0 in shape or n == 1:
        return tuple(operands)
    lanes = [_lanes(algebra, x, dimension) for x in operands]
    keys = [x.concrete for x in lanes[:num_keys]]
    known = [x for x in keys if x is not None]
    if len(known) == len(keys) and math.prod(shape) > _LARGE and (is_stable or len(operands) == 1):
        order = np.lexsort(known[::-1]) + n * np.arange(len(known[0]))[:, None]
        done = [algebra.pick([x], order) for x in lanes]
    elif len(operands) == 1 and operands[0].dtype != np.bool_:
        done = [_columns(algebra, ordered(algebra, lanes[0], range(n)))]
    else:
        if not is_stable and num_keys < len(operands):
            raise Unsupported("an unstable sort: equal keys may come in any order")
        rank = ranks(ctx, lanes[:num_keys])
        done = [_by_rank(ctx, rank, x, n) for x in lanes]
    return tuple(_back(algebra, x, shape, dimension) for x in done)


@rule("top_k")
def _top_k(
    ctx: Context[V], x: V, *, k: int, axis: int, is_stable: bool = True, **_: object
) -> tuple[V, ...]:
    """The k largest, largest first, and their indices; of equal ones the first comes first."""
    algebra = ctx.algebra
    values_out, index_out = ctx.equation.outputs
    shape, n = values_out.shape, x.shape[axis]
    if 0 in shape:
        return tuple(ctx.fill(v.shape, 0, v.dtype) for v in (values_out, index_out))
    if not is_stable and n > 1:
        raise Unsupported("an unstable top_k: equal values may come in any order")
    lanes = _lanes(algebra, x, axis)
    if is_kind(x.dtype, np.floating) and x.concrete is None and n > 1:
        _assume_no_signed_zero(ctx, x)
    numbers = lanes if x.dtype != np.bool_ else algebra.cast(lanes, np.dtype(np.int32))
    values = _columns(algebra, ordered(algebra, numbers, range(n - 1, n - 1 - k, -1)))
    if k == 1:
        index = algebra.reshape(_first_index(ctx, numbers, index_out.dtype), values.shape)
    else:
        rank = ranks(ctx, [reverse(algebra, numbers)])
        places = np.broadcast_to(np.arange(n).astype(index_out.dtype), lanes.shape)
        index = _by_rank(ctx, rank, ctx.lift(places), k)
    if x.dtype == np.bool_:
        values = algebra.cast(values, x.dtype)
    return _back(algebra, values, shape, axis), _back(algebra, index, shape, axis)


NO_NEGATIVE_ZERO = "no zero is negative where top_k says which is the largest: it comes after 0"


def _assume_no_signed_zero(ctx: Context[V], x: V) -> None:
    """Of two zeros, as of relu(a) and relu(b), top_k takes the positive one first."""
    if ctx.algebra.may_be_zero(x):
        assume_somewhere(ctx, NO_NEGATIVE_ZERO)


def _first_index(ctx: Context[V], x: V, dtype: DType) -> V:
    """The index of the first maximum along the last axis."""
    algebra = ctx.algebra
    winner = algebra.winner(x)
    whole = is_integer(winner.dtype)
    last = x.shape[-1] - 1
    holds = last <= limits(dtype)[1]  # 8 bits do not hold the index 300
    if whole and holds:  # else a sum of positions that wrap
        winner = algebra.cast(winner, dtype)
    numbers = np.broadcast_to(np.arange(x.shape[-1]), x.shape)
    lifted = ctx.lift(numbers.astype(winner.dtype if whole else np.float64), winner.dtype)
    index = algebra.cast(algebra.sum(algebra.mul(winner, lifted)), dtype)
    return algebra.within(index, 0, last) if holds else index


def _arg(ctx: Context[V], x: V, axes: Sequence[int], index_dtype: DType, turn: bool) -> V:
    algebra = ctx.algebra
    (axis,) = axes
    if 0 in ctx.shape:
        return ctx.fill(ctx.shape, 0, ctx.dtype)
    lanes = _lanes(algebra, x, axis)
    if x.dtype == np.bool_:
        lanes = algebra.cast(lanes, np.dtype(np.int32))
    _check(x.dtype, 0)
    if lanes.shape[-1] - 1 > limits(np.dtype(index_dtype))[1]:  # XLA compares what has wrapped
        raise Unsupported(f"positions up to {lanes.shape[-1] - 1} as {np.dtype(index_dtype)}")
    index = _first_index(ctx, reverse(algebra, lanes) if turn else lanes, np.dtype(index_dtype))
    return algebra.reshape(index, ctx.shape)


@rule("argmax")
def _argmax(ctx: Context[V], x: V, *, axes: Sequence[int], index_dtype: DType, **_: object) -> V:
    return _arg(ctx, x, axes, index_dtype, turn=False)


@rule("argmin")
def _argmin(ctx: Context[V], x: V, *, axes: Sequence[int], index_dtype: DType, **_: object) -> V:
    return _arg(ctx, x, axes, index_dtype, turn=True)
