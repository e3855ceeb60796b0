"""Programs as formulas: the algebra that only writes down what is computed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.elements import ElementAlgebra, Elements
from verify.algebras.field.choice import NO_NANS
from verify.algebras.field.functions import TOTAL
from verify.branches.formula import Graph, Node
from verify.dtypes import is_integer


class Writer(Graph, ElementAlgebra):
    """The algebra, over arrays of nodes."""

    mapped = 4

    def input(self, shape: tuple[int, ...], dtype: Any) -> Elements:
        items = np.empty(shape, object)
        op = "truth" if dtype == np.bool_ else "input"
        for place in np.ndindex(*shape):
            items[place] = self.node(op, info=self.inputs)
            self.inputs += 1
        return Elements(items, dtype)

    # -- the operations of the protocol --------------------------------------------------------

    def neg(self, a: Elements) -> Elements:
        return self.map(self.negative, a.dtype, a)

    def add(self, a: Elements, b: Elements) -> Elements:
        return self.map(self.plus, a.dtype, a, b)

    def mul(self, a: Elements, b: Elements) -> Elements:
        return self.map(self.times, a.dtype, a, b)

    def div(self, a: Elements, b: Elements) -> Elements:
        return self.map(self.quotient, a.dtype, a, b)

    def dot(self, a: Elements, b: Elements) -> Elements:
        if a.dtype == np.bool_:
            raise Unsupported("a matrix product of truth values in a proof by branches")
        items = np.empty((a.shape[0], a.shape[1], b.shape[2]), object)
        for n, i, j in np.ndindex(*items.shape):
            pairs = zip(a.items[n, i], b.items[n, :, j], strict=True)
            items[n, i, j] = self.plus(*(self.times(p, q) for p, q in pairs))
        return Elements(items, a.dtype)

    def sum(self, x: Elements) -> Elements:
        return self.rows(lambda row: self.plus(*row), x)

    def prod(self, x: Elements) -> Elements:
        def product(row: list[Node]) -> Node:
            total = self.constant(Fraction(1))
            for p in row:
                total = self.times(total, p)
            return total

        return self.rows(product, x)

    def ordered(self, x: Elements) -> None:
        if x.dtype == np.bool_:
            raise Unsupported("the larger of truth values in a proof by branches")
        if is_integer(x.dtype):
            self.assume("no integer overflows where integers are compared")

    def numbers(self, *values: Elements) -> None:
        """What is put in order may be no number, if a function was met that is not total."""
        variable = any(x.concrete is None for x in values)
        if variable and self.may_be_nan and not is_integer(values[0].dtype):
            self.assume(NO_NANS)
            self.partial = True

    def maximum(self, a: Elements, b: Elements) -> Elements:
        self.ordered(a)
        return self.map(lambda p, q: self.largest((p, q)), a.dtype, a, b)

    def max(self, x: Elements) -> Elements:
        if x.shape[-1] == 0:
            raise Unsupported("a maximum of nothing in a proof by branches")
        self.ordered(x)
        return self.rows(self.largest, x)

    def winner(self, x: Elements, *, last: bool = False) -> Elements:
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
        return Elements(items, np.dtype(np.float64))

    def compare(self, op: str, a: Elements, b: Elements) -> Elements:
        if a.dtype != np.bool_:
            self.ordered(a)
        self.numbers(a, b)
        variable = not is_integer(a.dtype) and a.dtype != np.bool_ and a.concrete is None
        if variable and any(p is q for p, q in zip(a.items.flat, b.items.flat, strict=True)):
            self.assume(NO_NANS)  # x != x asks for NaN, and there is none
        return self.map(lambda p, q: self.test(op, p, q), np.dtype(bool), a, b)

    def logical_not(self, a: Elements) -> Elements:
        def negated(p: Node) -> Node:
            return self.constant(not p.info) if p.op == "const" else self.node("not", p)

        return self.map(negated, a.dtype, a)

    def logical_and(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.connect("and", p, q), a.dtype, a, b)

    def logical_or(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.connect("or", p, q), a.dtype, a, b)

    def cast(self, x: Elements, dtype: Any) -> Elements:
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
        return Elements(x.items, dtype)

    def function(
        self,
        name: str,
        args: Sequence[Elements],
        shape: tuple[int, ...],
        dtype: Any,
        params: Any = (),
    ) -> Elements:
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
