"""Moves an input to where the linear constraints of a precondition hold, near to where it was.

The searches draw inputs from everywhere; a narrow domain (probabilities that sum to one, sorted
numbers, an index below ten) would be met by chance only. Here bounds fold what lies outside back
in, and each constraint that fails is mended by as few of its numbers as can, within their bounds,
some times over. Whether the result lies in the domain is for the caller to ask: nothing here is
trusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from verify.counterexample.held import fit
from verify.dtypes import is_integer, is_kind, limits, nearest
from verify.limits import budget
from verify.preconditions.reading import Constraint, Reading, by_element, is_whole, numbered
from verify.programs import Var

_ROUNDS, _PROPAGATED, _MOST_PROPAGATED = 40, 3, 500
_UNIT = 100  # of work (`limits/budget.py`), for a number or a term
_GRID = 2.0**-8  # of numbers that occur in equations: sums of its multiples are exact
_MOST_EXACT = 64  # terms of a constraint that are added up as fractions


class _Table:
    """All constraints as arrays, to see at once which of them may fail."""

    def __init__(self, constraints: Sequence[Constraint]) -> None:
        self.constraints = list(constraints)
        counts = [len(c.terms) for c in constraints]
        self.rows = np.repeat(np.arange(len(counts)), counts)
        self.columns = np.array([n for c in constraints for n, _ in c.terms], np.int64)
        self.factors = np.array([float(f) for c in constraints for _, f in c.terms])
        self.constants = np.array([float(c.constant) for c in constraints])
        self.equations = np.array([c.relation in ("eq", "ne") for c in constraints], bool)

    def suspects(self, flat: np.ndarray) -> list[Constraint]:
        """Those that are not clearly satisfied."""
        if not self.constraints:
            return []
        terms = self.factors * flat[self.columns]
        total = np.bincount(self.rows, terms, len(self.constants)) + self.constants
        open_ = self.equations | (total <= 0)
        return [self.constraints[i] for i in np.flatnonzero(open_)]


class Mover:
    """What a reading asks of the inputs, as arrays."""

    def __init__(self, variables: Sequence[Var], reading: Reading) -> None:
        self.variables, self.reading = list(variables), reading
        self.places = [slice(r.start, r.stop) for r in numbered(self.variables)]
        self.whole = by_element(self.variables, is_whole)
        count = len(self.whole)
        self.low, self.high = np.full(count, -np.inf), np.full(count, np.inf)
        self.open_low, self.open_high = np.zeros(count, bool), np.zeros(count, bool)
        for v, here in zip(self.variables, self.places, strict=True):
            if is_whole(v.dtype):
                self.low[here], self.high[here] = limits(v.dtype)
        for bounds, ends, opened in (
            (reading.lower, self.low, self.open_low),
            (reading.upper, self.high, self.open_high),
        ):
            for n, (bound, is_open) in bounds.items():
                ends[n], opened[n] = nearest(bound), is_open
        several = (
            c
            for c in reading.constraints
            if (len(c.terms) > 1 or c.relation == "ne") and _is_held(c)
        )
        # Equations first: what comes after them moves within what they leave free.
        self.several = sorted(several, key=lambda c: c.relation != "eq")
        if len(self.several) <= _MOST_PROPAGATED:
            for _ in range(_PROPAGATED):
                for c in self.several:
                    self._propagate(c)
        self.table = _Table(self.several)
        self.few = {n: [float(v) for v in sorted(vs)] for n, vs in reading.values.items() if vs}
        equal = [n for c in self.several if c.relation == "eq" for n, _ in c.terms]
        self.exact = np.array(sorted(set(equal)), np.int64)

    def _propagate(self, c: Constraint) -> None:
        """Bounds that follow from a constraint and the bounds of its other numbers."""
        if c.relation == "ne" or len(c.terms) > _MOST_EXACT:
            return
        numbers = np.array([n for n, _ in c.terms])
        factors = np.array([float(f) for _, f in c.terms])
        low, high = self.low[numbers], self.high[numbers]
        for sign in (1.0, -1.0) if c.relation == "eq" else (1.0,):
            # sign (sum + constant) >= 0: no term can be less than what the others are at most.
            f = sign * factors
            most = np.where(f > 0, f * high, f * low)
            for k, n in enumerate(numbers):
                others = float(most.sum() - most[k]) if np.isfinite(most).all() else np.inf
                if not np.isfinite(most[k]):
                    others = float(np.delete(most, k).sum())
                if not np.isfinite(others):
                    continue
                bound = -(others + sign * float(c.constant)) / f[k]
                if f[k] > 0:
                    self.low[n] = max(self.low[n], bound)
                else:
                    self.high[n] = min(self.high[n], bound)

    @property
    def size(self) -> int:
        """Numbers and constraints."""
        return len(self.whole) + sum(len(c.terms) for c in self.several)

    @property
    def moves(self) -> bool:
        return bool(self.reading.constraints or self.reading.truths)

    def moved(self, inputs: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """The inputs, moved. Complex numbers and keys stay as they are."""
        if not self.moves or any(np.iscomplexobj(x) for x in inputs):
            return list(inputs)
        flat = np.concatenate([np.asarray(x, np.float64).reshape(-1) for x in inputs])
        flat = np.clip(flat, -1e300, 1e300)
        if len(self.exact):
            flat[self.exact] = np.rint(flat[self.exact] / _GRID) * _GRID
        flat = self._folded(flat)
        for n, values in self.few.items():
            if flat[n] not in values:
                flat[n] = values[int(rng.integers(len(values)))]
        for _ in range(_ROUNDS):
            budget.spend(_UNIT * self.size)
            mended = False
            for c in self.table.suspects(flat):
                budget.spend(_UNIT * len(c.terms))
                mended |= self._mend(c, flat, rng)
            if not mended:
                break
        return self._arrays(flat, inputs)

    def _arrays(self, flat: np.ndarray, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = []
        for v, here, before in zip(self.variables, self.places, inputs, strict=True):
            part = flat[here].reshape(v.shape)
            if v.dtype == np.bool_:
                part = np.array(before)
                for n, value in self.reading.truths.items():
                    if here.start <= n < here.stop:
                        part.reshape(-1)[n - here.start] = value
                found.append(part)
            elif is_integer(v.dtype):
                # Beyond 2**53 a float is not the integer: what was not moved stays as it was.
                kept = np.asarray(before, np.float64) == part
                found.append(np.where(kept, before, fit(v, part)).astype(v.dtype))
            else:
                found.append(self._rounded(v, part, here))
        return found

    def _rounded(self, v: Var, part: np.ndarray, here: slice) -> np.ndarray:
        """As the dtype holds it, and still within the bounds."""
        found = fit(v, part).reshape(-1)
        for i in np.flatnonzero(~self._inside(found, here)):
            for toward in (np.inf, -np.inf):
                there = float(_next(v, found[i], toward))
                if self._inside(np.array(there), here.start + i):
                    found[i] = there
        return found.reshape(v.shape)

    def _inside(self, values: np.ndarray, here: slice | np.ndarray) -> np.ndarray:
        """Which values lie within the bounds of the elements with these numbers."""
        low, high = self.low[here], self.high[here]
        above = np.where(self.open_low[here], values > low, values >= low)
        return above & np.where(self.open_high[here], values < high, values <= high)

    def _folded(self, flat: np.ndarray) -> np.ndarray:
        """Reflected at the bounds until it lies within them."""
        low, high = self.low, self.high
        with np.errstate(invalid="ignore", over="ignore"):
            bounded = np.isfinite(low) & np.isfinite(high)
            width = np.where(bounded, high - low, 1.0)
            period = np.where(width > 0, 2 * width, 1.0)
            away = np.mod(flat - np.where(bounded, low, 0.0), period)
            inside = np.where(bounded, low, 0.0) + np.minimum(away, period - away)
            inside = np.where(width > 0, inside, low)
            found = np.where(bounded & ((flat < low) | (flat > high)), inside, flat)
            found = np.where(~bounded & (found < low), 2 * low - found, found)
            found = np.where(~bounded & (found > high), 2 * high - found, found)
            found = np.where(self.whole, np.rint(found), found)
            at_low, at_high = self.open_low & (found <= low), self.open_high & (found >= high)
            step = np.where(bounded, width / 4, 1.0)
            found = np.where(at_low, low + step, found)
            found = np.where(at_high, high - step, found)
        return np.asarray(np.clip(found, low, high))

    def _mend(self, c: Constraint, flat: np.ndarray, rng: np.random.Generator) -> bool:
        """Whether the constraint failed; then some of its numbers have been moved."""
        value = self._value(c, flat)
        if c.relation == "ne":
            if value:
                return False
            n, _ = c.terms[int(rng.integers(len(c.terms)))]
            flat[n] = self._clipped(n, flat[n] + (1.0 if flat[n] < self.high[n] else -1.0))
            return True
        fails = value != 0 if c.relation == "eq" else value < 0
        missing = -value
        if c.relation == "gt" and value <= 0:
            fails, missing = True, missing + 1
        if not fails:
            return False
        larger = _order(c)
        if larger is not None:  # of two numbers: it is raised, so that a chain goes up
            n = larger
            flat[n] = self._clipped(n, float(flat[n] + missing))
            if self._value(c, flat) >= 0:
                return True
            missing = -self._value(c, flat)
        order = rng.permutation(len(c.terms))
        shares = rng.integers(0, 5, len(order)) / 4  # not to a corner, if there is anything else
        # What is divided by a power of two stays on the grid.
        last = sorted(order, key=lambda k: not _is_power_of_two(c.terms[k][1]))
        for k, share in (*zip(order, shares, strict=True), *((k, 1.0) for k in last)):
            n, factor = c.terms[k]
            before = flat[n]
            there = before + share * missing / float(factor)
            if self.whole[n]:
                enough = np.ceil if missing * float(factor) > 0 else np.floor
                there = np.rint(there) if c.relation == "eq" else enough(there)
            elif share < 1 and c.relation == "eq":
                there = np.rint(there / _GRID) * _GRID
            flat[n] = self._clipped(n, float(there))
            missing -= (flat[n] - before) * float(factor)
            if abs(missing) < 1e-12 or (c.relation != "eq" and missing <= 0):
                break
        return True

    def _value(self, c: Constraint, flat: np.ndarray) -> float:
        if len(c.terms) <= _MOST_EXACT:
            total = c.constant + sum(factor * Fraction(flat[n]) for n, factor in c.terms)
            return float(total)
        numbers = np.array([n for n, _ in c.terms])
        factors = np.array([float(f) for _, f in c.terms])
        return float(flat[numbers] @ factors + float(c.constant))

    def _clipped(self, n: int, value: float) -> float:
        low, high = self.low[n], self.high[n]
        width = high - low if np.isfinite(high - low) else 1.0
        if self.open_low[n] and value <= low:
            return float(low + min(width, 1.0) / 4)
        if self.open_high[n] and value >= high:
            return float(high - min(width, 1.0) / 4)
        return float(np.clip(value, low, high))


def _order(c: Constraint) -> int | None:
    """The larger of two numbers, x - y >= constant; None for other constraints."""
    if c.relation not in ("gt", "ge") or sorted(f for _, f in c.terms) != [-1, 1]:
        return None
    return next(n for n, f in c.terms if f > 0)


def _is_power_of_two(c: Fraction) -> bool:
    """Up to its sign, or one over it."""
    n, d = abs(c.numerator), c.denominator
    return not (n & (n - 1) or d & (d - 1))


def _next(v: Var, number: float, toward: float) -> np.ndarray | float:
    """The next number of the variable's dtype."""
    if not is_kind(v.dtype, np.floating):
        return number
    dtype = v.dtype if v.dtype.kind == "f" else np.dtype(np.float32)
    if dtype != v.dtype:  # bfloat16 and narrower: a step of its own size
        step = max(abs(number), float(jnp.finfo(v.dtype).tiny)) * float(jnp.finfo(v.dtype).eps)
        return fit(v, number + (step if toward > 0 else -step))
    return np.nextafter(dtype.type(number), dtype.type(toward))


def _is_held(c: Constraint) -> bool:
    """Whether floats hold its numbers, near zero too: else nothing is moved for its sake."""
    factors = [nearest(factor) for _, factor in c.terms]
    return all(map(math.isfinite, (nearest(c.constant), *factors))) and all(factors)
