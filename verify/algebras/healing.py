"""Numbers in which what is certainly undefined is written down, and then taken to be 1.

A program that comes to nothing (NaN in `numeric.py`) at some input may be undefined there, or it
may have left the range of float64, or the bounds may say too little. Evaluated over `Healing` it
has a number there if, and only if, nothing but violations of a function's domain stood in the way:

* a quotient with a divisor that is exactly zero (0/0, 1/0);
* a root or logarithm of what is certainly negative, a logarithm of exactly zero, and so on, as
  `VIOLATIONS` has it: of an operand all of whose interval lies outside the domain;
* infinity - infinity and 0 * infinity, where infinities have been selected, in sums and products
  of matrices too;
* a constant that is NaN.

An overflow is none of these: exp(1000) is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import lt

import numpy as np

from verify.algebras.numeric import Numeric
from verify.algebras.numeric_cast import interval
from verify.algebras.numeric_value import Bounded, kind, make
from verify.dtypes import DType

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Violation:
    """A function that was asked for values that it does not have."""

    function: str
    bad: Array  # of which elements
    operands: tuple[Array, ...]

    @property
    def is_constant(self) -> bool:
        """Whether it is no violation, but a NaN that the program holds."""
        return self.function == "nan"

    def __str__(self) -> str:
        return self.at(())

    def at(self, index: tuple[int, ...]) -> str:
        """In words, for the element at this index, if it is one of them; else for the first."""
        inside = len(index) == self.bad.ndim and all(map(lt, index, self.bad.shape))
        if not inside or not self.bad[index]:
            index = tuple(int(i) for i in np.argwhere(self.bad)[0])
        operands = [np.broadcast_to(x, self.bad.shape)[index] for x in self.operands]
        numbers = [f"{float(x):.9g}" for x in operands]
        if self.is_constant:
            return "a constant that is not a number"
        if self.function in ("div", "add", "mul", "rem"):
            sign = {"div": "/", "add": "+", "mul": "*", "rem": "rem"}[self.function]
            return f" {sign} ".join(numbers)
        return f"{self.function} of {' and '.join(numbers)}"


def _outside(low: float, high: float, poles: tuple[float, ...] = ()) -> Callable[..., Array]:
    """Certainly out of [low, high], or exactly at a pole."""

    def violated(x: tuple[Array, Array]) -> Array:
        found = (x[1] < low) | (x[0] > high)
        for pole in poles:
            found = found | ((x[0] == pole) & (x[1] == pole))
        return np.asarray(found)

    return violated


def _power(x: tuple[Array, Array], y: tuple[Array, Array]) -> Array:
    """A negative number to what is certainly no whole one; zero to a negative one."""
    between = (np.floor(y[0]) == np.floor(y[1])) & (y[0] != np.floor(y[0]))
    zero = (x[0] == 0) & (x[1] == 0)
    return np.asarray(((x[1] < 0) & between) | (zero & (y[1] < 0)))


def _remainder(x: tuple[Array, Array], y: tuple[Array, Array]) -> Array:
    return np.asarray((y[0] == 0) & (y[1] == 0) & np.isfinite(x[0]))


def _pole(x: tuple[Array, Array]) -> Array:
    """Exactly at 0, -1, -2, ..., not too far away: where all numbers of an input's format are whole
    (float32 beyond 2**24, or x * 2**25), so many points would look like an open set."""
    whole = (x[0] == x[1]) & (x[0] == np.floor(x[0]))
    return np.asarray(whole & (x[0] <= 0) & (x[0] >= _LAST_POLE))


def _incomplete_gamma(a: tuple[Array, Array], x: tuple[Array, Array]) -> Array:
    return np.asarray((a[1] <= 0) | (x[1] < 0))


def _incomplete_beta(*abx: tuple[Array, Array]) -> Array:
    a, b, x = abx
    return np.asarray((a[1] <= 0) | (b[1] <= 0) | (x[1] < 0) | (x[0] > 1))


def _zeta(x: tuple[Array, Array], q: tuple[Array, Array]) -> Array:
    """sum (q + k)**-x over k = 0, 1, 2, ...: it converges for x > 1, and has poles like gamma's."""
    return np.asarray((x[1] <= 1) | _pole(q))


