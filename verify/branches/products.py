"""Logarithms and roots of products in a proof by branches, where the factors have known signs.

    log(c a**k p / q) = log c + k log|a| + log|p| - log|q|        sqrt likewise

A branch that asks for the logarithm, or the root, of what is positive has asked for the sign of
each factor before: of the powers that all terms share, and of the two sums that are left. So
log(a b) is log a + log b where both are positive and log(-a) + log(-b) where both are negative,
and sqrt(a a b) is |a| sqrt(b). Numbers are taken apart into primes, sqrt(1/2) = sqrt(2) / 2, and
an exponential is the exponential of half its exponent, or the exponent itself; a sum that is a
square is the square of another sum, or of its negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from verify.algebras.base import Unsupported
from verify.branches.asked import Signs
from verify.branches.polynomials import (
    ONE,
    Monomial,
    Polynomial,
    Quotient,
    add,
    constant,
    exponent,
    join,
    polynomial,
    root_of_number,
    scale,
    times,
)

_LARGEST_PRIME = 1000
_MOST_IN_SQUARE = 15  # terms of a square that is looked for


@dataclass(frozen=True)
class Factor:
    """base**power, the base above zero; `exponent`: of what it is the exponential, if of one."""

    base: Quotient
    power: Fraction
    exponent: Quotient | None = None


def log(signs: Signs, u: Quotient) -> Quotient:
    """The logarithm of what is above zero."""
    terms, total = signs.terms, constant(0)
    for factor in factors(signs, u):
        one = factor.exponent
        if one is None:
            one = terms.power(terms.atom("log", (factor.base,)))
        total = terms.plus(total, terms.product(constant(factor.power), one))
    return total


def root(signs: Signs, u: Quotient) -> Quotient:
    """The square root of what is above zero."""
    terms, total = signs.terms, constant(1)
    for factor in factors(signs, u):
        if factor.exponent is not None:
            half = terms.product(constant(Fraction(factor.power) / 2), factor.exponent)
            total = terms.product(total, terms.exp(half))
            continue
        if factor.power.denominator != 1:
            raise Unsupported("a root of a power that is no whole one")
        whole, odd = divmod(int(factor.power), 2)
        base = factor.base if whole > 0 else terms.inverse(factor.base)
        for _ in range(abs(whole)):
            total = terms.product(total, base)
        if odd:
            total = terms.product(total, terms.power(terms.atom("root", (factor.base,))))
    return total


def square_root(p: Polynomial) -> Polynomial | None:
    """q with q q = p, if p is such a square: x x + 2 x y + y y is that of x + y."""
    if not 3 <= len(p) <= _MOST_IN_SQUARE:
        return None
    atoms = sorted({a for m in p for a, _ in m})

    def powers(m: Monomial) -> tuple[Fraction, ...]:  # products keep their order
        known = dict(m)
        return tuple(known.get(a, Fraction(0)) for a in atoms)

    first = max(p, key=powers)
    lead = root_of_number(p[first])
    if lead is None:
        return None
    half: Monomial = tuple((a, exponent(Fraction(e) / 2)) for a, e in first)
    root: Polynomial = {half: lead}
    for _ in range(_MOST_IN_SQUARE):
        rest = add(p, scale(times(root, root), -1))
        if not rest:
            whole = {m for m in root if all(e.denominator == 1 for _, e in m)}
            return root if len(whole) == len(root) else None
        last = max(rest, key=powers)
        new = join(last, half, -1)
        if new in root or powers(new) >= powers(half):
            return None
        root[new] = rest[last] / (2 * lead)
    return None


def factors(signs: Signs, u: Quotient) -> Iterator[Factor]:
    """Of what is above zero; all of them are."""
    terms = signs.terms
    for side, direction in ((u.over, 1), (u.under, -1)):
        shared = {a: e for a, e in terms.content(side).items() if e}
        rest = scale(side, 1, tuple(sorted((a, -e) for a, e in shared.items())))
        lead = rest[max(rest)]
        for prime, power in _primes(abs(lead)):
            yield Factor(constant(prime), Fraction(direction * power))
        for a, e in sorted(shared.items()):
            yield from _of_atom(signs, a, direction * e)
        rest, often = scale(rest, 1 / lead), Fraction(direction)
        while (square := square_root(rest)) is not None:
            rest, often = square, 2 * often
        if rest.keys() != {ONE}:
            base = rest if signs.sign_of(rest) > 0 else scale(rest, -1)
            yield Factor(polynomial(base), often)


def _of_atom(signs: Signs, a: int, e: Fraction) -> Iterator[Factor]:
    terms, atom = signs.terms, signs.terms.atoms[a]
    if atom.kind == "exp":
        yield Factor(terms.power(a), Fraction(e), atom.args[0])
        return
    if atom.kind == "root" and e.denominator == 1 and e % 2 == 0:
        for inner in factors(signs, atom.args[0]):
            yield Factor(inner.base, Fraction(inner.power * e) / 2, inner.exponent)
        return
    below = signs.sign_of_atom(a) < 0
    yield Factor(polynomial({((a, Fraction(1)),): Fraction(-1 if below else 1)}), Fraction(e))


def _primes(number: Fraction) -> Iterator[tuple[int, int]]:
    """The primes in a fraction, with their powers; what is left of a large number is one."""
    for n, direction in ((number.numerator, 1), (number.denominator, -1)):
        p = 2
        while p * p <= n and p <= _LARGEST_PRIME:
            power = 0
            while n % p == 0:
                n, power = n // p, power + 1
            if power:
                yield p, direction * power
            p += 1
        if n > 1:
            yield n, direction
