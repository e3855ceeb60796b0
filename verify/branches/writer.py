"""Programs as formulas: the algebra that only writes down what is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field.choice import NO_NANS
from verify.algebras.field.functions import TOTAL
from verify.branches.formula import Graph, Node
from verify.dtypes import is_integer


@dataclass(frozen=True, eq=False)
class Formulas:
    """An array of nodes."""

    items: np.ndarray
    dtype: Any
    concrete: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.items.shape


class Writer(Graph):
    """The algebra, over arrays of nodes."""

    def input(self, shape: tuple[int, ...], dtype: Any) -> Formulas:
        items = np.empty(shape, object)
        op = "truth" if dtype == np.bool_ else "input"
        for place in np.ndindex(*shape):
            items[place] = self.node(op, info=self.inputs)
            self.inputs += 1
        return Formulas(items, dtype)

    def lift(self, array: np.ndarray, dtype: Any = None) -> Formulas:
        array = np.asarray(array)
        self.spend(array.size // 8)
        items = np.empty(array.shape, object)
        for place in np.ndindex(*array.shape):
            items[place] = self.constant(array[place])
        return Formulas(items, np.dtype(dtype or array.dtype), array)

    def map(self, f: Callable[..., Node], dtype: Any, *xs: Formulas) -> Formulas:
        items = np.empty(xs[0].shape, object)
        self.spend(items.size // 4)
        for place in np.ndindex(*items.shape):
            items[place] = f(*(x.items[place] for x in xs))
        return Formulas(items, dtype)

    def rows(self, f: Callable[[list[Node]], Node], x: Formulas) -> Formulas:
        """Over the last axis."""
        items = np.empty(x.shape[:-1], object)
        for place in np.ndindex(*items.shape):
            items[place] = f(list(x.items[place]))
        return Formulas(items, x.dtype)

    def reshape(self, x: Formulas, shape: tuple[int, ...]) -> Formulas:
        concrete = None if x.concrete is None else x.concrete.reshape(shape)
        return Formulas(x.items.reshape(shape), x.dtype, concrete)

    def pick(self, operands: Sequence[Formulas], index: np.ndarray) -> Formulas:
        self.spend(index.size // 8)
        flat = np.concatenate([x.items.reshape(-1) for x in operands])
        concrete = None
        if all(x.concrete is not None for x in operands):
            concrete = np.concatenate([np.asarray(x.concrete).reshape(-1) for x in operands])[index]
        items = np.empty(index.shape, object)
        items.reshape(-1)[:] = flat[index.reshape(-1)]
        return Formulas(items, operands[0].dtype, concrete)

    # -- the operations of the protocol --------------------------------------------------------

    def neg(self, a: Formulas) -> Formulas:
        return self.map(self.negative, a.dtype, a)

    def add(self, a: Formulas, b: Formulas) -> Formulas:
        return self.map(self.plus, a.dtype, a, b)

    def sub(self, a: Formulas, b: Formulas) -> Formulas:
        return self.add(a, self.neg(b))

    def mul(self, a: Formulas, b: Formulas) -> Formulas:
        return self.map(self.times, a.dtype, a, b)

    def div(self, a: Formulas, b: Formulas) -> Formulas:
        return self.map(self.quotient, a.dtype, a, b)

    def dot(self, a: Formulas, b: Formulas) -> Formulas:
        if a.dtype == np.bool_:
            raise Unsupported("a matrix product of truth values in a proof by branches")
        items = np.empty((a.shape[0], a.shape[1], b.shape[2]), object)
        for n, i, j in np.ndindex(*items.shape):
            pairs = zip(a.items[n, i], b.items[n, :, j], strict=True)
            items[n, i, j] = self.plus(*(self.times(p, q) for p, q in pairs))
        return Formulas(items, a.dtype)

    def sum(self, x: Formulas) -> Formulas:
        return self.rows(lambda row: self.plus(*row), x)

    def prod(self, x: Formulas) -> Formulas:
        def product(row: list[Node]) -> Node:
            total = self.constant(Fraction(1))
            for p in row:
                total = self.times(total, p)
            return total

        return self.rows(product, x)

    def ordered(self, x: Formulas) -> None:
        if x.dtype == np.bool_:
            raise Unsupported("the larger of truth values in a proof by branches")
        if is_integer(x.dtype):
            self.assume("no integer overflows where integers are compared")

    def numbers(self, *values: Formulas) -> None:
        """What is put in order may be no number, if a function was met that is not total."""
        variable = any(x.concrete is None for x in values)
        if variable and self.may_be_nan and not is_integer(values[0].dtype):
            self.assume(NO_NANS)
            self.partial = True

    def maximum(self, a: Formulas, b: Formulas) -> Formulas:
        self.ordered(a)
        return self.map(lambda p, q: self.largest((p, q)), a.dtype, a, b)

    def max(self, x: Formulas) -> Formulas:
        if x.shape[-1] == 0:
            raise Unsupported("a maximum of nothing in a proof by branches")
        self.ordered(x)
        return self.rows(self.largest, x)

    def winner(self, x: Formulas, *, last: bool = False) -> Formulas:
        self.ordered(x)
        self.numbers(x)
        items = np.empty(x.shape, object)
        one, zero = self.constant(Fraction(1)), self.constant(Fraction(0))
        for place in np.ndindex(*x.shape[:-1]):
            row = list(x.items[place])
            for i, p in enumerate(row):
                beaten = [
                    self.test("gt" if (j > i if last else j < i) else "ge", p, q)
                    for j, q in enumerate(row)
                    if j != i
                ]
                items[(*place, i)] = self.choose(self.connect("and", *beaten), one, zero)
        return Formulas(items, np.dtype(np.float64))

    def compare(self, op: str, a: Formulas, b: Formulas) -> Formulas:
        if a.dtype != np.bool_:
            self.ordered(a)
        self.numbers(a, b)
        variable = not is_integer(a.dtype) and a.dtype != np.bool_ and a.concrete is None
        if variable and any(p is q for p, q in zip(a.items.flat, b.items.flat, strict=True)):
            self.assume(NO_NANS)  # x != x asks for NaN, and there is none
        return self.map(lambda p, q: self.test(op, p, q), np.dtype(bool), a, b)

    def select(self, which: Formulas, cases: Sequence[Formulas]) -> Formulas:
        if which.dtype == np.bool_:
            return self.map(
                lambda c, no, yes: self.choose(c, yes, no), cases[0].dtype, which, *cases
            )

        def pick(w: Node, *options: Node) -> Node:
            out = options[-1]
            for j in reversed(range(len(options) - 1)):
                here = self.test("eq" if j else "le", w, self.constant(Fraction(j)))
                out = self.choose(here, options[j], out)
            return out

        return self.map(pick, cases[0].dtype, which, *cases)

    def logical_not(self, a: Formulas) -> Formulas:
        def negated(p: Node) -> Node:
            return self.constant(not p.info) if p.op == "const" else self.node("not", p)

        return self.map(negated, a.dtype, a)

    def logical_and(self, a: Formulas, b: Formulas) -> Formulas:
        return self.map(lambda p, q: self.connect("and", p, q), a.dtype, a, b)

    def logical_or(self, a: Formulas, b: Formulas) -> Formulas:
        return self.map(lambda p, q: self.connect("or", p, q), a.dtype, a, b)

    def cast(self, x: Formulas, dtype: Any) -> Formulas:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if x.concrete is not None and not is_integer(dtype):
            kept = x.concrete != 0 if dtype == np.bool_ else x.concrete.astype(np.float64)
            return self.lift(kept, dtype)
        if x.dtype == np.bool_:
            one, zero = self.constant(Fraction(1)), self.constant(Fraction(0))
            return self.map(lambda p: self.choose(p, one, zero), dtype, x)
        if dtype == np.bool_:
            nothing = self.constant(Fraction(0))
            return self.map(lambda p: self.test("ne", p, nothing), dtype, x)
        if is_integer(x.dtype):
            self.assume("no integer overflows")
        elif is_integer(dtype):
            raise Unsupported("floats as integers in a proof by branches")
        return Formulas(x.items, dtype)

    def function(
        self,
        name: str,
        args: Sequence[Formulas],
        shape: tuple[int, ...],
        dtype: Any,
        params: Any = (),
    ) -> Formulas:
        if np.dtype(dtype) == np.bool_:
            raise Unsupported(f"{name} in a proof by branches")
        if name == "log":
            self.assume("no logarithm of a number that is not positive")
        if name == "sqrt":
            self.assume("no square root of a negative number")
        if name not in TOTAL:
            self.partial = True
            self.may_be_nan |= name not in ("log", "sqrt")
        return self.map(lambda *ps: self.node("fn", *ps, info=(name, repr(params))), dtype, *args)

    def roots(self, n: int) -> Any:
        raise Unsupported("a Fourier transform in a proof by branches")
