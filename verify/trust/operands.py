"""Operands to compare a rule with JAX at: ties, zeros, signs, the ends of every dtype.

Elementwise operations get all combinations of such numbers, others arrays of small whole numbers
(which tie, and whose sums are exact), of extremes, and of anything in between. Indices are drawn as
JAX defines them: within bounds where the equation promises that.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from verify.algebras.keys import is_key
from verify.dtypes import DType, is_kind, limits
from verify.programs import Atom, Equation
from verify.trust.kinds import MOVEMENT

_MOST = 256  # combinations of operands of an elementwise operation


def pool(dtype: DType) -> np.ndarray:
    """Numbers of the dtype at which operations are apt to be wrong.

    >>> pool(np.dtype(np.uint8)).tolist()
    [0, 1, 2, 3, 7, 8, 100, 127, 128, 254, 255]
    """
    if dtype == np.bool_:
        return np.array([False, True])
    if is_kind(dtype, np.integer):
        least, most = limits(dtype)
        bits = int(jnp.iinfo(dtype).bits)
        numbers = {0, 1, 2, 3, -1, -2, -3, 7, 100, -100, bits}
        numbers |= {least, least + 1, most, most - 1, most // 2, most // 2 + 1}
        held = sorted(n for n in numbers if least <= n <= most)
        return np.array(held, np.uint64 if most > 2**63 - 1 else np.int64).astype(dtype)
    reals = [0, 1, -1, 2, -2, 0.5, -0.5, 3, 1.5, -2.5, 0.1, 100, -100, 1e4]
    if is_kind(dtype, np.complexfloating):
        few = [0, 1, -1, 2, 0.5, -3]
        return np.array([a + 1j * b for a in few for b in few], dtype)
    largest = float(jnp.finfo(dtype).max)
    reals += [largest, -largest, np.inf, -np.inf, np.nan]
    with np.errstate(all="ignore"):
        return np.array(reals, np.float64).astype(dtype)


def combinations(equation: Equation, rng: np.random.Generator) -> list[np.ndarray]:
    """Vectors for the operands of an elementwise operation that are arrays, and scalars for the
    others: all combinations of numbers from the pools, or some where there are many."""
    pools = [pool(atom.dtype) for atom in equation.inputs]
    if equation.primitive == "select_n":
        cases = len(equation.inputs) - 1
        pools[0] = np.arange(cases).astype(equation.inputs[0].dtype)
    arrays = [i for i, atom in enumerate(equation.inputs) if atom.shape]
    count = int(np.prod([len(pools[i]) for i in arrays], dtype=float)) if arrays else 1
    if not arrays:
        return [np.asarray(rng.choice(p)) for p in pools]
    if count <= _MOST:
        rows = list(itertools.product(*(pools[i] for i in arrays)))
        drawn = [np.array([row[k] for row in rows]) for k in range(len(arrays))]
    else:
        drawn = [rng.choice(pools[i], _MOST) for i in arrays]
    whole = dict(zip(arrays, drawn, strict=True))
    return [
        np.asarray(whole[i] if i in whole else rng.choice(pools[i])).astype(atom.dtype)
        for i, atom in enumerate(equation.inputs)
    ]


def draws(
    equation: Equation, rng: np.random.Generator, *, brief: bool = False
) -> list[list[np.ndarray]]:
    """Operands for any other equation: more often where its arrays are so small that one draw has
    few ties. `brief`: fewer, for primitives that others of their kind have shown already."""
    if moves(equation):
        return [_numbered(equation, rng), [extreme(atom, rng) for atom in equation.inputs]]
    found = []
    size = sum(int(np.prod(atom.shape)) for atom in equation.inputs)
    several = _ALL if size > _SMALL else (*_ALL, *_MORE)
    for draw in _BRIEF if brief else several:
        if draw is extreme and equation.primitive == "lu":
            draw = anything  # which pivot is the largest, an underflow beside 3e38 decides
        operands = [draw(atom, rng) for atom in equation.inputs]
        found.append(_allowed(equation, operands, rng))
    return [operands for operands in found if operands is not None]


def ties(atom: Atom, rng: np.random.Generator) -> np.ndarray:
    """Zeros and ones: nearly everything ties with something."""
    return np.asarray(rng.random(atom.shape) < 0.5).astype(atom.dtype)


def whole(atom: Atom, rng: np.random.Generator) -> np.ndarray:
    """Small whole numbers."""
    if atom.dtype == np.bool_:
        return rng.random(atom.shape) < 0.5
    low = 0 if is_kind(atom.dtype, np.unsignedinteger) else -3
    high = 3 if not is_kind(atom.dtype, np.integer) else min(3, limits(atom.dtype)[1])
    low = max(low, limits(atom.dtype)[0]) if is_kind(atom.dtype, np.integer) else low
    drawn = np.asarray(rng.integers(low, high + 1, atom.shape))
    if is_kind(atom.dtype, np.complexfloating):
        drawn = drawn + 1j * rng.integers(low, high + 1, atom.shape)
    return np.asarray(drawn).astype(atom.dtype)


def varied(atom: Atom, rng: np.random.Generator) -> np.ndarray:
    """Integers of the pool, each of them before any comes twice."""
    count, numbers = int(np.prod(atom.shape)), pool(atom.dtype)
    rounds = -(-count // len(numbers))
    drawn = np.concatenate([rng.permutation(numbers) for _ in range(rounds)])[:count]
    return drawn.reshape(atom.shape)


def extreme(atom: Atom, rng: np.random.Generator) -> np.ndarray:
    """Numbers from the pool, two in three of them small."""
    few = whole(atom, rng)
    wild = np.asarray(rng.choice(pool(atom.dtype), atom.shape)).astype(atom.dtype)
    return np.where(rng.random(atom.shape) < 0.34, wild, few).astype(atom.dtype)


def anything(atom: Atom, rng: np.random.Generator) -> np.ndarray:
    """Random numbers of the whole range of integers, and normal floats."""
    if atom.dtype == np.bool_:
        return rng.random(atom.shape) < 0.5
    if is_kind(atom.dtype, np.integer):
        least, most = limits(atom.dtype)
        wide = np.uint64 if most > 2**63 - 1 else np.int64
        drawn = rng.integers(least, most, atom.shape, wide, endpoint=True)
        return np.asarray(drawn).astype(atom.dtype)
    drawn = rng.standard_normal(atom.shape)
    if is_kind(atom.dtype, np.complexfloating):
        drawn = drawn + 1j * rng.standard_normal(atom.shape)
    return np.asarray(drawn).astype(atom.dtype)


def moves(equation: Equation) -> bool:
    """Whether an equation only moves elements that can be told apart."""
    distinct = all(atom.dtype != np.bool_ for atom in equation.inputs)
    return equation.primitive in MOVEMENT and distinct


def _numbered(equation: Equation, rng: np.random.Generator) -> list[np.ndarray]:
    """Arrays of different numbers, as far as the dtypes have so many: whatever is moved to a wrong
    place is seen."""
    found, start = [], 1
    for atom in equation.inputs:
        count = int(np.prod(atom.shape))
        numbers = np.arange(start, start + count) % _different(atom.dtype)
        found.append(rng.permutation(numbers).reshape(atom.shape).astype(atom.dtype))
        start += count
    return found


def _different(dtype: DType) -> int:
    """So many whole numbers from 0 on are different ones."""
    if is_kind(dtype, np.integer):
        return min(int(limits(dtype)[1]) + 1, 2**62)  # as many as int64 has, at most
    return int(min(2 / float(jnp.finfo(dtype).eps), float(jnp.finfo(dtype).max)))


_SMALL = 64  # elements
_ALL = (whole, extreme, anything, ties)
_MORE = (ties, whole, ties)
_BRIEF = (whole, extreme, ties)


def are_small(values: Sequence[np.ndarray]) -> bool:
    """Whether all are whole numbers of a few bits, so that sums of their products are exact."""
    for value in values:
        if is_key(value.dtype):
            return False
        array = np.asarray(value).astype(np.complex128)
        if not (np.abs(array) <= 5).all() or (array != np.rint(array)).any():  # NaN is neither
            return False
    return True


def are_exact(values: Sequence[np.ndarray], few: int) -> bool:
    """Whether all are small, or a few machine integers and truth values, which never round."""
    kinds = [value.dtype for value in values]
    if all(isinstance(d, np.dtype) and (d == np.bool_ or is_kind(d, np.integer)) for d in kinds):
        return all(np.size(value) <= few for value in values) or are_small(values)
    return are_small(values)


def drawable(equation: Equation) -> bool:
    """Random keys are what JAX makes of them: nothing is read there."""
    return not any(is_key(atom.dtype) for atom in (*equation.inputs, *equation.outputs))


def _allowed(
    equation: Equation, operands: list[np.ndarray], rng: np.random.Generator
) -> list[np.ndarray] | None:
    """The operands with indices that the equation allows: what a broken promise means is open."""
    name, params = equation.primitive, equation.params
    promised = "PROMISE" in str(params.get("mode")) or params.get("unique_indices")
    promised = promised or params.get("indices_are_sorted")
    if name == "gather" and promised:
        operands[1] = np.zeros_like(operands[1])
    if name.startswith("scatter") and promised:
        distinct = _distinct(operands[1].shape, operands[1].dtype)
        if distinct is None:
            return None
        operands[1] = distinct
    if name == "cond":
        count = len(params["branches"])
        operands[0] = np.asarray(rng.integers(0, count)).astype(operands[0].dtype)
    return operands


def _distinct(shape: Sequence[int], dtype: DType) -> np.ndarray | None:
    """Indices 0, 1, 2, ... in every component; None where those do not fit the dtype."""
    count = int(np.prod(shape[:-1]))
    if not is_kind(dtype, np.integer) or count > limits(dtype)[1]:
        return None
    column = np.arange(count).reshape(*shape[:-1], 1)
    return np.broadcast_to(column, shape).astype(dtype)