_INF = float("inf")
_LAST_POLE = -16  # up to there numbers of eight bits, bfloat16's, are not all whole
VIOLATIONS: dict[str, Callable[..., Array]] = {
    "sqrt": _outside(0, _INF),
    "rsqrt": _outside(0, _INF, (0,)),
    "log": _outside(0, _INF, (0,)),
    "log1p": _outside(-1, _INF, (-1,)),
    "asin": _outside(-1, 1),
    "acos": _outside(-1, 1),
    "acosh": _outside(1, _INF),
    "atanh": _outside(-1, 1, (-1, 1)),
    "erf_inv": _outside(-1, 1, (-1, 1)),
    "pow": _power,
    "lgamma": _pole,
    "digamma": _pole,
    "igamma": _incomplete_gamma,
    "igamma_grad_a": _incomplete_gamma,
    "regularized_incomplete_beta": _incomplete_beta,
    "zeta": _zeta,
    "polygamma": lambda n, x: np.asarray((n[1] < 0) | _pole(x)),
    "rem": _remainder,
}


class Healing(Numeric):
    """The numeric domain, and what was violated in it.

    keep: the number of a violation, in the order of evaluation, that is left as it is.

    >>> healing = Healing()
    >>> healing.function("sqrt", [healing.lift(np.array(-4.0))], (), np.dtype(float)).value.item()
    1.0
    >>> print(*healing.found)
    sqrt of -4
    """

    def __init__(self, keep: int | None = None) -> None:
        self.keep = keep
        self.found: list[Violation] = []

    def _healed(self, result: Bounded, bad: Array, function: str, *operands: Bounded) -> Bounded:
        bad = np.broadcast_to(bad, result.shape)
        if not bad.any():
            return result
        self.found.append(Violation(function, bad, tuple(x.value for x in operands)))
        if self.keep == len(self.found) - 1:
            return result
        value, error = np.where(bad, 1.0, result.value), np.where(bad, 0.0, result.errors)
        return make(value, error, result.dtype)

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Bounded:
        result = super().lift(array, dtype)
        if kind(result.dtype) != "float" or result.error is None:
            return result
        return self._healed(result, np.isnan(result.value), "nan")

    def div(self, a: Bounded, b: Bounded) -> Bounded:
        bad = (b.value == 0) & (b.errors == 0) & ~a.unknown
        bad = bad | both_infinite(a, b)
        return self._healed(super().div(a, b), bad, "div", a, b)

    def add(self, a: Bounded, b: Bounded) -> Bounded:
        result = super().add(a, b)
        if kind(a.dtype) != "float" or result.error is None:
            return result
        return self._healed(result, both_infinite(a, b) & (a.value == -b.value), "add", a, b)

    def sum(self, x: Bounded) -> Bounded:
        result = super().sum(x)
        if kind(x.dtype) != "float" or not (bad := opposed(x)).any():
            return result
        ends = (self.lift(np.full(result.shape, end), x.dtype) for end in (np.inf, -np.inf))
        return self._healed(result, bad, "add", *ends)

    def mul(self, a: Bounded, b: Bounded) -> Bounded:
        result = super().mul(a, b)
        if kind(a.dtype) != "float" or result.error is None:
            return result
        zero = [(x.value == 0) & (x.errors == 0) for x in (a, b)]
        infinite = [np.isinf(x.value) for x in (a, b)]
        bad = (zero[0] & infinite[1]) | (zero[1] & infinite[0])
        return self._healed(result, bad, "mul", a, b)

    def function(
        self,
        name: str,
        args: Sequence[Bounded],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Bounded:
        result = super().function(name, args, shape, dtype, params)
        if name not in VIOLATIONS or any(kind(x.dtype) != "float" for x in args):
            return result
        with np.errstate(all="ignore"):
            known = np.logical_and.reduce([~x.unknown & ~np.isnan(x.value) for x in args])
            bad = VIOLATIONS[name](*map(interval, args)) & known
        return self._healed(result, bad, name, *args)


def opposed(x: Bounded) -> Array:
    """Where both infinities are among the elements along the last axis."""
    high, low = (np.any(x.value == infinity, axis=-1) for infinity in (np.inf, -np.inf))
    return np.asarray(high & low)


def both_infinite(a: Bounded, b: Bounded) -> Array:
    return np.asarray(np.isinf(a.value) & np.isinf(b.value))
