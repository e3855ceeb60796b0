"""What counts as a difference between two derivatives.

At a tie, where a maximum or a choice changes sides, there is no derivative: every program has its
own custom there (ReLU has 0, 1/2 or 1), and none is wrong. So a difference counts only where the
derivative to be trusted is continuous, in the point and for any direction, and the function too:
its value there is then the limit of derivatives, and with it the derivative.

Continuity is tried at pairs of points on opposite sides. Of two values that tie one is the larger
on one side and the smaller on the other, so that what a tie decides, changes.

Nor does a difference count that the rounding of constants makes, 1/3 for instance, also where it
is all that is left of terms that cancel.

The derivative to be trusted may have no value where the rule has one: that may be why there is a
rule. But a rule that has none, or that compares what has none, on an open set where the derivative
is continuous, is wrong there (`undefined.py`, `without_order.py`).
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Unsupported
from verify.checks.drawn import draw
from verify.constants import numbers
from verify.counterexample.confirm import Comparison, Inputs, Places, Witness, margins, values
from verify.counterexample.many import evaluated
from verify.counterexample.rounding import Rounding
from verify.dtypes import is_kind
from verify.programs import Atom, Program

# Of three values that tie, the middle one is the same on both sides of every third pair.
_PAIRS, _QUICK = 16, 3  # the latter where many inputs are sifted
_STEPS = (2.0**-20, 2.0**-32)  # relative; the smaller one where derivatives are steep
_CLOSE = 2.0**-10  # relative
_ROWS = 2**21  # elements that are computed at once
_PART = 0.25  # of the difference between two derivatives that one of them may jump
_STEEP = 64  # times as far as a derivative says
_ROUNDED = 4  # units of the dtype
_TRIED = 4


class Smooth(Comparison):
    """Differences where `right` is continuous. The left program may be anything.

    `directions`: how many of the last inputs are directions, tangents if `forwards`. `functions`:
    how many of the first outputs are the function's own. `rounded`: a difference taken for a
    constant's rounding.
    """

    lenient = True
    compiled = False

    def __init__(
        self, left: Program, right: Program, directions: int, functions: int, *, forwards: bool
    ) -> None:
        super().__init__(left, right)
        self.points, self.functions = len(right.inputs) - directions, functions
        self.forwards = forwards
        self.nearby = np.random.default_rng(0)
        self.rounded: Witness | None = None

    @functools.cached_property
    def literals(self) -> Rounding:
        """Which differences the rounding of constants explains; few questions come to ask."""
        return Rounding(self.left, self.right, numbers.of(self.left, self.right))

    def sides(self, witness: Witness) -> tuple[str, str]:
        if witness.output < self.functions:
            return "with the rule", "without it"
        return "the rule", "the true derivative"

    def at(
        self, inputs: Inputs, where: tuple[int, tuple[int, ...]] | None = None
    ) -> Witness | None:
        witness = super().at(inputs, where)
        return witness if witness is not None and self.counts(witness) else None

    def counts(self, witness: Witness) -> bool:
        if self._is_rounding(witness):
            self.rounded = self.rounded or witness
            return False
        if not any(self._continuous(witness, step) for step in _STEPS):
            return False
        if self._is_of_literals(witness):
            self.rounded = self.rounded or witness
            return False
        return True

    def sift(self, drawn: Inputs, rows: np.ndarray, places: Places) -> np.ndarray:
        """Without those at which the right is certainly not continuous. What may be a constant's
        rounding is kept, but one of those that certainly are is enough."""
        if not len(rows) or not all(is_kind(v.dtype, np.inexact) for v in self.right.outputs):
            return rows
        apart = np.abs(places.left - places.right)
        size = np.maximum(np.abs(places.left), np.abs(places.right))
        small = apart <= 2 * _ROUNDED * max(map(_unit, self.right.outputs)) * size
        at = [np.asarray(x[rows]) for x in drawn]
        kept = small | np.isnan(apart)
        tried = np.flatnonzero(~kept)
        most = max(1, _ROWS // max(1, self.right.size()) // (len(_STEPS) * _QUICK * 3))
        for start in range(0, len(tried), most):
            part = tried[start : start + most]
            some = Places(*(np.asarray(x)[part] for x in vars(places).values()))
            unit = np.where(apart[part] < 1, apart[part], 1.0)
            kept[part] = ~self._jumps([x[part] for x in at], some, unit)
        rounding = apart <= _ROUNDED * min(map(_unit, self.right.outputs)) * size
        first = self.rounded is None and np.cumsum(rounding) == 1
        return rows[kept & (~rounding | first)]

    def _jumps(self, at: Inputs, places: Places, unit: np.ndarray) -> np.ndarray:
        """In which rows the element on the right is found not to be continuous, at every step."""
        points, sides = at[: self.points], (0, 1, -1)
        tried: list[Inputs] = []
        for step in _STEPS:
            for _ in range(_QUICK):
                directions = [np.asarray(self._normal(x)) for x in at[self.points :]]
                moves = [step * np.maximum(np.abs(x), 1) * self._normal(x) for x in points]
                for side in sides:
                    near = [
                        x + side * m if is_kind(x.dtype, np.inexact) else x
                        for x, m in zip(points, moves, strict=True)
                    ]
                    tried.append([*near, *directions])
        # All of them at once: what costs is to walk over the program.
        every = [np.concatenate(several) for several in zip(*tried, strict=True)]
        seen = self._elements(every, places, len(tried))
        if seen is None:
            return np.zeros(len(unit), bool)
        value, error = (x.reshape(len(_STEPS), _QUICK, len(sides), -1) for x in seen)
        apart = np.abs(places.left - places.right)
        small = _beside(apart, _CLOSE * np.maximum(np.abs(value[:, :, :1]), unit))
        allowed = small + error[:, :, :1] + error
        with np.errstate(invalid="ignore"):
            far = np.abs(value - value[:, :, :1]) > allowed
        jumps = (np.isfinite(allowed) & far).any(axis=(1, 2)).all(axis=0)
        return np.asarray(jumps)

    def _elements(
        self, at: Inputs, places: Places, times: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """The element of each row on the right, with its error; so many times as many rows as there
        are places."""
        try:
            outputs = evaluated(self.right, at)
        except Unsupported:
            return None
        which, elements = np.tile(places.output, times), np.tile(places.element, times)
        value, error = np.zeros(len(which), complex), np.zeros(len(which))
        for number, output in enumerate(outputs):
            rows = np.flatnonzero(which == number)
            for into, array in ((value, output.value), (error, output.errors)):
                flat = np.asarray(array).reshape(len(value), -1)
                into[rows] = flat[rows, elements[rows]]
        return value, error

    def lost(self, seed: int) -> bool:
        """Whether at some random input the left has no known value where the right has one."""
        rng = np.random.default_rng(seed)
        for _ in range(_TRIED):
            inputs = [draw(v, rng) for v in self.right.inputs]
            try:
                left, right = (values(program, inputs) for program in (self.left, self.right))
            except Unsupported:
                return False
            for a, b in zip(left, right, strict=True):
                known = _CLOSE * np.maximum(np.abs(b.value + 0.0), 1)
                if (~(a.errors <= known) & (b.errors <= known)).any():
                    return True
        return False

    def _is_rounding(self, witness: Witness) -> bool:
        dtype = self.right.outputs[witness.output].dtype
        if not is_kind(dtype, np.inexact):
            return False
        left, right = np.asarray(witness.left), np.asarray(witness.right)
        size = max(float(np.abs(left)), float(np.abs(right)))
        return bool(np.abs(left - right) <= _ROUNDED * float(jnp.finfo(dtype).eps) * size < np.inf)

    def _is_of_literals(self, witness: Witness) -> bool:
        """Whether other numbers for the constants, as near as they were rounded, explain it: where
        terms cancel, what is left of their rounding is no small part of the value."""
        if not self.literals.numbers:
            return False
        found = values(self.left, witness.inputs), values(self.right, witness.inputs)
        every = [margins(a, b) for a, b in zip(*found, strict=True)]
        beyond = self.literals.beyond(witness.inputs, found, every)
        return not beyond[witness.output][witness.index] > 0

    def _continuous(self, witness: Witness, step: float) -> bool:
        apart = float(np.abs(np.asarray(witness.left) + 0.0 - witness.right))
        unit = apart if apart < 1 else 1.0  # NaN and infinity too
        points = witness.inputs[: self.points]
        longest = step * max((np.abs(x).max(initial=1) for x in points), default=1.0)
        for _ in range(_PAIRS):
            directions = [np.asarray(self._normal(x)) for x in witness.inputs[self.points :]]
            moves = [step * np.maximum(np.abs(x), 1) * self._normal(x) for x in points]
            here, *values_here = self._seen(witness, [*points, *directions])
            for sign in (1, -1):
                near = [
                    x + sign * m if is_kind(x.dtype, np.inexact) else x
                    for x, m in zip(points, moves, strict=True)
                ]
                there, *values_there = self._seen(witness, [*near, *directions])
                size = np.abs(here[0])
                small = _beside(apart, _CLOSE * np.maximum(size, unit))
                if not (_known(here, small) and _known(there, small)):
                    return False
                if not _close(here, there, small):
                    return False
                for a, b in zip(values_here, values_there, strict=True):
                    allowed = _CLOSE * np.maximum(np.abs(a[0]), unit)
                    if a[0].ndim == 0:  # an element and its tangent: the one says how far it goes
                        allowed = (_STEEP * size + _CLOSE * unit) * longest
                    if not _close(a, b, allowed):
                        return False
        return True

    def _seen(self, witness: Witness, inputs: Inputs) -> list[Ball]:
        """The differing element on the right, and the function's values that it may belong to, with
        their errors."""
        outputs = values(self.right, inputs)
        found = outputs[witness.output]
        seen = [(found.value[witness.index], found.errors[witness.index])]
        for value in outputs[: self.functions]:
            # The tangent of an element is that element's; a gradient may be of all.
            alone = self.forwards and value.shape == found.shape
            index = witness.index if alone else ...
            seen.append((value.value[index], value.errors[index]))
        return [(np.asarray(a) + 0.0, np.asarray(error)) for a, error in seen]

    def _normal(self, array: np.ndarray) -> np.ndarray:
        """Random numbers like the array's; zeros for integers."""
        if not is_kind(array.dtype, np.inexact):
            return np.zeros_like(array)
        real = self.nearby.standard_normal(array.shape)
        if not np.iscomplexobj(array):
            return real
        return real + 1j * self.nearby.standard_normal(array.shape)


Ball = tuple[np.ndarray, np.ndarray]  # values, and their errors


def _unit(v: Atom) -> float:
    return float(jnp.finfo(v.dtype).eps)


def _beside(apart: float | np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """How far a derivative that does not jump may go: a jump as large as what is to be judged is
    none of the allowed, however large the derivative."""
    return np.where(np.isfinite(apart), np.minimum(allowed, np.asarray(apart) * _PART), allowed)


def _known(a: Ball, allowed: np.ndarray) -> bool:
    """Whether a value is known well enough to tell that it does not jump."""
    return bool(np.all(a[1] <= allowed))


def _close(a: Ball, b: Ball, allowed: float | np.ndarray) -> bool:
    """Whether two values with errors differ by so much at most; what is unknown does not."""
    error = a[1] + b[1]
    return bool(np.all(np.isfinite(error) & (np.abs(a[0] - b[0]) <= allowed + error)))
