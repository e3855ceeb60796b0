"""Search aimed at the programs' own decisions: inputs at which a comparison or a maximum flips.

Every comparison, maximum, minimum, clamp and rounding of both programs is observed along a line in
input space, base + t * direction. Where the two sides of one cross, the crossing is found by
bisection and the programs are compared on both sides of it and, as nearly as floats allow, on it.
So a difference behind `x.sum() > 1e6` or `abs(x * 3 - 0.7) < 1e-4` is found without guessing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.counterexample.confirm import Inputs, values
from verify.counterexample.held import fit
from verify.dtypes import is_integer, is_kind
from verify.program import Equation, Program, Var

_DECISIONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "max", "min", "clamp"})
_STEPS = np.concatenate([-np.logspace(9, -3, 25), [0.0], np.logspace(-3, 9, 25)])
_SAMPLED = 32  # elements of one decision that are followed


def aimed(programs: Sequence[Program], base: Inputs, rng: np.random.Generator) -> Iterator[Inputs]:
    """Inputs around the decisions of the programs, along random lines through `base`."""
    variables = programs[0].inputs
    real = [i for i, v in enumerate(variables) if _moves(v)]
    if not real:
        return
    for direction in _directions(variables, real, rng):

        def at(t: float, direction: Inputs = direction) -> Inputs:
            return [
                fit(v, x + t * d) if i in real else x
                for i, (v, x, d) in enumerate(zip(variables, base, direction, strict=True))
            ]

        for program in programs:
            yield from _crossings(program, at)


def _moves(v: Var) -> bool:
    """Whether a number of this kind can be moved along a line; integers go by whole steps."""
    return is_integer(v.dtype) or is_kind(v.dtype, np.floating)


def _directions(
    variables: Sequence[Var], real: list[int], rng: np.random.Generator
) -> Iterator[Inputs]:
    """All inputs together, each input alone, and single elements."""
    zero = [np.zeros(v.shape) for v in variables]
    yield [np.ones(v.shape) if i in real else zero[i] for i, v in enumerate(variables)]
    for i in real:
        yield [np.ones(v.shape) if j == i else zero[j] for j, v in enumerate(variables)]
    yield [rng.choice([-1.0, 1.0], v.shape) for v in variables]
    for _ in range(4):
        i = int(rng.choice(real))
        if zero[i].size == 0:
            continue
        single = zero[i].copy()
        single.flat[int(rng.integers(single.size))] = 1.0
        yield [single if j == i else zero[j] for j in range(len(variables))]


def _crossings(program: Program, at: Any) -> Iterator[Inputs]:
    """Inputs just before, at, and just after each crossing of a decision along a line."""
    traces = [_gaps(program, at(t)) for t in _STEPS]
    for i in range(len(_STEPS) - 1):
        one, two = traces[i], traces[i + 1]
        if one is None or two is None or len(one) != len(two):
            continue
        flips = np.flatnonzero(np.sign(one) * np.sign(two) <= 0)
        seen: set[float] = set()
        for element in flips[:_SAMPLED]:
            crossing = _bisect(program, at, float(_STEPS[i]), float(_STEPS[i + 1]), int(element))
            if crossing is None or round(crossing, 12) in seen:
                continue
            seen.add(round(crossing, 12))
            step = max(abs(crossing), 1e-3)
            for shift in (0.0, 1e-7, -1e-7, 1e-5, -1e-5, 1e-2, -1e-2):
                yield at(crossing + shift * step)
            if any(is_integer(v.dtype) for v in program.inputs):
                for whole in (1.0, -1.0):
                    yield at(crossing + whole)


def _bisect(program: Program, at: Any, low: float, high: float, element: int) -> float | None:
    start = _gaps(program, at(low))
    if start is None:
        return None
    sign = np.sign(start[element])
    if sign == 0:
        return low
    for _ in range(60):
        middle = (low + high) / 2
        gaps = _gaps(program, at(middle))
        if gaps is None or len(gaps) != len(start):
            return None
        if np.sign(gaps[element]) == sign:
            low = middle
        else:
            high = middle
        if gaps[element] == 0 or high - low <= 1e-9 * max(abs(low), abs(high)):
            break
    return high


def _gaps(program: Program, inputs: Inputs) -> np.ndarray | None:
    """left - right of every sampled element of every decision, in program order.

    The operands of a decision are not among its results, so a first pass remembers the numeric
    value of every variable that a decision reads.
    """
    read = {
        atom
        for equation in program.equations
        if equation.primitive in _DECISIONS
        for atom in equation.inputs
        if isinstance(atom, Var)
    }
    known: dict[Any, np.ndarray] = {
        v: np.asarray(x, np.float64)
        for v, x in zip(program.inputs, inputs, strict=True)
        if v in read and not np.iscomplexobj(x)
    }
    gaps: list[np.ndarray] = []

    def operand(atom: Any) -> np.ndarray | None:
        if isinstance(atom, Var):
            return known.get(atom)
        return None if np.iscomplexobj(atom.value) else np.asarray(atom.value, np.float64)

    def observe(equation: Equation, _: list[Any], results: list[Any]) -> None:
        for var, value in zip(equation.outputs, results, strict=True):
            if var in read and hasattr(value, "value") and not np.iscomplexobj(value.value):
                known[var] = np.asarray(value.value, np.float64)
        if equation.primitive not in _DECISIONS:
            return
        operands = [operand(atom) for atom in equation.inputs]
        first = operands[1 if equation.primitive == "clamp" else 0]
        for other in operands:
            if other is None or first is None or other is first:
                continue
            gap = np.asarray(first - other).reshape(-1)
            stride = max(1, len(gap) // _SAMPLED)
            gaps.append(gap[::stride][:_SAMPLED])

    try:
        values(program, inputs, observe)
    except Unsupported:
        return None
    return np.nan_to_num(np.concatenate(gaps)) if gaps else None
