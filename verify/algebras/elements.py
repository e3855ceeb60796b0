"""Arrays whose elements are Python objects: what the algebras that write terms down share.

`linear.py` and `branches/writer.py` say what an element is, and give `constant` (an element from a
number), `test` and `choose`; here is what arrays of any such elements do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Algebra, Unsupported
from verify.algebras.machine import Interval
from verify.dtypes import DType, is_integer
from verify.limits import budget

COMPARED = "where integers are compared"

_UNIT = 500  # units of work (`verify/limits/budget.py`) for one of `Budget`


@dataclass(frozen=True, eq=False)
class Elements:
    """An array of objects."""

    items: np.ndarray
    dtype: DType
    concrete: np.ndarray | None = None
    bounds: Interval = None  # of integers' expressions: see machine.py

    @property
    def shape(self) -> tuple[int, ...]:
        return self.items.shape


Item = TypeVar("Item")  # what an element is
Scalar = Fraction | complex | np.number | np.bool_


class Budget:
    """`work`: how much more may be done. `method`: what gives up then."""

    work: int
    method: str

    def spend(self, amount: int) -> None:
        budget.spend(_UNIT * amount)
        self.work -= amount
        if self.work < 0:
            raise Unsupported(f"the programs are too large for {self.method}")


class ElementAlgebra(Budget, Algebra[Elements], Generic[Item]):
    """An algebra over arrays of objects. `mapped`: how many are made for one unit of work.

    Integers are exact expressions, as in `machine.py`. What looks at the machine's value of one
    that may have wrapped gets `wrapped` of it, which an algebra says, or, where it is `assuming`,
    the expression itself, under the assumption that it has not. `wrapping`: whether anything did;
    `assumptions`: what a proof takes for granted; `partial`: whether that may hold nowhere.
    """

    assumes = True
    assumptions: dict[str, None]
    mapped = 1
    assuming = False
    wrapping = False

    def wrapped(self, p: Item, dtype: DType) -> Item:
        """The machine's value of one expression."""
        raise NotImplementedError

    def assume(self, sentence: str) -> None:
        self.assumptions.setdefault(sentence)

    def observed(self, x: Elements, where: str) -> Elements:
        """x, whose elements are now what the machine has. `where`: who looks."""
        if not is_integer(x.dtype) or machine.fits(x.bounds, x.dtype):
            return x
        self.wrapping = True
        limits = machine.of_dtype(x.dtype)
        if not self.assuming:
            return replace(self.map(lambda p: self.wrapped(p, x.dtype), x.dtype, x), bounds=limits)
        self.assume(f"no integer overflows {where}")
        self.partial = True
        inside = machine.meet(x.bounds, limits)
        if inside is None or inside[0] > inside[1]:
            raise Unsupported("an integer that always overflows")
        return replace(x, bounds=inside)

    def converted(self, x: Elements, dtype: DType) -> Elements:
        """A cast between integer dtypes."""
        if x.concrete is not None:
            return self.lift(machine.wrapped_array(machine.exact(x.concrete), dtype), dtype)
        if not machine.narrows(dtype, x.dtype):
            x = self.observed(x, "before it is converted to a wider integer")
        if self.assuming and not machine.fits(x.bounds, dtype):
            # What a conversion cuts off is no overflow: nothing is assumed of it.
            limits = machine.of_dtype(dtype)
            return replace(self.map(lambda p: self.wrapped(p, dtype), dtype, x), bounds=limits)
        return Elements(x.items, dtype, bounds=x.bounds)

    def within(self, x: Elements, low: int, high: int) -> Elements:
        """x, of whose expressions a rule knows that they lie in low .. high."""
        return replace(x, bounds=machine.meet(x.bounds, (low, high)))

    def remainder(self, a: Elements, b: Elements, quotient: Elements) -> Elements:
        """a - b quotient, which lies where a remainder does: constants are exact here."""
        result = self.sub(a, self.mul(b, quotient))
        inside = machine.remainder(a.bounds, b.bounds, a.dtype)
        return result if inside is None else self.within(result, *inside)

    def constant(self, value: Scalar) -> Item:
        raise NotImplementedError

    def test(self, op: str, p: Item, q: Item) -> Item:
        raise NotImplementedError

    def choose(self, c: Item, yes: Item, no: Item) -> Item:
        raise NotImplementedError

    def neg(self, a: Elements) -> Elements:
        raise NotImplementedError

    def add(self, a: Elements, b: Elements) -> Elements:
        raise NotImplementedError

    def mul(self, a: Elements, b: Elements) -> Elements:
        raise NotImplementedError

    # -- making and moving ---------------------------------------------------------------------

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Elements:
        array = np.asarray(array)
        self.spend(array.size // 8)
        items = np.empty(array.shape, object)
        for place, value in np.ndenumerate(array):
            items[place] = self.constant(value)
        whole = is_integer(array.dtype) or array.dtype == np.bool_
        bounds = machine.of_array(array) if whole else None
        return Elements(items, np.dtype(dtype or array.dtype), array, bounds)

    def map(self, f: Callable[..., Item], dtype: DType, *xs: Elements) -> Elements:
        items = np.empty(xs[0].shape, object)
        self.spend(items.size // self.mapped)
        for place in np.ndindex(*items.shape):
            items[place] = f(*(x.items[place] for x in xs))
        return Elements(items, dtype)

    def rows(self, f: Callable[[list[Item]], Item], x: Elements) -> Elements:
        """Over the last axis."""
        items = np.empty(x.shape[:-1], object)
        for place in np.ndindex(*items.shape):
            items[place] = f(list(x.items[place]))
        return Elements(items, x.dtype)

    def reshape(self, x: Elements, shape: tuple[int, ...]) -> Elements:
        concrete = None if x.concrete is None else x.concrete.reshape(shape)
        return Elements(x.items.reshape(shape), x.dtype, concrete, x.bounds)

    def pick(self, operands: Sequence[Elements], index: np.ndarray) -> Elements:
        self.spend(index.size // 8)
        flat = np.concatenate([x.items.reshape(-1) for x in operands])
        concrete = None
        if all(x.concrete is not None for x in operands):
            concrete = np.concatenate([np.asarray(x.concrete).reshape(-1) for x in operands])[index]
        items = np.empty(index.shape, object)
        items.reshape(-1)[:] = flat[index.reshape(-1)]
        bounds = machine.hull(*(x.bounds for x in operands))
        return Elements(items, operands[0].dtype, concrete, bounds)

    # -- operations made of others -------------------------------------------------------------

    def sub(self, a: Elements, b: Elements) -> Elements:
        return self.add(a, self.neg(b))

    def select(self, which: Elements, cases: Sequence[Elements]) -> Elements:
        """cases[which], an index out of range taken as the nearest one."""
        bounds = machine.hull(*(x.bounds for x in cases))
        if which.dtype == np.bool_:
            chosen = self.map(
                lambda c, no, yes: self.choose(c, yes, no), cases[0].dtype, which, *cases
            )
            return replace(chosen, bounds=bounds)
        which = self.observed(which, "where it chooses")

        def pick(w: Item, *options: Item) -> Item:
            out = options[-1]
            for j in reversed(range(len(options) - 1)):
                here = self.test("eq" if j else "le", w, self.constant(j))
                out = self.choose(here, options[j], out)
            return out

        return replace(self.map(pick, cases[0].dtype, which, *cases), bounds=bounds)
