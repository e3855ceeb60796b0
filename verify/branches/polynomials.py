"""Polynomials, exactly: sums of monomials, products of powers of numbered atoms; and quotients."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import cast

from verify.algebras.base import Unsupported
from verify.limits import budget
from verify.smt.polynomials import added

Monomial = tuple[tuple[int, Fraction], ...]  # (atom, exponent), sorted by atom
Polynomial = dict[Monomial, Fraction]
ONE: Monomial = ()
_PRODUCT = 1000  # units of work for a product of two terms
_MOST_TERMS = 300
_NONE = cast(Fraction, 0)


class Undefined(Exception):
    """The value is none: a quotient by zero, a logarithm of what is not positive."""


@dataclass(frozen=True)
class Quotient:
    over: Polynomial
    under: Polynomial  # {ONE: 1} wherever that can be had

    def is_polynomial(self) -> bool:
        return self.under.keys() == {ONE}


def number(u: Quotient) -> Fraction | None:
    """The number that a quotient is; None if it has atoms."""
    if not u.is_polynomial() or u.over.keys() - {ONE}:
        return None
    return u.over.get(ONE, Fraction(0))


def root_of_number(c: Fraction) -> Fraction | None:
    """The root of the square of a fraction; None of other numbers."""
    if c < 0:
        return None
    top, bottom = isqrt(c.numerator), isqrt(c.denominator)
    exact = top * top == c.numerator and bottom * bottom == c.denominator
    return Fraction(top, bottom) if exact else None


def constant(c: Fraction | int) -> Quotient:
    return polynomial({ONE: Fraction(c)} if c else {})


def polynomial(p: Polynomial) -> Quotient:
    return Quotient(p, {ONE: Fraction(1)})


Frozen = frozenset[tuple[Monomial, Fraction]]


def frozen(p: Polynomial) -> Frozen:
    return frozenset(p.items())


def join(m: Monomial, n: Monomial, sign: int = 1) -> Monomial:
    """m n, or m / n."""
    if not n:
        return m
    if not m and sign > 0:
        return n
    powers = dict(m)
    for atom, e in n:
        powers[atom] = exponent(powers.get(atom, _NONE) + (e if sign > 0 else -e))
    return tuple(sorted([(atom, e) for atom, e in powers.items() if e]))


def exponent(e: Fraction | int) -> Fraction:
    """The same number, as a Python integer if it is whole: that is the same key, with a faster
    hash. (Halves of exponents are `Fraction(e) / 2`, as e / 2 would be a float.)"""
    return cast(Fraction, e if isinstance(e, int) or e.denominator != 1 else e.numerator)


def add(p: Polynomial, q: Polynomial) -> Polynomial:
    return added(dict(p), q)


def scale(p: Polynomial, c: Fraction | int, n: Monomial = ONE) -> Polynomial:
    return {join(m, n): c * v for m, v in p.items()} if c else {}


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    if len(p) * len(q) > 30 * _MOST_TERMS:
        raise Unsupported("polynomials too large for a proof by branches")
    budget.spend(_PRODUCT * len(p) * len(q))
    out: Polynomial = {}
    for m, c in p.items():
        for n, d in q.items():
            key = join(m, n)
            out[key] = out.get(key, Fraction(0)) + c * d
    out = {m: c for m, c in out.items() if c}
    if len(out) > _MOST_TERMS:
        raise Unsupported("polynomials too large for a proof by branches")
    return out
