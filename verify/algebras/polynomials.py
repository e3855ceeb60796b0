"""Polynomials in atoms that an SMT solver knows: the arithmetic of proofs by cases (`linear.py`).

Each monomial is one unknown to the solver. Sums, products and quotients of polynomials are
polynomials again; what may have wrapped, and an unknown function of equal arguments, is an atom.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.elements import ElementAlgebra, Elements, Scalar
from verify.algebras.machine import Interval
from verify.dtypes import DType, is_integer, limits
from verify.smt import Fresh, Term
from verify.smt.polynomials import added, linear

Monomial = tuple[int, ...]  # sorted numbers of atoms
Polynomial = dict[Monomial, Fraction]
Item = Polynomial | float | Term  # a polynomial, an infinity, or a truth value
_COPIED = 20  # terms that are copied in the time in which one is added
ONE: Monomial = ()
LOW, HIGH = float("-inf"), float("inf")  # elements of maxima and minima over nothing


class Polynomials(ElementAlgebra["Item"]):
    """One pair of programs as terms. `solver` collects what defines the atoms. Elements are
    polynomials (dicts), truth values (z3 expressions) or infinities (floats)."""

    def __init__(self, z3: Fresh, work: int = 200_000, *, assuming: bool = False) -> None:
        self.z3 = z3
        self.assuming = assuming
        self.solver = z3.Solver()
        self.atoms: list[Term] = []  # z3 constants
        self.monomials: dict[Monomial, Term] = {}
        self.known: dict[object, Term] = {}
        self.digits: set[int] = set()  # atoms that are 0 or 1
        self.assumptions: dict[str, None] = {}
        self.work = work

    # -- atoms and values ----------------------------------------------------------------------

    def atom(self, integer: bool = False) -> Polynomial:
        number = len(self.atoms)
        make = self.z3.Int if integer else self.z3.Real
        self.atoms.append(make(f"a{number}"))
        return {(number,): Fraction(1)}

    def truth(self) -> Term:
        self.atoms.append(self.z3.Bool(f"b{len(self.atoms)}"))
        return self.atoms[-1]

    def input(self, shape: tuple[int, ...], dtype: DType) -> Elements:
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

    def wrapped(self, p: Item, dtype: DType) -> Polynomial:
        """p - 2**w k within the dtype's limits, for an unknown integer k: exact, and linear."""
        if isinstance(p, float) or self.z3.is_expr(p):
            raise Unsupported("an infinite integer")
        low, high = limits(dtype)
        if degree(p) == 0 and p.get(ONE, Fraction(0)).denominator == 1:
            return number(machine.wrapped(int(p.get(ONE, 0)), dtype))
        name = ("wrap", low, high, frozen(p))
        if name not in self.known:
            self.spend(4 * len(p))
            turns = self.atom(integer=True)
            found = finite(self._plus(p, {m: -(high - low + 1) * v for m, v in turns.items()}))
            side = self.expression(found)
            self.solver.add(side >= low, side <= high)
            self.known[name] = found
        result: Polynomial = self.known[name]
        return result

    def expression(self, p: Polynomial) -> Term:
        """A polynomial as a linear z3 expression over its monomials."""
        return linear(self.z3, p, self._monomial)

    def _monomial(self, monomial: Monomial) -> Term:
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

    def constant(self, value: Scalar) -> Item:
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

    def _scaled(self, c: int) -> Callable[[Item], Item]:
        return lambda p: -p if isinstance(p, float) else {m: c * v for m, v in p.items()}

    def add(self, a: Elements, b: Elements) -> Elements:
        result = self.map(self._plus, a.dtype, a, b)
        return replace(result, bounds=machine.plus(a.bounds, b.bounds))

    def _plus(self, p: Item, q: Item) -> Item:
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
        added(out, p)

    def _total(self, terms: Iterable[Item]) -> Item:
        """The sum of many, which is not copied for each."""
        total: Item = {}
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

    def _times(self, p: Item, q: Item) -> Item:
        if isinstance(p, float) or isinstance(q, float):
            raise Unsupported("a product with infinity")
        for indicator, other in ((p, q), (q, p)):
            name = ("indicator", frozen(indicator))
            if name in self.known and degree(other) > 0:  # [c] * x is x where c, else 0
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

    def _inverse(self, q: Item) -> Polynomial:
        if isinstance(q, float) or not q:
            raise Unsupported("division by zero or infinity")
        if degree(q) == 0:
            return {ONE: 1 / q[ONE]}
        self.assume("no division by zero")
        self.partial = True
        # 1 / (c q) = (1 / c) (1 / q): one atom for all multiples.
        lead = q[min(q)]
        return finite(
            self._times({ONE: 1 / lead}, self._shared("inverse", self._scale(q, 1 / lead)))
        )

    @staticmethod
    def _scale(p: Polynomial, c: Fraction) -> Polynomial:
        return {m: v * c for m, v in p.items()}

    def dot(self, a: Elements, b: Elements) -> Elements:
        size = a.shape[-1]
        items = np.empty((a.shape[0], a.shape[1], b.shape[2]), object)
        for n, i, j in np.ndindex(*items.shape):
            pairs = ((a.items[n, i, k], b.items[n, k, j]) for k in range(size))
            items[n, i, j] = self._total(self._times(p, q) for p, q in pairs if _counts(p, q))
        bounds = machine.repeated(machine.times(a.bounds, b.bounds), size)
        return Elements(items, a.dtype, bounds=bounds)

    def sum(self, x: Elements) -> Elements:
        result = self.rows(self._total, x)
        return replace(result, bounds=machine.repeated(x.bounds, x.shape[-1]))

    def prod(self, x: Elements) -> Elements:
        one: Item = {ONE: Fraction(1)}
        return self.rows(lambda row: functools.reduce(self._times, row, one), x)

    def _shared(self, name: object, *ps: Item, bounds: Interval = None) -> Polynomial:
        """An uninterpreted function of polynomials: z3 knows that equals give equals."""
        if any(isinstance(p, float) or self.z3.is_expr(p) for p in ps):
            raise Unsupported(f"{name} of infinities or truth values")
        key = ("function", name, tuple(frozen(p) for p in ps))
        if key not in self.known:
            z3, atom = self.z3, self.atom() if bounds is None else self.whole(*bounds)
            sorts = [z3.RealSort()] * (len(ps) + 1)
            symbol = z3.Function(f"f_{name}", *sorts)
            self.solver.add(
                self.expression(atom) == symbol(*[self.expression(finite(p)) for p in ps])
            )
            self.known[key] = atom
        found: Polynomial = self.known[key]
        return found

    def choose(self, c: Term, yes: Item, no: Item) -> Item:
        """One polynomial where c is true, and another elsewhere."""
        raise NotImplementedError


def _counts(p: Item, q: Item) -> bool:
    """Whether a product is no zero: an infinite factor is for `_times` to refuse, even of zero."""
    return isinstance(p, float) or isinstance(q, float) or (bool(p) and bool(q))


def finite(p: Item) -> Polynomial:
    """What is a polynomial, and nothing else."""
    assert isinstance(p, dict)
    return p


def number(n: int) -> Polynomial:
    return {ONE: Fraction(n)} if n else {}


def frozen(p: Item) -> object:
    return frozenset(p.items()) if isinstance(p, dict) else p


def degree(p: Polynomial) -> int:
    return max((len(m) for m in p), default=0)
