"""Polynomials with case distinctions, for an SMT solver: the algebra of proofs by cases.

An element is a polynomial with rational coefficients in atoms. Inputs are atoms; a maximum, a
selection or a comparison makes a new atom with constraints that define it; products of atoms are
monomials, and an unknown function of polynomials is an atom shared by equal arguments. To the
solver every monomial is one real (or integer) unknown, so that it is only ever given *linear*
arithmetic with uninterpreted functions: what it calls impossible is impossible, whatever the
products are (its nonlinear arithmetic has been wrong: Z3Prover/z3#7489).

Machine integers are exact too: an input lies within its dtype's limits, and what may have wrapped
is p - 2**w k within them, for an integer k (`wrapped`).

Exact at ties: this algebra proves without "no ties".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.booleans import boolean_cases
from verify.algebras.elements import COMPARED, Elements
from verify.algebras.field.maxima import NO_INFINITIES, NO_NANS
from verify.algebras.numeric_order import COMPARE
from verify.algebras.polynomials import (
    HIGH,
    LOW,
    ONE,
    Item,
    Polynomial,
    Polynomials,
    degree,
    finite,
    frozen,
)
from verify.dtypes import DType, has_infinity, is_integer, is_kind, limits
from verify.smt import Term


@boolean_cases
class Linear(Polynomials):
    """Polynomials with maxima, comparisons, selections and casts."""

    method = "a proof by cases"

    # -- order --------------------------------------------------------------------------------

    def maximum(self, a: Elements, b: Elements) -> Elements:
        a, b = (self.observed(x, COMPARED) for x in (a, b))
        result = self.map(lambda p, q: self._largest([p, q]), a.dtype, a, b)
        return replace(result, bounds=machine.larger(a.bounds, b.bounds))

    def max(self, x: Elements) -> Elements:
        if x.shape[-1] == 0 and (is_integer(x.dtype) or not has_infinity(x.dtype)):
            raise Unsupported("a maximum of nothing, without an infinity, in a proof by cases")
        x = self.observed(x, COMPARED)
        return replace(self.rows(self._largest, x), bounds=x.bounds)

    def _largest(self, ps: list[Item]) -> Item:
        if any(isinstance(p, float) and p != LOW for p in ps):
            if any(p != p for p in ps if isinstance(p, float)):
                raise Unsupported("a maximum with NaN")
            return HIGH
        finite = {frozen(p): p for p in ps if not isinstance(p, float)}
        if not finite:
            return LOW
        if len(finite) == 1:
            return next(iter(finite.values()))
        name = ("max", frozenset(finite))
        if name not in self.known:
            atom = self.atom()
            top = self.expression(atom)
            sides = [self.expression(p) for p in finite.values()]
            self.solver.add(*[top >= side for side in sides])
            self.solver.add(self.z3.Or(*[top == side for side in sides]))
            self.known[name] = atom
            self.spend(4 * len(sides))
        return self.known[name]

    def winner(self, x: Elements, *, last: bool = False) -> Elements:
        x = self.observed(x, COMPARED)
        items = np.empty(x.shape, object)
        size = x.shape[-1]
        for place in np.ndindex(*x.shape[:-1]):
            row = list(x.items[place])
            for i in range(size):
                beaten = []
                for j in range(size):
                    before = (j > i) if last else (j < i)
                    op = "gt" if before else "ge"
                    if j != i:
                        beaten.append(self.test(op, row[i], row[j]))
                items[(*place, i)] = self._indicator(self.z3.And(*beaten))
            self.spend(size * size)
        return Elements(items, np.dtype(np.float64))

    def compare(self, op: str, a: Elements, b: Elements) -> Elements:
        a, b = (self.observed(x, COMPARED) for x in (a, b))
        real = is_kind(a.dtype, np.floating)
        return self.map(lambda p, q: self.test(op, p, q, real=real), np.dtype(bool), a, b)

    def test(self, op: str, p: Item, q: Item, *, real: bool = False) -> Term:
        """`real`: whether they are floats, which may be no numbers."""
        z3 = self.z3
        if z3.is_expr(p) or z3.is_expr(q):
            order = {"eq": p == q, "ne": p != q}
            order |= {"lt": z3.And(z3.Not(p), q), "gt": z3.And(p, z3.Not(q))}
            order |= {"le": z3.Or(z3.Not(p), q), "ge": z3.Or(p, z3.Not(q))}
            return order[op]
        if isinstance(p, float) or isinstance(q, float):
            one, two = (v if isinstance(v, float) else 0.0 for v in (p, q))
            if any(isinstance(v, dict) and degree(v) for v in (p, q)):
                self.assume(NO_INFINITIES)
            return z3.BoolVal(bool(COMPARE[op](one, two)))
        difference = finite(self._plus(p, self._scaled(-1)(q)))
        if degree(difference) == 0:
            if real and degree(p):
                self.assume(NO_NANS)  # x != x asks for NaN
            rest = difference.get(ONE, Fraction(0))
            return z3.BoolVal(bool(COMPARE[op](int(rest > 0) - int(rest < 0), 0)))
        side, zero = self.expression(difference), z3.RealVal(0)
        found = {
            "eq": side == zero,
            "ne": side != zero,
            "lt": side < zero,
            "le": side <= zero,
            "gt": side > zero,
            "ge": side >= zero,
        }
        return found[op]

    def choose(self, c: Term, yes: Item, no: Item) -> Item:
        z3 = self.z3
        if z3.is_true(c):
            return yes
        if z3.is_false(c):
            return no
        if z3.is_expr(yes) or z3.is_expr(no):
            return z3.If(c, yes, no)
        if isinstance(yes, float) or isinstance(no, float):
            raise Unsupported("an infinity chosen by the inputs")
        if frozen(yes) == frozen(no):
            return yes
        name = ("if", c.get_id(), frozen(yes), frozen(no))
        if name not in self.known:
            atom = self.atom()
            value = self.expression(atom)
            self.solver.add(z3.Implies(c, value == self.expression(yes)))
            self.solver.add(z3.Implies(z3.Not(c), value == self.expression(no)))
            self.known[name] = atom
            self.known["keep", c.get_id()] = c  # ids are only unique while it lives
        return self.known[name]

    def _indicator(self, c: Term) -> Polynomial:
        """A truth value as the number 0 or 1; products with it are selections."""
        result = finite(self.choose(c, {ONE: Fraction(1)}, {}))
        if degree(result) > 0:
            self.known["indicator", frozen(result)] = c
            self.digits.update(number for monomial in result for number in monomial)
        return result

    def logical_not(self, a: Elements) -> Elements:
        return self.map(self.z3.Not, a.dtype, a)

    def logical_and(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.z3.And(p, q), a.dtype, a, b)

    def logical_or(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.z3.Or(p, q), a.dtype, a, b)

    # -- casts and functions ------------------------------------------------------------------

    def cast(self, x: Elements, dtype: DType) -> Elements:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if x.concrete is not None and dtype == np.bool_:
            return self.lift(x.concrete != 0, dtype)
        if x.dtype == np.bool_:
            return replace(self.map(self._indicator, dtype, x), bounds=(0, 1))
        if dtype == np.bool_:
            x = self.observed(x, "before it is converted to a truth value")
            return self.map(lambda p: self.test("ne", p, {}), dtype, x)
        if is_integer(x.dtype) and is_integer(dtype):
            return self.converted(x, dtype)
        if is_integer(dtype):
            # Out of the integer's range the result is the dtype's own: it is part of the name.
            cut = f"cut:{dtype.name}"
            bounds = machine.of_dtype(dtype)

            def whole(p: Item) -> Item:
                return p if self._fits(p, dtype) else self._shared(cut, p, bounds=bounds)

            return replace(self.map(whole, dtype, x), bounds=bounds)
        if not has_infinity(dtype) and any(isinstance(p, float) for p in x.items.flat):
            raise Unsupported(f"an infinity as {dtype}, which has none, in a proof by cases")
        x = self.observed(x, "before it is converted to a float")
        kept = None
        if x.concrete is not None:
            kept = x.concrete.astype(np.float64)
            exact = is_integer(x.dtype) and (machine.exact(kept) == machine.exact(x.concrete)).all()
            kept = kept if exact or not is_integer(x.dtype) else None
        return Elements(x.items, dtype, kept)

    def _fits(self, p: Item, dtype: DType) -> bool:
        """Whether p is certainly an integer within the dtype's limits: a sum of 0/1 unknowns."""
        if isinstance(p, float) or any(v.denominator != 1 for v in p.values()):
            return False
        if not all(self.digits.issuperset(m) for m in p):
            return False
        fixed, (least, most) = p.get(ONE, 0), limits(dtype)
        steps = [v for m, v in p.items() if m != ONE]
        low = fixed + sum(v for v in steps if v < 0)
        high = fixed + sum(v for v in steps if v > 0)
        return bool(least <= low and high <= most)

    def function(
        self,
        name: str,
        args: Sequence[Elements],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Elements:
        if np.dtype(dtype) == np.bool_:
            raise Unsupported(f"{name} in a proof by cases")
        args = [self.observed(a, f"in an operand of {name}") for a in args]
        bounds = machine.of_function(name, [machine.range_of(a) for a in args], dtype)
        result = self.map(
            lambda *ps: self._shared((name, repr(params)), *ps, bounds=bounds), dtype, *args
        )
        return replace(result, bounds=bounds)

    def roots(self, n: int) -> tuple[Elements, Elements]:
        raise Unsupported("a Fourier transform in a proof by cases")
