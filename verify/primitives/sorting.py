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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.extended import plain
from verify.dtypes import is_integer, is_kind, limits
from verify.primitives.indexing import assume_somewhere, choose
from verify.primitives.order import least, minimum, reverse
from verify.primitives.registry import Context, flat_index, offsets, rule

_SHORT = 8  # axes up to this length are sorted by sets
_LARGE = 20_000  # constants: beyond that they are put in order by NumPy
LIMIT = 4_000_000  # comparisons, all lanes together


def _lanes(algebra: Any, x: Any, axis: int) -> Any:
    """(lanes, n): the axis moved to the end, all others merged."""
    return algebra.pick([x], np.moveaxis(flat_index(x), axis, -1).reshape(-1, x.shape[axis]))


def _back(algebra: Any, x: Any, shape: Sequence[int], axis: int) -> Any:
    """(lanes, n) back to `shape`."""
    moved = (*shape[:axis], *shape[axis + 1 :], shape[axis])
    return algebra.pick([x], np.moveaxis(flat_index(x).reshape(moved), -1, axis))


def _columns(algebra: Any, columns: Sequence[Any]) -> Any:
    """n values (lanes,) as (lanes, n)."""
    starts = offsets(columns)
    index = [flat_index(c, start) for c, start in zip(columns, starts, strict=True)]
    return algebra.pick(list(columns), np.stack(index, axis=-1))


def _check(dtype: Any, work: int) -> None:
    if is_kind(dtype, np.complexfloating):
        raise Unsupported("sorting complex numbers")
    if work > LIMIT:
        raise Unsupported(f"sorting takes {work} comparisons, more than {LIMIT}")


# -- values ------------------------------------------------------------------------------------


