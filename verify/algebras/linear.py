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

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.booleans import boolean_cases
from verify.algebras.elements import COMPARED, ElementAlgebra, Elements
from verify.algebras.field.choice import NO_INFINITIES, NO_NANS
from verify.algebras.machine import Interval
from verify.algebras.numeric_order import COMPARE
from verify.dtypes import has_infinity, is_integer, is_kind, limits

Monomial = tuple[int, ...]  # sorted numbers of atoms
Polynomial = dict[Monomial, Fraction]
_COPIED = 20  # terms that are copied in the time in which one is added
ONE: Monomial = ()
LOW, HIGH = float("-inf"), float("inf")  # elements of maxima and minima over nothing


@boolean_cases
class Linear(ElementAlgebra):
    """One pair of programs as terms. `solver` collects what defines the atoms. Elements are
    polynomials (dicts), truth values (z3 expressions) or infinities (floats)."""

    method = "a proof by cases"

    def __init__(self, z3: Any, work: int = 200_000, *, assuming: bool = False) -> None:
        self.z3 = z3
        self.assuming = assuming
        self.solver = z3.Solver()
        self.atoms: list[Any] = []  # z3 constants
        self.monomials: dict[Monomial, Any] = {}
        self.known: dict[Any, Any] = {}
        self.digits: set[int] = set()  # atoms that are 0 or 1
        self.assumptions: dict[str, None] = {}
        self.work = work

    # -- atoms and values ----------------------------------------------------------------------

    def atom(self, integer: bool = False) -> Polynomial:
        number = len(self.atoms)
        make = self.z3.Int if integer else self.z3.Real
        self.atoms.append(make(f"a{number}"))
        return {(number,): Fraction(1)}

    def truth(self) -> Any:
        self.atoms.append(self.z3.Bool(f"b{len(self.atoms)}"))
        return self.atoms[-1]

    def input(self, shape: tuple[int, ...], dtype: Any) -> Elements:
        self.spend(math.prod(shape) // 2)  # a term of the solver's each
        items = np.empty(shape, object)
        for place in np.ndindex(*shape):
            if dtype == np.bool_:
                items[place] = self.truth()
            elif is_integer(dtype):
                items[place] = self.whole(*limits(dtype))
            else:
                items[place] = self.atom()
        return Elements(items, dtype, bounds=machine.of_dtype(dtype))

    def whole(self, low: int, high: int) -> Polynomial:
        """An unknown integer in low .. high."""
        atom = self.atom(integer=True)
        self.solver.add(self.atoms[-1] >= low, self.atoms[-1] <= high)
        return atom

    def sentence(self, text: str) -> None:
        self.assumptions.setdefault(text)

    def wrapped(self, p: Any, dtype: Any) -> Polynomial:
        """p - 2**w k within the dtype's limits, for an unknown integer k: exact, and linear."""
        if isinstance(p, float) or self.z3.is_expr(p):
            raise Unsupported("an infinite integer")
        low, high = limits(dtype)
        if _degree(p) == 0 and p.get(ONE, Fraction(0)).denominator == 1:
            return _number(machine.wrapped(int(p.get(ONE, 0)), dtype))
        name = ("wrap", low, high, _frozen(p))
        if name not in self.known:
            self.spend(4 * len(p))
            turns = self.atom(integer=True)
            found = self._plus(p, {m: -(high - low + 1) * v for m, v in turns.items()})
            side = self.expression(found)
            self.solver.add(side >= low, side <= high)
            self.known[name] = found
        result: Polynomial = self.known[name]
        return result

    def expression(self, p: Polynomial) -> Any:
        """A polynomial as a linear z3 expression over its monomials."""
        z3, total = self.z3, []
        for monomial, coefficient in p.items():
            number = z3.RealVal(str(coefficient))
            if monomial == ONE:
                total.append(number)
            else:
                total.append(number * self._monomial(monomial))
        return z3.Sum(total) if total else z3.RealVal(0)

    def _monomial(self, monomial: Monomial) -> Any:
        if monomial not in self.monomials:
            if len(monomial) == 1:
                found = self.atoms[monomial[0]]
                found = self.z3.ToReal(found) if found.is_int() else found
            else:
                found = self.z3.Real("m" + "_".join(map(str, monomial)))
                if len(monomial) == 2 and monomial[0] == monomial[1]:
                    self.solver.add(found >= 0)  # a square
            self.monomials[monomial] = found
        return self.monomials[monomial]

    def constant(self, value: Any) -> Any:
        if isinstance(value, np.bool_ | bool):
            return self.z3.BoolVal(bool(value))
        if isinstance(value, complex | np.complexfloating):
            raise Unsupported("complex numbers in a proof by cases")
        if float(value) in (LOW, HIGH):
            return float(value)
        if value != value:
            return float("nan")
        number = Fraction(int(value)) if isinstance(value, np.integer) else Fraction(float(value))
        return {ONE: number} if number else {}

    # -- ring ---------------------------------------------------------------------------------

    def neg(self, a: Elements) -> Elements:
        result = self.map(self._scaled(-1), a.dtype, a)
        return replace(result, bounds=machine.negated(a.bounds))

    def _scaled(self, c: int) -> Callable[[Any], Any]:
        return lambda p: -p if isinstance(p, float) else {m: c * v for m, v in p.items()}

    def add(self, a: Elements, b: Elements) -> Elements:
        result = self.map(self._plus, a.dtype, a, b)
        return replace(result, bounds=machine.plus(a.bounds, b.bounds))

    def _plus(self, p: Any, q: Any) -> Any:
        if isinstance(p, float) or isinstance(q, float):
            if p != p or q != q or (isinstance(p, float) and isinstance(q, float) and p != q):
                raise Unsupported("arithmetic with NaN, or infinity minus infinity")
            return p if isinstance(p, float) else q
        small, large = (p, q) if len(p) < len(q) else (q, p)
        self.spend(len(large) // _COPIED)
        out = dict(large)
        self._onto(out, small)
        return out

    def _onto(self, out: Polynomial, p: Polynomial) -> None:
        """Adds a polynomial to one that nobody else has."""
        self.spend(len(p))
        for m, v in p.items():
            total = out.get(m, Fraction(0)) + v
            if total:
                out[m] = total
            else:
                out.pop(m, None)

    def _total(self, terms: Iterable[Any]) -> Any:
        """The sum of many, which is not copied for each."""
        total: Any = {}
        for p in terms:
            if isinstance(p, float) or isinstance(total, float):
                total = self._plus(total, p)
            else:
                self._onto(total, p)
        return total

    def mul(self, a: Elements, b: Elements) -> Elements:
        result = self.map(self._times, a.dtype, a, b)
        bounds = machine.squared(a.bounds) if a is b else machine.times(a.bounds, b.bounds)
        return replace(result, bounds=bounds)

    def _times(self, p: Any, q: Any) -> Any:
        if isinstance(p, float) or isinstance(q, float):
            raise Unsupported("a product with infinity")
        for indicator, other in ((p, q), (q, p)):
            name = ("indicator", _frozen(indicator))
            if name in self.known and _degree(other) > 0:  # [c] * x is x where c, else 0
                return self.choose(self.known[name], other, {})
        self.spend(len(p) * len(q))
        out: Polynomial = {}
        for m, v in p.items():
            for n, w in q.items():
                key = tuple(sorted(m + n))
                out[key] = out.get(key, Fraction(0)) + v * w
        return {m: v for m, v in out.items() if v}

    def div(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self._times(p, self._inverse(q)), a.dtype, a, b)

    def _inverse(self, q: Any) -> Polynomial:
        if isinstance(q, float) or not q:
            raise Unsupported("division by zero or infinity")
        if _degree(q) == 0:
            return {ONE: 1 / q[ONE]}
        self.assumptions.setdefault("no division by zero")
        self.partial = True
        # 1 / (c q) = (1 / c) (1 / q): one atom for all multiples.
        lead = q[min(q)]
        return self._times({ONE: 1 / lead}, self._shared("inverse", self._scale(q, 1 / lead)))

    @staticmethod
    def _scale(p: Polynomial, c: Fraction) -> Polynomial:
        return {m: v * c for m, v in p.items()}

    def dot(self, a: Elements, b: Elements) -> Elements:
        size = a.shape[-1]
        items = np.empty((a.shape[0], a.shape[1], b.shape[2]), object)
        for n, i, j in np.ndindex(*items.shape):
            pairs = ((a.items[n, i, k], b.items[n, k, j]) for k in range(size))
            items[n, i, j] = self._total(self._times(p, q) for p, q in pairs if p and q)
        bounds = machine.repeated(machine.times(a.bounds, b.bounds), size)
        return Elements(items, a.dtype, bounds=bounds)

    def sum(self, x: Elements) -> Elements:
        result = self.rows(self._total, x)
        return replace(result, bounds=machine.repeated(x.bounds, x.shape[-1]))

    def prod(self, x: Elements) -> Elements:
        return self.rows(lambda row: functools.reduce(self._times, row, {ONE: Fraction(1)}), x)

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

    def _largest(self, ps: list[Any]) -> Any:
        if any(isinstance(p, float) and p != LOW for p in ps):
            if any(p != p for p in ps if isinstance(p, float)):
                raise Unsupported("a maximum with NaN")
            return HIGH
        finite = {_frozen(p): p for p in ps if not isinstance(p, float)}
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

    def test(self, op: str, p: Any, q: Any, *, real: bool = False) -> Any:
        """`real`: whether they are floats, which may be no numbers."""
        z3 = self.z3
        if z3.is_expr(p) or z3.is_expr(q):
            order = {"eq": p == q, "ne": p != q}
            order |= {"lt": z3.And(z3.Not(p), q), "gt": z3.And(p, z3.Not(q))}
            order |= {"le": z3.Or(z3.Not(p), q), "ge": z3.Or(p, z3.Not(q))}
            return order[op]
        if isinstance(p, float) or isinstance(q, float):
            one, two = (v if isinstance(v, float) else 0.0 for v in (p, q))
            if any(isinstance(v, dict) and _degree(v) for v in (p, q)):
                self.sentence(NO_INFINITIES)
            return z3.BoolVal(bool(COMPARE[op](one, two)))
        difference = self._plus(p, self._scaled(-1)(q))
        if _degree(difference) == 0:
            if real and _degree(p):
                self.sentence(NO_NANS)  # x != x asks for NaN
            sign = difference.get(ONE, Fraction(0))
            return z3.BoolVal(bool(COMPARE[op](sign, 0)))
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

    def choose(self, c: Any, yes: Any, no: Any) -> Any:
        z3 = self.z3
        if z3.is_true(c):
            return yes
        if z3.is_false(c):
            return no
        if z3.is_expr(yes) or z3.is_expr(no):
            return z3.If(c, yes, no)
        if isinstance(yes, float) or isinstance(no, float):
            raise Unsupported("an infinity chosen by the inputs")
        if _frozen(yes) == _frozen(no):
            return yes
        name = ("if", c.get_id(), _frozen(yes), _frozen(no))
        if name not in self.known:
            atom = self.atom()
            value = self.expression(atom)
            self.solver.add(z3.Implies(c, value == self.expression(yes)))
            self.solver.add(z3.Implies(z3.Not(c), value == self.expression(no)))
            self.known[name] = atom
            self.known["keep", c.get_id()] = c  # ids are only unique while it lives
        return self.known[name]

    def _indicator(self, c: Any) -> Polynomial:
        """A truth value as the number 0 or 1; products with it are selections."""
        result: Polynomial = self.choose(c, {ONE: Fraction(1)}, {})
        if _degree(result) > 0:
            self.known["indicator", _frozen(result)] = c
            self.digits.update(number for monomial in result for number in monomial)
        return result

    def logical_not(self, a: Elements) -> Elements:
        return self.map(self.z3.Not, a.dtype, a)

    def logical_and(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.z3.And(p, q), a.dtype, a, b)

    def logical_or(self, a: Elements, b: Elements) -> Elements:
        return self.map(lambda p, q: self.z3.Or(p, q), a.dtype, a, b)

    # -- casts and functions ------------------------------------------------------------------

    def cast(self, x: Elements, dtype: Any) -> Elements:
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

            def whole(p: Any) -> Any:
                return p if self._fits(p, dtype) else self._shared(cut, p, bounds=bounds)

            return replace(self.map(whole, dtype, x), bounds=bounds)
        x = self.observed(x, "before it is converted to a float")
        kept = None
        if x.concrete is not None:
            kept = x.concrete.astype(np.float64)
            exact = is_integer(x.dtype) and (machine.exact(kept) == machine.exact(x.concrete)).all()
            kept = kept if exact or not is_integer(x.dtype) else None
        return Elements(x.items, dtype, kept)

    def _fits(self, p: Any, dtype: Any) -> bool:
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
        dtype: Any,
        params: Any = (),
    ) -> Elements:
        if np.dtype(dtype) == np.bool_:
            raise Unsupported(f"{name} in a proof by cases")
        args = [self.observed(a, f"in an operand of {name}") for a in args]
        bounds = machine.of_function(name, [machine.range_of(a) for a in args], dtype)
        result = self.map(
            lambda *ps: self._shared((name, repr(params)), *ps, bounds=bounds), dtype, *args
        )
        return replace(result, bounds=bounds)

    def _shared(self, name: Any, *ps: Any, bounds: Interval = None) -> Polynomial:
        """An uninterpreted function of polynomials: z3 knows that equals give equals."""
        if any(isinstance(p, float) or self.z3.is_expr(p) for p in ps):
            raise Unsupported(f"{name} of infinities or truth values")
        key = ("function", name, tuple(_frozen(p) for p in ps))
        if key not in self.known:
            z3, atom = self.z3, self.atom() if bounds is None else self.whole(*bounds)
            sorts = [z3.RealSort()] * (len(ps) + 1)
            symbol = z3.Function(f"f_{name}", *sorts)
            self.solver.add(self.expression(atom) == symbol(*[self.expression(p) for p in ps]))
            self.known[key] = atom
        found: Polynomial = self.known[key]
        return found

    def roots(self, n: int) -> Any:
        raise Unsupported("a Fourier transform in a proof by cases")


def _number(n: int) -> Polynomial:
    return {ONE: Fraction(n)} if n else {}


def _frozen(p: Any) -> Any:
    return frozenset(p.items()) if isinstance(p, dict) else p


def _degree(p: Polynomial) -> int:
    return max((len(m) for m in p), default=0)
