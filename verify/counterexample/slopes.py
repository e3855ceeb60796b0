"""Inputs at which a comparison comes out as it did at none of those drawn.

What lies behind `x.min() > 3`, a distance below one, or where a sum of positive parts is zero, no
row meets by chance: of thirty numbers each has to be right. So where all rows of a batch are on one
side of a comparison, or of a function's edge, a few of them go down the slope toward the other
side: the gap is a function of the inputs, differences between neighbouring rows stand for its
derivatives, and a step goes as far as the gap would be closed if it were linear (Polyak's step;
B. Polyak, "Minimization of unsmooth functionals", 1969). A maximum that has to become small is
the sum of what exceeds the bound, and a gap without a slope, such as a count of truths, follows the
comparisons that lead to it. What the rows found are worth is for `batch.py` to say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from verify.algebras.base import Value
from verify.algebras.numeric_rows import Row
from verify.counterexample.confirm import Inputs
from verify.counterexample.edges import ROOM
from verify.counterexample.held import fit
from verify.dtypes import is_kind
from verify.evaluate import Observe
from verify.programs import Atom, Equation, Var
from verify.programs.catalogue import Fact, having

_SLOPES, _STARTS = 4, 3  # of a batch; rows that go down each
_ROUNDS, _STALLED = 40, 6  # steps; and so many without progress
_STEPS = (2.0, 1.2, 0.4)  # of the way, of which the best is taken
_MOST = 128  # numbers that may move
_ELEMENTS = 2**21  # that are computed on the way down one
_NEARBY = 5  # rows around each that has arrived
_STRICT = having(Fact.COMPARES, Fact.ORDERS)
_ORDERS = having(Fact.COMPARES)
_MOVES = having(Fact.MOVES, but=Fact.SEVERAL) | having(Fact.CASTS)
# All of which have to be below a bound (1) or above it (-1), so that this is.
_ALL = {"reduce_max": (1,), "reduce_min": (-1,), "sort": (1, -1)}


@dataclass
class Sides:
    """On which side of its comparisons the rows of a batch are."""

    gaps: dict[int, np.ndarray] = field(default_factory=dict)  # by equation: (rows, elements)
    strict: set[int] = field(default_factory=set)  # those that a gap of 0 is no other side of

    def observe(self, equation: Equation, gap: np.ndarray) -> None:
        """The gap between what a comparison compares."""
        if gap.shape[1]:
            self.gaps[id(equation)] = gap
            if equation.primitive in _STRICT:
                self.strict.add(id(equation))

    def one(self) -> Iterator[tuple[int, int, int]]:
        """The comparisons, an element and its sign, that came out the same in every row where what
        is compared has a value."""
        for equation, gap in self.gaps.items():
            known = np.isfinite(gap).any(axis=0)
            for sign in (1, -1):
                beyond = sign * gap < 0 if equation in self.strict else sign * gap <= 0
                found = np.flatnonzero(known & ~beyond.any(axis=0))
                if len(found):
                    yield equation, int(found[0]), sign
                    break


@dataclass
class Goal:
    """One comparison, and the side on which no row is: `sign` times its gap is to become negative,
    or zero."""

    equation: int
    element: int
    sign: int
    strict: bool = False
    gap: np.ndarray | None = None  # by row
    slopes: list[np.ndarray] = field(default_factory=list)  # what leads there, positive until then
    _whole: dict[Var | None, tuple[str, np.ndarray]] = field(
        default_factory=dict
    )  # what a maximum is of

    def observe(self, equation: Equation, operands: list[Value], results: list[Value]) -> None:
        rows = [x for x in operands if isinstance(x, Row)]
        if len(rows) < len(operands):
            return
        name, values = equation.primitive, [np.asarray(x.inner.value) for x in rows]
        if id(equation) == self.equation and name in ROOM:
            operand, room = ROOM[name]
            flat = values[operand].reshape(len(values[operand]), -1)
            self.gap = room(flat[:, min(self.element, flat.shape[1] - 1)])
            self.slopes.insert(0, self.gap)
        elif name in _ALL and (name == "sort" or equation.outputs[0].shape == ()):
            self._whole[equation.outputs[0]] = (name, values[0].reshape(len(values[0]), -1))
        elif name in _MOVES and _key(equation.inputs[0]) in self._whole:
            self._whole[equation.outputs[0]] = self._whole[_key(equation.inputs[0])]
        elif name in _ORDERS:
            a, b = _together(*(x.astype(np.float64) for x in values))
            if id(equation) == self.equation:
                self._arrive(equation, a, b)
            elif is_kind(equation.inputs[0].dtype, np.floating):
                self.slopes += [_positive(b - a), _positive(a - b)]

    def _arrive(self, equation: Equation, a: np.ndarray, b: np.ndarray) -> None:
        here = [x[:, min(self.element, x.shape[1] - 1)] for x in (a, b)]
        self.gap = self.sign * (here[0] - here[1])
        self.slopes.insert(0, self.gap)
        for side, other, sign in ((0, 1, self.sign), (1, 0, -self.sign)):
            name, parts = self._whole.get(_key(equation.inputs[side]), ("", None))
            if parts is not None and sign in _ALL[name]:
                self.slopes.insert(0, _positive(sign * (parts - here[other][:, None])))


def _together(*values: np.ndarray) -> list[np.ndarray]:
    """Rows of elements, a scalar or an axis of size one beside all that it is compared with."""
    most = max(x.ndim for x in values)
    padded = [x.reshape(len(x), *(1,) * (most - x.ndim), *x.shape[1:]) for x in values]
    return [x.reshape(len(x), -1) for x in np.broadcast_arrays(*padded)]


def down(
    variables: Sequence[Var],
    drawn: Inputs,
    sides: Sides,
    leading_to: Callable[[int], Callable[[Inputs, Observe], None]],
    rng: np.random.Generator,
    size: int,
) -> Iterator[Inputs]:
    """Rows on the other side of comparisons that all rows drawn are on one side of.

    leading_to: for an equation what evaluates rows up to it, and tells an observer;
    size: elements that the programs compute for a row."""
    numbers = sum(int(np.prod(v.shape)) for v in variables if is_kind(v.dtype, np.floating))
    if not 0 < numbers <= _MOST:
        return
    rounds = min(_ROUNDS, _ELEMENTS // (max(1, size) * _STARTS * (1 + numbers)))
    for number, (equation, element, sign) in enumerate(sides.one()):
        if number == _SLOPES or rounds < 2:
            return
        start = functools.partial(Goal, equation, element, sign, equation in sides.strict)
        nearest = np.argsort(sign * sides.gaps[equation][:, element], kind="stable")
        rows = [x[nearest[:_STARTS]] for x in drawn]
        walk = _Walk(variables, start, leading_to(equation), rng)
        if walk.go(rows, rounds):
            yield walk.around()


class _Walk:
    """A few rows on their way down."""

    def __init__(
        self,
        variables: Sequence[Var],
        start: Callable[[], Goal],
        evaluate: Callable[[Inputs, Observe], None],
        rng: np.random.Generator,
    ) -> None:
        self.variables, self.start, self.evaluate, self.rng = variables, start, evaluate, rng
        self.floats = [n for n, v in enumerate(variables) if is_kind(v.dtype, np.floating)]
        self.rows: Inputs = []
        self.arrived = np.zeros(0, np.bool_)

    def goal(self, rows: Inputs) -> Goal:
        """How far these rows are from it."""
        made = self.start()
        self.evaluate(rows, made.observe)
        return made

    def go(self, rows: Inputs, rounds: int) -> bool:
        """Whether any row arrives; each slope of the goal in turn, until one does."""
        slopes = range(len(self.goal(rows).slopes))
        with np.errstate(all="ignore"):  # gaps may be infinite, and overflow
            return any(self._follow(rows, slope, rounds) for slope in slopes)

    def _follow(self, rows: Inputs, slope: int, rounds: int) -> bool:
        stalled, best = 0, np.inf
        for _ in range(rounds):
            around, steps = self._neighbours(rows)
            found = self.goal(around)
            if found.gap is None or len(found.slopes) <= slope:
                return False
            count = len(rows[0])
            if found.slopes[slope].size < len(around[0]):  # a number, whatever the inputs are
                return False
            height = found.slopes[slope].reshape(count, -1)
            rise = np.nan_to_num((height[:, 1:] - height[:, :1]) / steps)
            square = (rise**2).sum(axis=1)
            if not square.any():
                return False
            share = np.where(square > 0, height[:, 0] / np.where(square > 0, square, 1), 0)
            ways = [self._moved(rows, -t * share[:, None] * rise) for t in _STEPS]
            tried = [np.concatenate(parts) for parts in zip(*ways, strict=True)]
            reached = self.goal(tried)
            if reached.gap is None:
                return False
            self.arrived = reached.gap < 0 if reached.strict else reached.gap <= 0
            if self.arrived.any():
                self.rows = [x[self.arrived] for x in tried]
                return True
            heights = reached.slopes[slope].reshape(len(_STEPS), count)
            least = np.where(np.isnan(heights), np.inf, heights)
            pick = least.argmin(axis=0) * count + np.arange(count)
            rows = [x[pick] for x in tried]
            lowest = float(least.min())
            stalled = 0 if lowest < 0.98 * best else stalled + 1
            best = min(best, lowest)
            if stalled >= _STALLED:
                return False
        return False

    def _flat(self, rows: Inputs) -> np.ndarray:
        """The floats of each row."""
        return np.concatenate([rows[n].reshape(len(rows[n]), -1) for n in self.floats], axis=1)

    def _neighbours(self, rows: Inputs) -> tuple[Inputs, np.ndarray]:
        """Each row, and the same with one number moved by a little, and by how much."""
        flat = self._flat(rows)
        count, numbers = flat.shape
        step = 2.0**-8 * (np.abs(flat) + 0.25)
        moved = flat[:, None, :] + np.eye(numbers)[None] * step[:, :, None]
        wide = np.concatenate([flat[:, None, :], moved], axis=1).reshape(-1, numbers)
        again = [np.repeat(x, 1 + numbers, axis=0) for x in rows]
        around = self._with(again, wide)
        held = self._flat(around).reshape(count, 1 + numbers, numbers)
        steps = np.einsum("cnn->cn", held[:, 1:] - held[:, :1])
        return around, np.where(steps == 0, 1.0, steps)

    def _moved(self, rows: Inputs, by: np.ndarray) -> Inputs:
        return self._with(rows, self._flat(rows) + by)

    def _with(self, rows: Inputs, flat: np.ndarray) -> Inputs:
        """The rows with these numbers for their floats, as the inputs can hold them."""
        found, start = list(rows), 0
        for n in self.floats:
            size = int(np.prod(self.variables[n].shape))
            wide = Var((len(flat), *self.variables[n].shape), self.variables[n].dtype)
            found[n] = fit(wide, flat[:, start : start + size].reshape(wide.shape))
            start += size
        return found

    def around(self) -> Inputs:
        """What has arrived, and rows around it: the first may lie on a border."""
        again = [np.repeat(x, 1 + _NEARBY, axis=0) for x in self.rows]
        flat = self._flat(again)
        scale = np.resize([0.0, *(2.0**-k for k in range(12, 12 - 2 * _NEARBY, -2))], len(flat))
        noise = self.rng.standard_normal(flat.shape) * scale[:, None] * (np.abs(flat) + 0.1)
        return self._with(again, flat + noise)


def _positive(x: np.ndarray) -> np.ndarray:
    """The sum of the positive parts, row by row."""
    return np.asarray(np.maximum(x + 2.0**-10 * (1 + np.abs(x)), 0).sum(axis=1))


def _key(atom: Atom) -> Var | None:
    return atom if isinstance(atom, Var) else None
