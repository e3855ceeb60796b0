"""Search aimed at the programs' own decisions: inputs at which a comparison or a maximum flips.

Every comparison, maximum, minimum, clamp and rounding of both programs is observed along a line in
input space, base + t * direction. Where the two sides of one cross, the crossing is found by
bisection and the programs are compared on both sides of it and, as nearly as floats allow, on it.
So a difference behind `x.sum() > 1e6` or `abs(x * 3 - 0.7) < 1e-4` is found without guessing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.numeric_rows import Row
from verify.counterexample.confirm import Inputs
from verify.counterexample.held import fit
from verify.counterexample.many import evaluated
from verify.dtypes import is_integer, is_kind
from verify.programs import Atom, Equation, Program, Var, part_of
from verify.programs.catalogue import Fact, having

_DECISIONS = having(Fact.COMPARES) | having(Fact.ELEMENTWISE, Fact.ORDERS, Fact.CHOOSES)
_STEPS = np.concatenate([-np.logspace(9, -3, 25), [0.0], np.logspace(-3, 9, 25)])
_SAMPLED = 32  # elements of one decision that are followed
_SHIFTS = (0.0, 1e-7, -1e-7, 1e-5, -1e-5, 1e-2, -1e-2)  # from a crossing, relative
_MOST, _AT_ONCE = 2**20, 1024  # elements that are computed together; rows that are tried together


def aimed(programs: Sequence[Program], base: Inputs, rng: np.random.Generator) -> Iterator[Inputs]:
    """Inputs around the decisions of the programs, along random lines through `base`: many at once,
    one a row."""
    variables = programs[0].inputs
    real = [i for i, v in enumerate(variables) if _moves(v)]
    if not real:
        return
    directions = list(_directions(variables, real, rng))
    for program in map(_up_to_decisions, programs):
        if program.outputs:
            yield from _crossings(_Lines(program, base, directions))


def _up_to_decisions(program: Program) -> Program:
    """The part of a program that leads to its decisions."""
    decide = [e for e in program.equations if e.primitive in _DECISIONS]
    return part_of(program, (v for e in decide for v in e.outputs))


class _Lines:
    """A program along the lines base + t * direction."""

    def __init__(self, program: Program, base: Inputs, directions: Sequence[Inputs]) -> None:
        self.program, self.base, self.count = program, base, len(directions)
        self.directions = [np.stack(several) for several in zip(*directions, strict=True)]
        self.most = max(1, _MOST // max(1, program.size()))

    def at(self, which: np.ndarray, t: np.ndarray) -> Inputs:
        """One row for each line and t."""
        rows = []
        for v, x, d in zip(self.program.inputs, self.base, self.directions, strict=True):
            wide = Var((len(t), *v.shape), v.dtype)
            if _moves(v):
                rows.append(fit(wide, x + t.reshape(-1, *[1] * len(v.shape)) * d[which]))
            else:
                rows.append(np.broadcast_to(x, wide.shape))
        return rows

    def gaps(self, which: np.ndarray, t: np.ndarray) -> np.ndarray:
        """(rows, decisions) left - right of the sampled elements of every decision; NaN where they
        are not known."""
        starts = range(0, len(t), self.most)
        parts = [self._gaps(which[k : k + self.most], t[k : k + self.most]) for k in starts]
        same = len({part.shape[1] for part in parts}) == 1
        return np.concatenate(parts) if same else np.full((len(t), 0), np.nan)

    def _gaps(self, which: np.ndarray, t: np.ndarray) -> np.ndarray:
        drawn = self.at(which, t)
        try:
            return _gaps(self.program, drawn)
        except Unsupported:  # a number that differs between rows is one that a rule must know
            return _stacked([_alone(self.program, [x[k] for x in drawn]) for k in range(len(t))])


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


def _crossings(lines: _Lines) -> Iterator[Inputs]:
    """Inputs just before, at, and just after each crossing of a decision along the lines."""
    every = np.arange(lines.count)
    traces = lines.gaps(np.repeat(every, len(_STEPS)), np.tile(_STEPS, lines.count))
    traces = traces.reshape(lines.count, len(_STEPS), traces.shape[1])
    with np.errstate(invalid="ignore"):
        turned = np.sign(traces[:, :-1]) * np.sign(traces[:, 1:]) <= 0
    turned &= np.cumsum(turned, axis=2) <= _SAMPLED
    which, steps, elements = np.nonzero(turned)
    if not len(which):
        return
    signs = np.sign(traces[which, steps, elements])
    crossing = _bisected(lines, which, steps, elements, signs)
    known = ~np.isnan(crossing)
    places = np.stack([which[known], np.round(crossing[known], 12)])
    _, first = np.unique(places, axis=1, return_index=True)
    kept = np.flatnonzero(known)[np.sort(first)]
    crossing, which = crossing[kept], which[kept]
    step = np.maximum(np.abs(crossing), 1e-3)
    near = [crossing + shift * step for shift in _SHIFTS]
    if any(is_integer(v.dtype) for v in lines.program.inputs):
        near += [crossing + whole for whole in (1.0, -1.0)]
    tried, which = np.stack(near, axis=1).ravel(), np.repeat(which, len(near))
    for k in range(0, len(tried), _AT_ONCE):
        yield lines.at(which[k : k + _AT_ONCE], tried[k : k + _AT_ONCE])


def _bisected(
    lines: _Lines, which: np.ndarray, steps: np.ndarray, elements: np.ndarray, sign: np.ndarray
) -> np.ndarray:
    """Where decisions cross, on which line and behind which step; NaN where it is not found.
    sign: of each at its step."""
    low, high = _STEPS[steps], _STEPS[steps + 1]
    found = np.where(sign == 0, low, np.nan)
    open_ = np.flatnonzero(sign != 0)
    size = 1 + int(elements.max())
    for _ in range(60):
        if not len(open_):
            break
        middle = (low[open_] + high[open_]) / 2
        gaps = lines.gaps(which[open_], middle)
        if gaps.shape[1] < size:
            return found
        here = gaps[np.arange(len(open_)), elements[open_]]
        known, below = ~np.isnan(here), np.sign(here) == sign[open_]
        low[open_] = np.where(below, middle, low[open_])
        high[open_] = np.where(below, high[open_], middle)
        wide = high[open_] - low[open_] > 1e-9 * np.maximum(np.abs(low), np.abs(high))[open_]
        done = known & ((here == 0) | ~wide)
        found[open_[done]] = high[open_[done]]
        open_ = open_[known & ~done]
    found[open_] = high[open_]
    return found


def _gaps(program: Program, drawn: Inputs) -> np.ndarray:
    """(rows, decisions) left - right of every sampled element of every decision, in program order.
    Raises Unsupported where a rule must know a number that differs between rows.

    The operands of a decision are not among its results, so a first pass remembers the numeric
    value of every variable that a decision reads.
    """
    count = len(drawn[0])
    read = {
        atom
        for equation in program.equations
        if equation.primitive in _DECISIONS
        for atom in equation.inputs
        if isinstance(atom, Var)
    }
    known: dict[Var, np.ndarray] = {
        v: np.asarray(x, np.float64)
        for v, x in zip(program.inputs, drawn, strict=True)
        if v in read and not np.iscomplexobj(x)
    }
    gaps: list[np.ndarray] = []

    def operand(atom: Atom) -> np.ndarray | None:
        if isinstance(atom, Var):
            return known.get(atom)
        return None if np.iscomplexobj(atom.value) else np.asarray(atom.value, np.float64)[None]

    def observe(equation: Equation, _: list[Value], results: list[Value]) -> None:
        for var, value in zip(equation.outputs, results, strict=True):
            if var in read and isinstance(value, Row) and not np.iscomplexobj(value.inner.value):
                known[var] = np.asarray(value.inner.value, np.float64)
        if equation.primitive not in _DECISIONS:
            return
        operands = [operand(atom) for atom in equation.inputs]
        first = operands[1 if equation.primitive == "clamp" else 0]
        for other in operands:
            if other is None or first is None or other is first:
                continue
            gap = _by_rows(first, other) - _by_rows(other, first)
            gap = np.broadcast_to(gap.reshape(len(gap), -1), (count, gap[0].size))
            gaps.append(gap[:, :: max(1, gap.shape[1] // _SAMPLED)][:, :_SAMPLED])

    with np.errstate(all="ignore"):
        evaluated(program, drawn, observe)
    return np.nan_to_num(np.concatenate(gaps, axis=1)) if gaps else np.zeros((count, 0))


def _by_rows(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """With axes of size one behind that of the rows, so that it broadcasts with the other."""
    return x.reshape(len(x), *(1,) * max(other.ndim - x.ndim, 0), *x.shape[1:])


def _alone(program: Program, inputs: Inputs) -> np.ndarray | None:
    try:
        return _gaps(program, [np.asarray(x)[None] for x in inputs])[0]
    except Unsupported:
        return None


def _stacked(several: list[np.ndarray | None]) -> np.ndarray:
    """As many decisions as the first row that has any: NaN in rows with others."""
    size = next((len(row) for row in several if row is not None), 0)
    nothing = np.full(size, np.nan)
    return np.stack([nothing if row is None or len(row) != size else row for row in several])
