"""Quotients of polynomials, exactly, in atoms: inputs, exponentials, logarithms, unknown functions.

A monomial is a product of powers of atoms. An exponential is an atom for each monomial of its
exponent, exp(2x - y) = E[x]**2 E[y]**-1, so that products of exponentials are what they are;
exponents of these atoms may be any rational number, those of other atoms are 1, 2, ...
exp(k log u) is u**k for an integer k.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from verify.algebras.base import Unsupported
from verify.algebras.field.functions import EVEN, ODD
from verify.branches import roots, steps
from verify.branches.asked import Atom, Data, Name
from verify.branches.polynomials import (
    Frozen,
    Monomial,
    Polynomial,
    Quotient,
    Undefined,
    add,
    constant,
    exponent,
    frozen,
    join,
    polynomial,
    scale,
    times,
)
from verify.limits import budget
from verify.smt.polynomials import added

_LARGEST_POWER, _LARGEST_POWER_OF_A_NUMBER = 8, 64
_TERM = 2000  # units of work to bring one monomial to its form
_PAIR = 200  # and to look at one atom of it


class Terms:
    """The atoms, and arithmetic with them."""

    def __init__(self, whole: frozenset[int] = frozenset()) -> None:
        self.atoms: list[Atom] = []
        self.whole = whole  # the inputs that are whole numbers
        self.numbers: dict[tuple[object, ...], int] = {}
        self.supports: list[frozenset[int]] = []  # the input atoms within each
        self.roots = False  # whether there are any
        self.asks_for_nan = False  # whether two expressions that are the same were compared

    def atom(self, kind: str, args: tuple[Quotient, ...], data: Data = None) -> int:
        key = (kind, tuple((frozen(a.over), frozen(a.under)) for a in args), data)
        if key not in self.numbers:
            self.numbers[key] = number = len(self.atoms)
            self.atoms.append(Atom(kind, args, data))
            self.roots |= kind == "root"
            within = frozenset((number,)) if kind == "input" else frozenset()
            parts = (self.support(p) for a in args for p in (a.over, a.under))
            self.supports.append(within.union(*parts))
        return self.numbers[key]

    def power(self, number: int, e: Fraction | int = 1) -> Quotient:
        return polynomial({((number, exponent(Fraction(e))),): Fraction(1)})

    def support(self, p: Polynomial) -> frozenset[int]:
        return frozenset().union(*(self.supports[a] for m in p for a, _ in m))

    def is_positive(self, number: int) -> bool:
        return self.atoms[number].kind == "exp"

    def is_monomial(self, m: Monomial) -> bool:
        """Whether it is defined for all values of its atoms: no x**-1."""
        return all(self.is_positive(a) or e > 0 for a, e in m)

    def is_square(self, m: Monomial) -> bool:
        """Whether it is never negative, whatever its atoms are."""
        return all(self.is_positive(a) or int(e) % 2 == 0 for a, e in m)

    # -- arithmetic ----------------------------------------------------------------------------

    def quotient(self, over: Polynomial, under: Polynomial) -> Quotient:
        """Brought to a form that equal quotients often share; raises Undefined for under = 0."""
        if not under:
            raise Undefined
        if not over:
            return constant(0)
        budget.spend(_TERM * (len(over) + len(under)))
        if self.roots and (roots.has_squares(self, over) or roots.has_squares(self, under)):
            top, bottom = (roots.without_squares(self, p) for p in (over, under))
            return self.product(top, self.inverse(bottom))
        if self.roots and len(under) == 1:  # 1 / R = R / u
            below = roots.factors(self, next(iter(under)))
            if below:
                return self.quotient(scale(over, 1, below), scale(under, 1, below))
        lead = max(under)
        # Positive atoms may have negative exponents; others lose what both sides share.
        common = {a: e for a, e in lead if self.is_positive(a)}
        shared = self.content([*over, *under]).items()
        common |= {a: e for a, e in shared if e and not self.is_positive(a)}
        factor = tuple(sorted((a, -e) for a, e in common.items()))
        over = scale(over, 1 / under[lead], factor)
        under = scale(under, 1 / under[lead], factor)
        if len(under) > 1:
            ratio = over.get(max(under))
            if ratio is not None and over == scale(under, ratio):
                return constant(ratio)
        return Quotient(over, under)

    def content(self, monomials: Iterable[Monomial]) -> dict[int, Fraction]:
        """The powers that divide all monomials."""
        least: dict[int, Fraction] = {}
        times: dict[int, int] = {}
        count = pairs = 0
        for m in monomials:
            count, pairs = count + 1, pairs + len(m)
            for a, e in m:
                if a not in least or e < least[a]:
                    least[a] = e
                times[a] = times.get(a, 0) + 1
        budget.spend(_PAIR * pairs)
        return {
            a: e if times[a] == count else min(e, Fraction(0)) for a, e in sorted(least.items())
        }

    def plus(self, a: Quotient, b: Quotient) -> Quotient:
        if a.under == b.under:
            return self.quotient(add(a.over, b.over), a.under)
        over = add(times(a.over, b.under), times(b.over, a.under))
        return self.quotient(over, times(a.under, b.under))

    def sum(self, terms: Iterable[Quotient]) -> Quotient:
        """Those with one divisor at once: a long sum is brought to its form only then."""
        sums: dict[Frozen, Quotient] = {}
        for term in terms:
            key = frozen(term.under)
            before = sums.get(key)
            budget.spend(_TERM * len(term.over))
            over = term.over if before is None else added(before.over, term.over)
            sums[key] = Quotient(dict(over) if before is None else over, term.under)
        total = constant(0)
        for part in sums.values():
            total = self.plus(total, part)
        return total

    def minus(self, a: Quotient, b: Quotient) -> Quotient:
        return self.plus(a, Quotient(scale(b.over, -1), b.under))

    def product(self, a: Quotient, b: Quotient) -> Quotient:
        if a.over == b.under:  # (not zero)
            return self.quotient(b.over, a.under)
        if b.over == a.under:
            return self.quotient(a.over, b.under)
        return self.quotient(times(a.over, b.over), times(a.under, b.under))

    def inverse(self, a: Quotient) -> Quotient:
        return self.quotient(a.under, a.over)

    def exp(self, a: Quotient) -> Quotient:
        result = constant(1)
        if not a.is_polynomial():
            whole, a = self._apart(a)
            lead = a.over[max(a.over)]
            base = self.atom("exp", (Quotient(scale(a.over, 1 / lead), a.under),))
            power = self.power(base, lead)
            return self.product(self.exp(whole), power) if whole.over else power
        for m, c in a.over.items():
            logarithm = self.atoms[m[0][0]] if len(m) == 1 and m[0][1] == 1 else None
            if logarithm is not None and logarithm.kind == "log" and c.denominator in (1, 2):
                is_number = not self.support(logarithm.args[0].over)
                if abs(c) > (_LARGEST_POWER_OF_A_NUMBER if is_number else _LARGEST_POWER):
                    raise Unsupported("a large power in a proof by branches")
                u = logarithm.args[0]
                if c.denominator == 2:  # a logarithm's argument is no product: see products.py
                    c -= Fraction(1, 2)
                    result = self.product(result, self.power(self.atom("root", (u,))))
                for _ in range(abs(int(c))):
                    result = self.product(result, u if c > 0 else self.inverse(u))
            else:
                base = self.atom("exp", (polynomial({m: Fraction(1)}),))
                result = self.product(result, self.power(base, c))
        return result

    def _apart(self, a: Quotient) -> tuple[Quotient, Quotient]:
        """A quotient as a polynomial and the rest: (x**2 + y) / x = x + y / x."""
        if len(a.under) != 1:
            return constant(0), a
        ((below, c),) = a.under.items()
        found = {join(m, below, -1): v / c for m, v in a.over.items()}
        whole = polynomial({m: v for m, v in found.items() if self.is_monomial(m)})
        return whole, self.minus(a, whole) if whole.over else a

    def exponent(self, m: Monomial) -> Quotient | None:
        """log m, where m is a product of exponentials."""
        total = constant(0)
        for a, e in m:
            if self.atoms[a].kind != "exp":
                return None
            total = self.plus(total, self.product(constant(e), self.atoms[a].args[0]))
        return total

    def log(self, a: Quotient) -> Quotient:
        if a.is_polynomial() and list(a.over.values()) == [Fraction(1)]:
            known = self.exponent(next(iter(a.over)))
            if known is not None:
                return known
        return self.power(self.atom("log", (a,)))

    def function(self, name: Name, args: tuple[Quotient, ...]) -> Quotient:
        """An unknown function; of an odd or even one only its values on one side."""
        first = args[0].over if args else {}
        if name[0] in ODD and not first:
            return constant(0)
        flipped = bool(first) and name[0] in ODD | EVEN and first[max(first)] < 0
        if flipped:
            args = (Quotient(scale(first, -1), args[0].under), *args[1:])
        result = self.power(self.atom("fn", args, name))
        return self.minus(constant(0), result) if flipped and name[0] in ODD else result

    # -- substitution --------------------------------------------------------------------------

    def replace(self, a: Quotient, number: int, by: Quotient) -> Quotient:
        """a with the input atom `number` replaced, in exponents and arguments too."""
        over = self._replaced(a.over, number, by)
        under = self._replaced(a.under, number, by)
        return self.product(over, self.inverse(under))

    def _replaced(self, p: Polynomial, number: int, by: Quotient) -> Quotient:
        total = constant(0)
        for m, c in p.items():
            term = constant(c)
            for a, e in m:
                term = self.product(term, self._power_replaced(a, e, number, by))
            total = self.plus(total, term)
        return total

    def _power_replaced(self, a: int, e: Fraction, number: int, by: Quotient) -> Quotient:
        if number not in self.supports[a]:
            return self.power(a, e)
        atom = self.atoms[a]
        if atom.kind == "exp":
            exponent = self.replace(atom.args[0], number, by)
            return self.exp(self.product(constant(e), exponent))
        if atom.kind == "input":
            base = by
        else:
            args = tuple(self.replace(x, number, by) for x in atom.args)
            if atom.kind == "root":
                base = roots.root(self, args[0])
            elif atom.kind == "whole" and atom.data == "floor":
                base = steps.lower(self, args[0])
            elif atom.kind == "whole":
                base = steps.nearest(self, str(atom.data), args[0])
            else:
                base = self.log(args[0]) if atom.kind == "log" else self.function(atom.name, args)
        result = constant(1)
        for _ in range(int(e)):
            result = self.product(result, base)
        return result