def ordered(algebra: Any, x: Any, wanted: Sequence[int]) -> list[Any]:
    """The wanted order statistics (0: the smallest) of (lanes, n), each (lanes,)."""
    lanes, n = x.shape
    _check(x.dtype, 0)
    numbers = getattr(algebra, "numbers", None)
    if numbers is not None:  # a sort puts NaN last, but maxima and minima are NaN
        numbers(x)
    if n <= _SHORT:
        _check(x.dtype, lanes * 2 * n * math.comb(n, n // 2))
        return [_statistic(algebra, x, k + 1) for k in wanted]
    _check(x.dtype, lanes * _count(n))
    stages = list(_exchanges(n))
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
class _Column:
    """One of n numbers in every lane: column `place` of the value `of`, (lanes, m). A maximum
    (sign 1) or minimum (-1) of `size` candidates, or a number (0)."""

    of: Any
    place: int
    sign: int = 0
    size: int = 1

    def candidates(self, sign: int) -> int:
        """For another maximum or minimum; a maximum of minima looks at their values."""
        return self.size if self.sign == sign else 1

    def index(self, lanes: Any, start: int = 0) -> np.ndarray:
        return start + np.asarray(lanes) * self.of.shape[-1] + self.place


def _exchanged(algebra: Any, pairs: Sequence[tuple[_Column, _Column]], sign: int) -> list[_Column]:
    """The maxima (sign 1) or minima (-1) of independent pairs: at once, where they are of about
    as many candidates. (Laid side by side, sets of candidates are padded to the largest.)"""
    groups: dict[Any, list[int]] = {}
    for number, pair in enumerate(pairs):
        sizes = tuple(c.candidates(sign).bit_length() for c in pair)
        groups.setdefault(sizes, []).append(number)
    operation = algebra.maximum if sign > 0 else functools.partial(minimum, algebra)
    found: dict[int, _Column] = {}
    for numbers in groups.values():
        one, two = (_beside(algebra, [pairs[n][side] for n in numbers]) for side in (0, 1))
        of = operation(one, two)
        for place, n in enumerate(numbers):
            found[n] = _Column(of, place, sign, sum(c.candidates(sign) for c in pairs[n]))
    return [found[number] for number in range(len(pairs))]


def _beside(algebra: Any, columns: Sequence[_Column]) -> Any:
    """The columns as one value, (lanes, columns)."""
    sources = list({id(c.of): c.of for c in columns}.values())
    starts = dict(zip(map(id, sources), offsets(sources), strict=True))
    lanes = np.arange(columns[0].of.shape[0])
    index = np.stack([c.index(lanes, starts[id(c.of)]) for c in columns], axis=-1)
    return algebra.pick(sources, index)


def _statistic(algebra: Any, x: Any, k: int) -> Any:
    """The k-th smallest, by whichever of the two formulas has fewer sets."""
    n = x.shape[-1]
    if 2 * k > n + 1:  # the (n + 1 - k)-th smallest of the reverse order
        return reverse(algebra, _statistic(algebra, reverse(algebra, x), n + 1 - k))
    sets = np.array(list(itertools.combinations(range(n), n - k + 1)))
    index = flat_index(x)
    return algebra.max(least(algebra, algebra.pick([x], index[:, sets])))


def _exchanges(n: int) -> Iterator[list[tuple[int, int]]]:
    """Batcher's merge exchange: compare-and-exchange these pairs, stage by stage, and n are sorted.
    The pairs of a stage have no element in common."""
    for p, r, d in _stages(n):
        yield [(i, i + d) for i in range(n - d) if i & p == r]


def _stages(n: int) -> Iterator[tuple[int, int, int]]:
    """(p, r, d): i and i + d are exchanged, for all i that have the bit p just if r has it."""
    top = 1 << (max(n - 1, 1).bit_length() - 1)
    p = top
    while p:
        q, r, d = top, 0, p
        while True:
            yield p, r, d
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1


def _count(n: int) -> int:
    """How many exchanges there are.

    >>> [_count(n) == sum(map(len, _exchanges(n))) for n in (1, 2, 3, 17, 100)]
    [True, True, True, True, True]
    """
    total = 0
    for p, r, d in _stages(n):
        last = max(n - d, 0)
        without = last // (2 * p) * p + min(last % (2 * p), p)
        total += last - without if r else without
    return total


# -- ranks -------------------------------------------------------------------------------------


def _not_after(algebra: Any, a: Sequence[Any], b: Sequence[Any]) -> Any:
    """a <= b, lexicographically: the keys in order of weight."""
    result = algebra.compare("le", a[-1], b[-1])
    for x, y in zip(a[-2::-1], b[-2::-1], strict=True):
        equal = algebra.logical_and(algebra.compare("eq", x, y), result)
        result = algebra.logical_or(algebra.compare("lt", x, y), equal)
    return result


def ranks(ctx: Context, keys: Sequence[Any]) -> Any:
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


def _by_rank(ctx: Context, rank: Any, values: Any, wanted: int) -> Any:
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
    ctx: Context, *operands: Any, dimension: int, num_keys: int, is_stable: bool, **_: Any
) -> Any:
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
def _top_k(ctx: Context, x: Any, *, k: int, axis: int, is_stable: bool = True, **_: Any) -> Any:
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


def _assume_no_signed_zero(ctx: Context, x: Any) -> None:
    """Of two zeros, as of relu(a) and relu(b), top_k takes the positive one first."""
    zeros = getattr(plain(ctx.algebra), "may_be_zero", None)
    if zeros is None or hasattr(x, "guards") or zeros(x):
        assume_somewhere(ctx, NO_NEGATIVE_ZERO)


def _first_index(ctx: Context, x: Any, dtype: Any) -> Any:
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
    within = getattr(algebra, "within", None)  # in the domains that tell what may have wrapped
    return within(index, 0, last) if within is not None and holds else index


def _arg(ctx: Context, x: Any, axes: Any, index_dtype: Any, turn: bool) -> Any:
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
def _argmax(ctx: Context, x: Any, *, axes: Any, index_dtype: Any, **_: Any) -> Any:
    return _arg(ctx, x, axes, index_dtype, turn=False)


@rule("argmin")
def _argmin(ctx: Context, x: Any, *, axes: Any, index_dtype: Any, **_: Any) -> Any:
    return _arg(ctx, x, axes, index_dtype, turn=True)
