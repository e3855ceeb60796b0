"""Polynomials as dictionaries from monomials to coefficients: their sums, and how z3 has them.

What a monomial is does not matter here: numbers of atoms in proofs by cases, powers of atoms in
proofs by branches. The empty one is the number one, in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeVar

from verify.algebras.base import Unsupported
from verify.smt import Fresh, Term

M = TypeVar("M")
_LONGEST = 14_000  # bits: Python writes no longer numbers


def added(total: dict[M, Fraction], q: Mapping[M, Fraction]) -> dict[M, Fraction]:
    """The first, with the second added to it."""
    for m, c in q.items():
        one = total.get(m, Fraction(0)) + c
        if one:
            total[m] = one
        else:
            total.pop(m, None)
    return total


def linear(z3: Fresh, p: Mapping[M, Fraction], unknown: Callable[[M], Term]) -> Term:
    """A linear expression over one unknown for each monomial."""
    terms = []
    for m, c in p.items():
        if not m:
            terms.append(_constant(z3, c))
        else:
            terms.append(unknown(m) if c == 1 else _constant(z3, c) * unknown(m))
    return z3.Sum(terms) if terms else z3.RealVal(0)


def _constant(z3: Fresh, c: Fraction) -> Term:
    """A number, which z3 reads in decimal digits."""
    if max(c.numerator.bit_length(), c.denominator.bit_length()) > _LONGEST:
        raise Unsupported(f"a number of more than {_LONGEST} bits in a question to the SMT solver")
    return z3.RealVal(str(c))
