"""Machine integers as bit-vectors, for an SMT solver: the algebra in which they are decidable.

An integer element is a bit-vector of its dtype's width, a truth value a boolean, and a float an
element of a sort of which nothing is known: every operation of floats is an unknown function, equal
for equal operands. So formulas of divisions, shifts, masks, saturation and comparisons are decided
exactly, at any width, and what surrounds them has to be spelt alike.

Nothing is assumed here: integers wrap, divide and shift as JAX's do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.bit_functions import EXACT, bitcast, signed, width
from verify.algebras.booleans import boolean_cases
from verify.algebras.elements import ElementAlgebra, Elements
from verify.dtypes import DType, is_integer
from verify.smt import Fresh, Term

_WIDEST = 65  # bits that hold every integer, signed or not


@boolean_cases
class Bits(ElementAlgebra[Term]):
    """One pair of programs as terms."""

    method = "a proof by bits"

    def __init__(self, z3: Fresh, work: int = 40_000, *, one_by_one: bool = False) -> None:
        """one_by_one: how bits are counted."""
        self.z3 = z3
        self.one_by_one, self.counted = one_by_one, False
        self.solver = z3.Solver()
        self.work = work
        self.number = z3.DeclareSort("number")
        self.symbols: dict[object, Term] = {}
        self.inputs = 0
        self.assumptions = {}
        self.places: dict[int, tuple[int, Term]] = {}  # holds the terms: z3 gives ids away again

    # -- values ---------------------------------------------------------------------------------

    def sort(self, dtype: DType) -> Term:
        if dtype == np.bool_:
            return self.z3.BoolSort()
        return self.z3.BitVecSort(width(dtype)) if is_integer(dtype) else self.number

    def input(self, shape: tuple[int, ...], dtype: DType) -> Elements:
        self.spend(math.prod(shape) // 8)  # a term of the solver's each
        items = np.empty(shape, object)
        for place in np.ndindex(*shape):
            items[place] = self.z3.Const(f"x{self.inputs}", self.sort(dtype))
            self.inputs += 1
        return Elements(items, dtype)

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Elements:
        array = np.asarray(array)
        dtype = np.dtype(dtype or array.dtype)
        self.spend(array.size // 8)
        items = np.empty(array.shape, object)
        for place, value in np.ndenumerate(array):
            items[place] = self._constant(value, dtype)
        return Elements(items, dtype, array)

    def _constant(self, value: float, dtype: DType) -> Term:
        if dtype == np.bool_:
            return self.z3.BoolVal(bool(value))
        if is_integer(dtype):
            return self.z3.BitVecVal(int(value), width(dtype))
        return self.z3.Const(f"c{float(value)!r}", self.number)

    def observed(self, x: Elements, where: str) -> Elements:
        """x: its elements are the machine's values, always."""
        return x

    def within(self, x: Elements, low: int, high: int) -> Elements:
        return x

    def remainder(self, a: Elements, b: Elements, quotient: Elements) -> Elements:
        return self.sub(a, self.mul(b, quotient))

    def unknown(self, name: str, sort: Term, *args: Term) -> Term:
        """An unknown function of some terms."""
        self.spend(1)
        sorts = [a.sort() for a in args]
        key = (name, sort, *sorts)
        if key not in self.symbols:
            self.symbols[key] = self.z3.Function(f"{name}/{len(self.symbols)}", *sorts, sort)
        return self.symbols[key](*args)

    def each(self, dtype: DType, law: Callable[..., Term], *xs: Elements) -> Elements:
        return self.map(law, np.dtype(dtype), *xs)

    # -- ring -------------------------------------------------------------------------------------

    def neg(self, a: Elements) -> Elements:
        if is_integer(a.dtype):
            return self.each(a.dtype, lambda p: -p, a)
        return self.each(a.dtype, lambda p: self.unknown("neg", self.number, p), a)

    def add(self, a: Elements, b: Elements) -> Elements:
        return self.each(a.dtype, self._adds(a.dtype), a, b)

    def sub(self, a: Elements, b: Elements) -> Elements:
        if is_integer(a.dtype):
            return self.each(a.dtype, lambda p, q: p - q, a, b)
        return self.each(a.dtype, lambda p, q: self.unknown("sub", self.number, p, q), a, b)

    def mul(self, a: Elements, b: Elements) -> Elements:
        return self.each(a.dtype, self._multiplies(a.dtype), a, b)

    def div(self, a: Elements, b: Elements) -> Elements:
        if is_integer(a.dtype):
            raise Unsupported("a quotient of integers as one of numbers")
        return self.each(a.dtype, lambda p, q: self.unknown("div", self.number, p, q), a, b)

    def _adds(self, dtype: DType) -> Callable[[Term, Term], Term]:
        return (lambda p, q: p + q) if is_integer(dtype) else self._commuting("add")

    def _multiplies(self, dtype: DType) -> Callable[[Term, Term], Term]:
        return (lambda p, q: p * q) if is_integer(dtype) else self._commuting("mul")

    def _commuting(self, name: str) -> Callable[[Term, Term], Term]:
        def apply(p: Term, q: Term) -> Term:
            return self.unknown(name, self.number, *sorted((p, q), key=self._place))

        return apply

    def _place(self, term: Term) -> int:
        """The number of a term, in the order in which they were first asked for."""
        number, _ = self.places.setdefault(term.get_id(), (len(self.places), term))
        return number

    def dot(self, a: Elements, b: Elements) -> Elements:
        add, mul = self._adds(a.dtype), self._multiplies(a.dtype)
        items = np.empty((a.shape[0], a.shape[1], b.shape[2]), object)
        for n, i, j in np.ndindex(*items.shape):
            self.spend(2 * a.shape[2])
            pairs = zip(a.items[n, i], b.items[n, :, j], strict=True)
            items[n, i, j] = self._folded(add, [mul(p, q) for p, q in pairs], 0, a.dtype)
        return Elements(items, a.dtype)

    def sum(self, x: Elements) -> Elements:
        return self.rows(lambda row: self._folded(self._adds(x.dtype), row, 0, x.dtype), x)

    def prod(self, x: Elements) -> Elements:
        return self.rows(lambda row: self._folded(self._multiplies(x.dtype), row, 1, x.dtype), x)

    def _folded(self, law: Term, row: list[Term], nothing: int, dtype: DType) -> Term:
        self.spend(len(row))
        return reduce(law, row) if row else self._constant(nothing, dtype)

    # -- order and choice ----------------------------------------------------------------------

    def _test(self, op: str, dtype: DType, p: Term, q: Term) -> Term:
        z3 = self.z3
        if op in ("gt", "ge"):
            return self._test({"gt": "lt", "ge": "le"}[op], dtype, q, p)
        if op == "ne":
            return z3.Not(self._test("eq", dtype, p, q))
        if dtype == np.bool_:
            found = {"eq": p == q, "lt": z3.And(z3.Not(p), q), "le": z3.Or(z3.Not(p), q)}
        elif not is_integer(dtype):  # a NaN is not equal to itself
            return self.unknown(op, z3.BoolSort(), p, q)
        elif signed(dtype):
            found = {"eq": p == q, "lt": p < q, "le": p <= q}
        else:
            found = {"eq": p == q, "lt": z3.ULT(p, q), "le": z3.ULE(p, q)}
        return found[op]

    def compare(self, op: str, a: Elements, b: Elements) -> Elements:
        return self.each(np.dtype(np.bool_), lambda p, q: self._test(op, a.dtype, p, q), a, b)

    def _larger(self, dtype: DType) -> Callable[[Term, Term], Term]:
        if not is_integer(dtype):
            return self._commuting("max")
        return lambda p, q: self.z3.If(self._test("lt", dtype, p, q), q, p)

    def maximum(self, a: Elements, b: Elements) -> Elements:
        return self.each(a.dtype, self._larger(a.dtype), a, b)

    def max(self, x: Elements) -> Elements:
        if not x.shape[-1]:
            raise Unsupported("a maximum of nothing in a proof by bits")
        return self.rows(lambda row: self._folded(self._larger(x.dtype), row, 0, x.dtype), x)

    def winner(self, x: Elements, *, last: bool = False) -> Elements:
        if not is_integer(x.dtype):
            raise Unsupported("the largest of floats in a proof by bits")
        items = np.empty(x.shape, object)
        one, zero = (self._constant(n, x.dtype) for n in (1, 0))
        for place in np.ndindex(*x.shape[:-1]):
            row = list(x.items[place])
            self.spend(len(row) ** 2)
            for i, p in enumerate(row):
                beaten = [
                    self._test("lt" if (j > i if last else j < i) else "le", x.dtype, q, p)
                    for j, q in enumerate(row)
                    if j != i
                ]
                items[(*place, i)] = self.z3.If(self.z3.And(*beaten), one, zero)
        return Elements(items, x.dtype)

    def select(self, which: Elements, cases: Sequence[Elements]) -> Elements:
        z3, kind = self.z3, which.dtype

        def chosen(w: Term, *options: Term) -> Term:
            if kind == np.bool_:
                return z3.If(w, options[1], options[0])
            out = options[-1]
            for j in reversed(range(len(options) - 1)):
                here = self._test("eq" if j else "le", kind, w, self._constant(j, kind))
                out = z3.If(here, options[j], out)
            return out

        return self.each(cases[0].dtype, chosen, which, *cases)

    def logical_not(self, a: Elements) -> Elements:
        return self.each(np.dtype(np.bool_), self.z3.Not, a)

    def logical_and(self, a: Elements, b: Elements) -> Elements:
        return self.each(np.dtype(np.bool_), lambda p, q: self.z3.And(p, q), a, b)

    def logical_or(self, a: Elements, b: Elements) -> Elements:
        return self.each(np.dtype(np.bool_), lambda p, q: self.z3.Or(p, q), a, b)

    # -- casts and functions --------------------------------------------------------------------

    def cast(self, x: Elements, dtype: DType) -> Elements:
        dtype, z3 = np.dtype(dtype), self.z3
        if dtype == x.dtype:
            return x
        if dtype == np.bool_:
            if not is_integer(x.dtype):
                return self.each(dtype, lambda p: self.unknown("nonzero", z3.BoolSort(), p), x)
            return self.each(dtype, lambda p: p != 0, x)
        if is_integer(dtype):
            if x.dtype == np.bool_:
                one, zero = (self._constant(n, dtype) for n in (1, 0))
                return self.each(dtype, lambda p: z3.If(p, one, zero), x)
            if is_integer(x.dtype):
                return self.each(dtype, lambda p: self.resized(p, x.dtype, width(dtype)), x)
            name = f"truncate {dtype.name}"
            return self.each(dtype, lambda p: self.unknown(name, self.sort(dtype), p), x)
        if x.concrete is not None:  # one name for one number, whatever it was made of
            kept = x.concrete.astype(np.float64)
            if (kept.astype(object) == x.concrete.astype(object)).all():
                return self.lift(kept, dtype)
        if x.dtype == np.bool_:
            one, zero = (self._constant(float(n), dtype) for n in (1, 0))
            return self.each(dtype, lambda p: z3.If(p, one, zero), x)
        if is_integer(x.dtype):

            def converted(p: Term) -> Term:
                return self.unknown("float", self.number, self.resized(p, x.dtype, _WIDEST))

            return self.each(dtype, converted, x)
        return Elements(x.items, dtype, x.concrete)

    def resized(self, p: Term, dtype: DType, bits: int) -> Term:
        """An integer of a dtype in so many bits."""
        own = width(dtype)
        if bits <= own:
            return p if bits == own else self.z3.Extract(bits - 1, 0, p)
        extend = self.z3.SignExt if signed(dtype) else self.z3.ZeroExt
        return extend(bits - own, p)

    def function(
        self,
        name: str,
        args: Sequence[Elements],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Elements:
        exact = EXACT.get(name)
        whole = all(is_integer(a.dtype) for a in args) and is_integer(dtype)
        if whole and name.startswith("bitcast:"):
            exact = bitcast
        if exact is not None and whole:
            kind = args[0].dtype
            return self.each(dtype, lambda *ps: exact(self, kind, dtype, params, *ps), *args)
        title = f"{name} {params!r} {[str(a.dtype) for a in args if is_integer(a.dtype)]}"
        return self.each(dtype, lambda *ps: self.unknown(title, self.sort(dtype), *ps), *args)

    def roots(self, n: int) -> tuple[Elements, Elements]:
        raise Unsupported("a Fourier transform in a proof by bits")
