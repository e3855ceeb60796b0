"""Polynomials with case distinctions, for an SMT solver: the algebra of proofs by cases.

An element is a polynomial with rational coefficients in atoms. Inputs are atoms; a maximum, a
selection or a comparison makes a new atom with constraints that define it; products of atoms are
monomials, and an unknown function of polynomials is an atom shared by equal arguments. To the
solver every monomial is one real (or integer) unknown, so that it is only ever given *linear*
arithmetic with uninterpreted functions: what it calls impossible is impossible, whatever the
products are (its nonlinear arithmetic has been wrong: Z3Prover/z3#7489).

Exact at ties: this algebra proves without "no ties".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.dtypes import is_integer, limits

Monomial = tuple[int, ...]  # sorted numbers of atoms
Polynomial = dict[Monomial, Fraction]
ONE: Monomial = ()
LOW, HIGH = float("-inf"), float("inf")  # elements of maxima and minima over nothing


@dataclass(frozen=True, eq=False)
class Terms:
    """An array of polynomials (dicts), truth values (z3 expressions) or infinities (floats)."""

    items: np.ndarray  # of objects
    dtype: Any
    concrete: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.items.shape


class Linear:
    """One pair of programs as terms. `solver` collects what defines the atoms."""

    def __init__(self, z3: Any, work: int = 200_000) -> None:
        self.z3 = z3
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

    def input(self, shape: tuple[int, ...], dtype: Any) -> Terms:
        items = np.empty(shape, object)
        for place in np.ndindex(*shape):
            if dtype == np.bool_:
                items[place] = self.truth()
            else:
                items[place] = self.atom(is_integer(dtype))
        return Terms(items, dtype)

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

    def _spend(self, amount: int) -> None:
        self.work -= amount
        if self.work < 0:
            raise Unsupported("the programs are too large for a proof by cases")

    def lift(self, array: np.ndarray, dtype: Any = None) -> Terms:
        array = np.asarray(array)
        self._spend(array.size // 8)
        items = np.empty(array.shape, object)
        for place in np.ndindex(*array.shape):
            items[place] = self._constant(array[place])
        return Terms(items, np.dtype(dtype or array.dtype), array)

    def _constant(self, value: Any) -> Any:
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

    def _map(self, f: Callable[..., Any], dtype: Any, *xs: Terms) -> Terms:
        items = np.empty(xs[0].shape, object)
        self._spend(items.size)
        for place in np.ndindex(*xs[0].shape):
            items[place] = f(*(x.items[place] for x in xs))
        return Terms(items, dtype)

    # -- movement -----------------------------------------------------------------------------

    def reshape(self, x: Terms, shape: tuple[int, ...]) -> Terms:
        concrete = None if x.concrete is None else x.concrete.reshape(shape)
        return Terms(x.items.reshape(shape), x.dtype, concrete)

    def pick(self, operands: Sequence[Terms], index: np.ndarray) -> Terms:
        self._spend(index.size // 8)
        flat = np.concatenate([x.items.reshape(-1) for x in operands])
        concrete = None
        if all(x.concrete is not None for x in operands):
            concrete = np.concatenate([np.asarray(x.concrete).reshape(-1) for x in operands])[index]
        items = np.empty(index.shape, object)
        items.reshape(-1)[:] = flat[index.reshape(-1)]
        return Terms(items, operands[0].dtype, concrete)

    # -- ring ---------------------------------------------------------------------------------

    def neg(self, a: Terms) -> Terms:
        return self._map(self._scaled(-1), a.dtype, a)

    def _scaled(self, c: int) -> Callable[[Any], Any]:
        return lambda p: -p if isinstance(p, float) else {m: c * v for m, v in p.items()}

    def add(self, a: Terms, b: Terms) -> Terms:
        return self._map(self._plus, a.dtype, a, b)

    def _plus(self, p: Any, q: Any) -> Any:
        if isinstance(p, float) or isinstance(q, float):
            if p != p or q != q or (isinstance(p, float) and isinstance(q, float) and p != q):
                raise Unsupported("arithmetic with NaN, or infinity minus infinity")
            return p if isinstance(p, float) else q
        self._spend(min(len(p), len(q)))
        small, large = (p, q) if len(p) < len(q) else (q, p)
        out = dict(large)
        for m, v in small.items():
            total = out.get(m, Fraction(0)) + v
            if total:
                out[m] = total
            else:
                out.pop(m, None)
        return out

    def sub(self, a: Terms, b: Terms) -> Terms:
        return self.add(a, self.neg(b))

    def mul(self, a: Terms, b: Terms) -> Terms:
        return self._map(self._times, a.dtype, a, b)

    def _times(self, p: Any, q: Any) -> Any:
        if isinstance(p, float) or isinstance(q, float):
            raise Unsupported("a product with infinity")
        for indicator, other in ((p, q), (q, p)):
            name = ("indicator", _frozen(indicator))
            if name in self.known and _degree(other) > 0:  # [c] * x is x where c, else 0
                return self._choose(self.known[name], other, {})
        self._spend(len(p) * len(q))
        out: Polynomial = {}
        for m, v in p.items():
            for n, w in q.items():
                key = tuple(sorted(m + n))
                out[key] = out.get(key, Fraction(0)) + v * w
        return {m: v for m, v in out.items() if v}

    def div(self, a: Terms, b: Terms) -> Terms:
        return self._map(lambda p, q: self._times(p, self._inverse(q)), a.dtype, a, b)

    def _inverse(self, q: Any) -> Polynomial:
        if isinstance(q, float) or not q:
            raise Unsupported("division by zero or infinity")
        if _degree(q) == 0:
            return {ONE: 1 / q[ONE]}
        self.assumptions.setdefault("no division by zero")
        # 1 / (c q) = (1 / c) (1 / q): one atom for all multiples.
        lead = q[min(q)]
        return self._times({ONE: 1 / lead}, self._shared("inverse", self._scale(q, 1 / lead)))

    @staticmethod
    def _scale(p: Polynomial, c: Fraction) -> Polynomial:
        return {m: v * c for m, v in p.items()}

    def dot(self, a: Terms, b: Terms) -> Terms:
        if a.dtype == np.bool_:
            raise Unsupported("a matrix product of truth values in a proof by cases")
        size = a.shape[-1]
        items = np.empty((a.shape[0], a.shape[1], b.shape[2]), object)
        for n, i, j in np.ndindex(*items.shape):
            total: Any = {}
            for k in range(size):
                p, q = a.items[n, i, k], b.items[n, k, j]
                if p and q:
                    total = self._plus(total, self._times(p, q))
            items[n, i, j] = total
        return Terms(items, a.dtype)

    def sum(self, x: Terms) -> Terms:
        return self._reduce(self._plus, x, {})

    def prod(self, x: Terms) -> Terms:
        return self._reduce(self._times, x, {ONE: Fraction(1)})

    def _reduce(self, f: Callable[[Any, Any], Any], x: Terms, start: Any) -> Terms:
        items = np.empty(x.shape[:-1], object)
        for place in np.ndindex(*items.shape):
            total = start
            for i in range(x.shape[-1]):
                total = f(total, x.items[(*place, i)])
            items[place] = total
        return Terms(items, x.dtype)

    # -- order --------------------------------------------------------------------------------

    def _ordered(self, x: Terms) -> None:
        if is_integer(x.dtype):
            self.assumptions.setdefault("no integer overflows where integers are compared")

    def maximum(self, a: Terms, b: Terms) -> Terms:
        self._ordered(a)
        return self._map(lambda p, q: self._largest([p, q]), a.dtype, a, b)

    def max(self, x: Terms) -> Terms:
        self._ordered(x)
        items = np.empty(x.shape[:-1], object)
        for place in np.ndindex(*items.shape):
            items[place] = self._largest(list(x.items[place]))
        return Terms(items, x.dtype)

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
            self._spend(4 * len(sides))
        return self.known[name]

    def winner(self, x: Terms, *, last: bool = False) -> Terms:
        self._ordered(x)
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
                        beaten.append(self._test(op, row[i], row[j]))
                items[(*place, i)] = self._indicator(self.z3.And(*beaten))
            self._spend(size * size)
        return Terms(items, np.dtype(np.float64))

    def compare(self, op: str, a: Terms, b: Terms) -> Terms:
        self._ordered(a)
        return self._map(lambda p, q: self._test(op, p, q), np.dtype(bool), a, b)

    def _test(self, op: str, p: Any, q: Any) -> Any:
        z3 = self.z3
        if z3.is_expr(p) or z3.is_expr(q):
            order = {"eq": p == q, "ne": p != q}
            order |= {"lt": z3.And(z3.Not(p), q), "gt": z3.And(p, z3.Not(q))}
            order |= {"le": z3.Or(z3.Not(p), q), "ge": z3.Or(p, z3.Not(q))}
            return order[op]
        if isinstance(p, float) or isinstance(q, float):
            sides = [v if isinstance(v, float) else 0.0 for v in (p, q)]
            return z3.BoolVal(bool(getattr(np, _NUMPY[op])(*sides)))
        difference = self._plus(p, self._scaled(-1)(q))
        if _degree(difference) == 0:
            sign = difference.get(ONE, Fraction(0))
            return z3.BoolVal(bool(getattr(np, _NUMPY[op])(sign, 0)))
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

    def select(self, which: Terms, cases: Sequence[Terms]) -> Terms:
        if which.dtype == np.bool_:
            return self._map(
                lambda c, no, yes: self._choose(c, yes, no), cases[0].dtype, which, *cases
            )

        def pick(w: Any, *options: Any) -> Any:
            out = options[-1]
            for j in reversed(range(len(options) - 1)):
                here = self._test("eq", w, {ONE: Fraction(j)}) if j else self._test("le", w, {})
                out = self._choose(here, options[j], out)
            return out

        return self._map(pick, cases[0].dtype, which, *cases)

    def _choose(self, c: Any, yes: Any, no: Any) -> Any:
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
        result: Polynomial = self._choose(c, {ONE: Fraction(1)}, {})
        if _degree(result) > 0:
            self.known["indicator", _frozen(result)] = c
            self.digits.update(number for monomial in result for number in monomial)
        return result

    def logical_not(self, a: Terms) -> Terms:
        return self._map(self.z3.Not, a.dtype, a)

    def logical_and(self, a: Terms, b: Terms) -> Terms:
        return self._map(lambda p, q: self.z3.And(p, q), a.dtype, a, b)

    def logical_or(self, a: Terms, b: Terms) -> Terms:
        return self._map(lambda p, q: self.z3.Or(p, q), a.dtype, a, b)

    # -- casts and functions ------------------------------------------------------------------

    def cast(self, x: Terms, dtype: Any) -> Terms:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if x.concrete is not None and not is_integer(dtype):
            kept = x.concrete != 0 if dtype == np.bool_ else x.concrete.astype(np.float64)
            return self.lift(kept, dtype)
        if x.dtype == np.bool_:
            return self._map(self._indicator, dtype, x)
        if dtype == np.bool_:
            return self._map(lambda p: self._test("ne", p, {}), dtype, x)
        integers = [is_integer(d) for d in (x.dtype, dtype)]
        if not integers[0] and integers[1]:
            # Out of the integer's range the result is the dtype's own: it is part of the name.
            cut = f"cut:{dtype.name}"
            return self._map(
                lambda p: p if self._fits(p, dtype) else self._shared(cut, p), dtype, x
            )
        if integers[0]:
            self.assumptions.setdefault("no integer overflows")
        return Terms(x.items, dtype)

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
        self, name: str, args: Sequence[Terms], shape: tuple[int, ...], dtype: Any, params: Any = ()
    ) -> Terms:
        if np.dtype(dtype) == np.bool_:
            raise Unsupported(f"{name} in a proof by cases")
        return self._map(lambda *ps: self._shared((name, repr(params)), *ps), dtype, *args)

    def _shared(self, name: Any, *ps: Any) -> Polynomial:
        """An uninterpreted function of polynomials: z3 knows that equals give equals."""
        if any(isinstance(p, float) or self.z3.is_expr(p) for p in ps):
            raise Unsupported(f"{name} of infinities or truth values")
        key = ("function", name, tuple(_frozen(p) for p in ps))
        if key not in self.known:
            z3, atom = self.z3, self.atom()
            sorts = [z3.RealSort()] * (len(ps) + 1)
            symbol = z3.Function(f"f_{name}", *sorts)
            self.solver.add(self.expression(atom) == symbol(*[self.expression(p) for p in ps]))
            self.known[key] = atom
        found: Polynomial = self.known[key]
        return found

    def roots(self, n: int) -> Any:
        raise Unsupported("a Fourier transform in a proof by cases")


_NUMPY = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}


def _frozen(p: Any) -> Any:
    return frozenset(p.items()) if isinstance(p, dict) else p


def _degree(p: Polynomial) -> int:
    return max((len(m) for m in p), default=0)
