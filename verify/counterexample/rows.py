"""Many inputs at once, for the search before a proof: one row an input, drawn from all that is
known to take programs apart.

Integers: small ones, the ends of their range, the widths of other integers, the programs' constants
with their neighbours, what lies beyond the constants, and random bits over the whole width. Floats:
`plain` rows are small numbers on a coarse grid, of which sums are exact and which tie; the others
are constants with their neighbours, extremes of the format, and reals of every size.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from verify.counterexample.held import fit
from verify.dtypes import is_integer, is_kind, limits
from verify.programs import Var

Array = np.ndarray
_ALIKE = 0.2  # of the rows have one and the same number in all inputs that can hold it
_WIDTHS = (4, 7, 8, 15, 16, 31, 32, 63, 64)


def rows(
    variables: Sequence[Var],
    special: Array,
    rng: np.random.Generator,
    count: int,
    *,
    plain: bool,
) -> list[Array]:
    """For each variable an array of `count` values of it, along a new first axis.

    special: numbers to aim at, as `candidates.interesting` has them.
    """
    alike = rng.random(count) < _ALIKE
    ways = rng.integers(0, 2**16, count)  # to draw a row, for those that draw all inputs in one way
    one = rng.choice(special, count)
    found = []
    for v in variables:
        if v.dtype == np.bool_:
            drawn = _booleans(v, rng, count)
        elif is_integer(v.dtype):
            drawn = _integers(v, special, rng, ways)
        elif is_kind(v.dtype, np.complexfloating):
            parts = [_floats(v, special, rng, ways, plain) for _ in range(2)]
            drawn = parts[0] + 1j * parts[1]
        else:
            drawn = _floats(v, special, rng, ways, plain)
        if not plain or is_integer(v.dtype):
            same = alike.reshape(count, *[1] * len(v.shape))
            drawn = np.where(same, fit(_wide(v, count), _over(one, v)), drawn)
        drawn = fit(_wide(v, count), drawn)
        if is_integer(v.dtype):  # none of these is left to chance
            first = _pool(v, special)[: count // 4]
            drawn[rng.permutation(count)[: len(first)]] = _over(first, v)
        found.append(drawn)
    return found


def every_value(variables: Sequence[Var]) -> list[Array] | None:
    """All inputs there are, if they are single integers of 8 bits (two at most) and booleans."""
    narrow = [v.dtype == np.bool_ or _few(v) for v in variables]
    sizes = [int(np.prod(v.shape)) for v in variables]
    if not variables or not all(narrow) or any(n != 1 for n in sizes):
        return None
    numbers = [
        np.array([False, True])
        if v.dtype == np.bool_
        else np.arange(limits(v.dtype)[0], limits(v.dtype)[1] + 1)
        for v in variables
    ]
    if np.prod([len(n) for n in numbers]) > 2**17:
        return None
    grid = np.meshgrid(*numbers, indexing="ij")
    return [g.reshape(-1, *v.shape).astype(v.dtype) for g, v in zip(grid, variables, strict=True)]


def every_narrow_value(
    variables: Sequence[Var], special: Array, rng: np.random.Generator
) -> list[Array] | None:
    """Each value of each 8-bit integer once, all over its array, beside random others."""
    narrow = [i for i, v in enumerate(variables) if _few(v)]
    if not narrow:
        return None
    found = rows(variables, special, rng, 256 * len(narrow), plain=True)
    for k, i in enumerate(narrow):
        low, high = limits(variables[i].dtype)
        place = slice(256 * k, 256 * (k + 1))
        numbers = np.resize(np.arange(low, high + 1), 256)
        found[i][place] = _over(numbers, variables[i]).astype(variables[i].dtype)
    return found


def _few(v: Var) -> bool:
    if not is_integer(v.dtype):
        return False
    low, high = limits(v.dtype)
    return high - low < 256


def _wide(v: Var, count: int) -> Var:
    return Var((count, *v.shape), v.dtype)


def _over(numbers: Array, v: Var) -> Array:
    """A number a row, all over the row."""
    column = numbers.reshape(len(numbers), *[1] * len(v.shape))
    return np.array(np.broadcast_to(column, (len(numbers), *v.shape)))


def _mixed(kinds: Sequence[np.ndarray], v: Var, rng: np.random.Generator, ways: Array) -> Array:
    """Row by row one of several ways to draw: every other row in its own, the rest as `ways` has
    it, so that two inputs are large together more often than by chance."""
    count = len(ways)
    shape = (count, *v.shape)
    own = rng.permutation(np.resize(np.arange(len(kinds)), count))
    which = _over(np.where(np.arange(count) % 2, own, ways % len(kinds)), v)
    return np.asarray(np.choose(which, [np.broadcast_to(kind, shape) for kind in kinds]))


def _booleans(v: Var, rng: np.random.Generator, count: int) -> Array:
    often = _over(rng.choice([0.0, 1.0, 0.5, 0.5, 0.1, 0.9], count), v)
    return np.asarray(rng.random((count, *v.shape)) < often)


def _pool(v: Var, special: Array) -> Array:
    """Integers where something may change: the most likely ones first."""
    low, high = limits(v.dtype)
    near = [int(c) + d for c in special if abs(c) < 2.0**63 for d in (0, 1, -1)]
    widths = [s * 2**k + d for k in _WIDTHS for d in (0, -1, 1) for s in (1, -1)]
    ends = [low, high, 0, 1, -1, low + 1, high - 1, high // 2 + 1]
    kept = dict.fromkeys(n for n in (*ends, *near, *widths, 2, 3, -2) if low <= n <= high)
    return np.array(list(kept), np.int64 if high < 2**63 else np.uint64).astype(v.dtype)


def _integers(v: Var, special: Array, rng: np.random.Generator, ways: Array) -> Array:
    count = len(ways)
    low, high = limits(v.dtype)
    shape = (count, *v.shape)
    wide: type[np.int64] | type[np.uint64] = np.uint64 if high > 2**63 - 1 else np.int64
    pool = _pool(v, special).astype(wide)
    limit = np.array(
        sorted({min(max(int(c), low), high) for c in special if abs(c) < 2.0**63}), wide
    )

    def between(least: int | Array, most: int | Array) -> Array:
        return np.asarray(rng.integers(least, most, shape, wide, endpoint=True))

    small = between(max(low, -3), min(high, 3))
    uniform = between(low, high)
    # Of every size: as many of three bits as of thirty.
    bits = rng.integers(0, int(high).bit_length() + 1, shape)
    sized = uniform >> (int(high).bit_length() - bits).astype(wide)
    beyond = between(np.broadcast_to(rng.choice(limit, shape), shape), high)
    below = between(low, np.broadcast_to(rng.choice(limit, shape), shape))
    kinds = (
        small,
        rng.choice(pool, shape),
        _over(rng.choice(pool, count), v),
        uniform,
        sized,
        beyond,
        below,
        _over(sized.reshape(count, -1)[:, 0], v) if sized.size else sized,
    )
    return _mixed(kinds, v, rng, ways)


def _floats(v: Var, special: Array, rng: np.random.Generator, ways: Array, plain: bool) -> Array:
    count = len(ways)
    shape = (count, *v.shape)
    coarse = np.clip(np.rint(special * 64) / 64, -(2.0**20), 2.0**20)
    small = rng.integers(-3, 4, shape).astype(np.float64)
    if plain:
        plain_kinds: tuple[Array, ...] = (
            small,
            small * (rng.random(shape) < 0.2),
            rng.integers(-640, 641, shape) / 64,
            rng.choice(coarse, shape),
            _over(rng.choice(coarse, count), v),
            _over(rng.integers(-3, 4, count).astype(np.float64), v),
            rng.integers(0, 2, shape) * _over(rng.integers(1, 5, count).astype(np.float64), v),
            rng.integers(1, 64, shape) / 64,
        )
        return _mixed(plain_kinds, v, rng, ways)
    info = jnp.finfo(v.dtype)
    ends = np.array([float(info.max), float(info.max) / 2, float(info.tiny), float(info.eps)])
    ends = np.concatenate([ends, np.sqrt(ends), [1e6, 1e3]])
    normal = rng.normal(size=shape)
    kinds: tuple[Array, ...] = (
        normal,
        normal,
        normal * _over(10.0 ** rng.integers(-3, 7, count), v),
        rng.choice(special, shape),
        _over(rng.choice(special, count), v),
        np.abs(normal),
        rng.choice(special, shape) * (1 + np.abs(normal)),
        rng.choice(ends, shape) * rng.choice([-1.0, 1.0], shape),
        rng.uniform(-1, 1, shape),
    )
    return _mixed(kinds, v, rng, ways)
