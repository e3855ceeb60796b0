"""Arrays whose elements are Python objects: what the algebras that write terms down share.

`linear.py` and `branches/writer.py` say what an element is, and give `constant` (an element from a
number), `test` and `choose`; here is what arrays of any such elements do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported


@dataclass(frozen=True, eq=False)
class Elements:
    """An array of objects."""

    items: np.ndarray
    dtype: Any
    concrete: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.items.shape


class Budget:
    """`work`: how much more may be done. `method`: what gives up then."""

    work: int
    method: str

    def spend(self, amount: int) -> None:
        self.work -= amount
        if self.work < 0:
            raise Unsupported(f"the programs are too large for {self.method}")


class ElementAlgebra(Budget):
    """An algebra over arrays of objects. `mapped`: how many are made for one unit of work."""

    mapped = 1

    def constant(self, value: Any) -> Any:
        raise NotImplementedError

    def test(self, op: str, p: Any, q: Any) -> Any:
        raise NotImplementedError

    def choose(self, c: Any, yes: Any, no: Any) -> Any:
        raise NotImplementedError

    def neg(self, a: Elements) -> Elements:
        raise NotImplementedError

    def add(self, a: Elements, b: Elements) -> Elements:
        raise NotImplementedError

    # -- making and moving ---------------------------------------------------------------------

    def lift(self, array: np.ndarray, dtype: Any = None) -> Elements:
        array = np.asarray(array)
        self.spend(array.size // 8)
        items = np.empty(array.shape, object)
        for place in np.ndindex(*array.shape):
            items[place] = self.constant(array[place])
        return Elements(items, np.dtype(dtype or array.dtype), array)

    def map(self, f: Callable[..., Any], dtype: Any, *xs: Elements) -> Elements:
        items = np.empty(xs[0].shape, object)
        self.spend(items.size // self.mapped)
        for place in np.ndindex(*items.shape):
            items[place] = f(*(x.items[place] for x in xs))
        return Elements(items, dtype)

    def rows(self, f: Callable[[list[Any]], Any], x: Elements) -> Elements:
        """Over the last axis."""
        items = np.empty(x.shape[:-1], object)
        for place in np.ndindex(*items.shape):
            items[place] = f(list(x.items[place]))
        return Elements(items, x.dtype)

    def reshape(self, x: Elements, shape: tuple[int, ...]) -> Elements:
        concrete = None if x.concrete is None else x.concrete.reshape(shape)
        return Elements(x.items.reshape(shape), x.dtype, concrete)

    def pick(self, operands: Sequence[Elements], index: np.ndarray) -> Elements:
        self.spend(index.size // 8)
        flat = np.concatenate([x.items.reshape(-1) for x in operands])
        concrete = None
        if all(x.concrete is not None for x in operands):
            concrete = np.concatenate([np.asarray(x.concrete).reshape(-1) for x in operands])[index]
        items = np.empty(index.shape, object)
        items.reshape(-1)[:] = flat[index.reshape(-1)]
        return Elements(items, operands[0].dtype, concrete)

    # -- operations made of others -------------------------------------------------------------

    def sub(self, a: Elements, b: Elements) -> Elements:
        return self.add(a, self.neg(b))

    def select(self, which: Elements, cases: Sequence[Elements]) -> Elements:
        """cases[which], an index out of range taken as the nearest one."""
        if which.dtype == np.bool_:
            return self.map(
                lambda c, no, yes: self.choose(c, yes, no), cases[0].dtype, which, *cases
            )

        def pick(w: Any, *options: Any) -> Any:
            out = options[-1]
            for j in reversed(range(len(options) - 1)):
                here = self.test("eq" if j else "le", w, self.constant(j))
                out = self.choose(here, options[j], out)
            return out

        return self.map(pick, cases[0].dtype, which, *cases)
