"""Programs as formulas: the algebra that only writes down what is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.booleans import boolean_cases
from verify.algebras.elements import COMPARED, ElementAlgebra, Elements
from verify.algebras.field.functions import NO_SIGNED_ZERO, TOTAL, outside
from verify.algebras.field.maxima import NO_INFINITIES, NO_NANS
from verify.branches.formula import Graph, Node, never_negative
from verify.dtypes import DType, has_infinity, is_integer


@boolean_cases
class Writer(Graph, ElementAlgebra[Node]):
    """The algebra, over arrays of nodes. The machine's value of an integer that may have wrapped is
    an unknown function of it."""

    mapped = 4

    def __init__(self, *, assuming: bool = False) -> None:
        super().__init__()
        self.assuming = assuming

    def wrapped(self, p: Node, dtype: DType) -> Node:
        if isinstance(p.info, Fraction) and p.info.denominator == 1:
            return self.constant(Fraction(machine.wrapped(int(p.info), dtype)))
        return self.node("fn", p, info=(f"wrap:{np.dtype(dtype).name}", "()"))

    def input(self, shape: tuple[int, ...], dtype: DType) -> Elements:
        items = np.empty(shape, object)
        op = "truth" if dtype == np.bool_ else "input"
        for place in np.ndindex(*shape):
            items[place] = self.node(op, info=self.inputs)
            if is_integer(dtype):
                self.whole.add(self.inputs)
            self.inputs += 1
        return Elements(items, dtype, bounds=machine.of_dtype(dtype))

    # -- the operations of the protocol --------------------------------------------------------

    def neg(self, a: Elements) -> Elements:
        return replace(self.map(self.negative, a.dtype, a), bounds=machine.negated(a.bounds))

    def add(self, a: Elements, b: Elements) -> Elements:
        result = self.map(self.plus, a.dtype, a, b)
        return replace(result, bounds=machine.plus(a.bounds, b.bounds))

    def mul(self, a: Elements, b: Elements) -> Elements:
        result = self.map(self.times, a.dtype, a, b)
        bounds = machine.squared(a.bounds) if a is b else machine.times(a.bounds, b.bounds)
        return replace(result, bounds=bounds)

    def div(self, a: Elements, b: Elements) -> Elements:
        return self.map(self.quotient, a.dtype, a, b)

    def dot(self, a: Elements, b: Elements) -> Elements:
        items = np.empty((a.shape[0], a.shape[1], b.shape[2]), object)
        for n, i, j in np.ndindex(*items.shape):
            pairs = zip(a.items[n, i], b.items[n, :, j], strict=True)
            items[n, i, j] = self.plus(*(self.times(p, q) for p, q in pairs))
        bounds = machine.repeated(machine.times(a.bounds, b.bounds), a.shape[-1])
        return Elements(items, a.dtype, bounds=bounds)

    def sum(self, x: Elements) -> Elements:
        result = self.rows(lambda row: self.plus(*row), x)
        return replace(result, bounds=machine.repeated(x.bounds, x.shape[-1]))

    def prod(self, x: Elements) -> Elements:
        def product(row: list[Node]) -> Node:
            total = self.constant(Fraction(1))
            for p in row:
                total = self.times(total, p)
            return total

        return self.rows(product, x)

    def numbers(self, *values: Elements) -> None:
        """What is put in order may be no number, if a function was met that is not total."""
        variable = any(x.concrete is None for x in values)
        if variable and self.may_be_nan and not is_integer(values[0].dtype):
            self.assume(NO_NANS)
            self.partial = True

    def finite(self, *nodes: Node) -> None:
        """What is put in order beside an infinity may be one."""
        if any(p.infinite for p in nodes) and any(p.op != "const" for p in nodes):
            self.assume(NO_INFINITIES)

    def maximum(self, a: Elements, b: Elements) -> Elements:
        a, b = (self.observed(x, COMPARED) for x in (a, b))
        result = self.map(lambda p, q: self.largest((p, q)), a.dtype, a, b)
        return replace(result, bounds=machine.larger(a.bounds, b.bounds))

    def max(self, x: Elements) -> Elements:
        if x.shape[-1] == 0:
            raise Unsupported("a maximum of nothing in a proof by branches")
        x = self.observed(x, COMPARED)
        return replace(self.rows(self.largest, x), bounds=x.bounds)

    def winner(self, x: Elements, *, last: bool = False) -> Elements:
        x = self.observed(x, COMPARED)
        self.numbers(x)
        items = np.empty(x.shape, object)
        one, zero = self.constant(Fraction(1)), self.constant(Fraction(0))
        for place in np.ndindex(*x.shape[:-1]):
            row = list(x.items[place])
            self.finite(*row)
            for i, p in enumerate(row):
                beaten = [
                    self.test("gt" if (j > i if last else j < i) else "ge", p, q)
                    for j, q in enumerate(row)
                    if j != i
                ]
                items[(*place, i)] = self.choose(self.connect("and", *beaten), one, zero)
        return Elements(items, np.dtype(np.float64))

    def compare(self, op: str, a: Elements, b: Elements) -> Elements:
        a, b = (self.observed(x, COMPARED) for x in (a, b))
        self.numbers(a, b)
        variable = not is_integer(a.dtype) and a.dtype != np.bool_ and a.concrete is None
        same = [p for p, q in zip(a.items.flat, b.items.flat, strict=True) if p is q]
        if any(p.infinite for p in same):
            raise Unsupported("a test for a NaN that a program may select")
        if variable and same:
            self.assume(NO_NANS)  # x != x asks for NaN, and there is none
        for p, q in zip(a.items.flat, b.items.flat, strict=True):
            self.finite(p, q)
        return self.map(lambda p, q: self.test(op, p, q), np.dtype(bool), a, b)

    def logical_not(self, a: Elements) -> Elements:
        def negated(p: Node) -> Node:
            return self.constant(not p.info) if p.op == "const" else self.node("not", p)

        return self.map(negated, a.dtype, a)

    def logical_and(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.connect("and", p, q), a.dtype, a, b)

    def logical_or(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.connect("or", p, q), a.dtype, a, b)

    def cast(self, x: Elements, dtype: DType) -> Elements:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if x.concrete is not None and dtype == np.bool_:
            return self.lift(x.concrete != 0, dtype)
        if x.dtype == np.bool_:
            one, zero = self.constant(Fraction(1)), self.constant(Fraction(0))
            return replace(self.map(lambda p: self.choose(p, one, zero), dtype, x), bounds=(0, 1))
        if dtype == np.bool_:
            x = self.observed(x, "before it is converted to a truth value")
            nothing = self.constant(Fraction(0))
            return self.map(lambda p: self.test("ne", p, nothing), dtype, x)
        if is_integer(x.dtype) and is_integer(dtype):
            return self.converted(x, dtype)
        if is_integer(dtype):
            # Out of the integer's range the result is the dtype's own: it is part of the name.
            return self.function("truncate", [x], x.shape, dtype, (dtype.name,))
        if not has_infinity(dtype) and any(p.infinite for p in x.items.flat):
            raise Unsupported(f"an infinity as {dtype}, which has none, in a proof by branches")
        x = self.observed(x, "before it is converted to a float")
        if is_integer(x.dtype) and machine.must_be_held(x, dtype):
            self.assume(machine.HELD)
            self.partial = True
        if x.concrete is not None:
            kept = x.concrete.astype(np.float64)
            if not is_integer(x.dtype) or (machine.exact(kept) == machine.exact(x.concrete)).all():
                return Elements(x.items, dtype, kept)
        return Elements(x.items, dtype)

    def function(
        self,
        name: str,
        args: Sequence[Elements],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Elements:
        if np.dtype(dtype) == np.bool_:
            raise Unsupported(f"{name} in a proof by branches")
        total = name in TOTAL
        if name == "rem":
            by = args[1].concrete
            total = by is not None and bool(np.all(by))
            if not total:
                self.assume("no division by zero")
        elif outside(name) and not is_integer(dtype):
            roots = name == "sqrt" and all(map(never_negative, args[0].items.flat))
            if not roots:
                self.assume(outside(name))
        if name == "atan2":
            self.assume(NO_SIGNED_ZERO)
            self.partial = True
        if not total:
            self.partial = True
            self.may_be_nan |= name not in ("log", "sqrt")
        args = [self.observed(a, f"in an operand of {name}") for a in args]
        bounds = machine.of_function(name, [machine.range_of(a) for a in args], dtype)
        result = self.map(lambda *ps: self.node("fn", *ps, info=(name, repr(params))), dtype, *args)
        return replace(result, bounds=bounds)

    def roots(self, n: int) -> tuple[Elements, Elements]:
        raise Unsupported("a Fourier transform in a proof by branches")
