"""Square roots in a proof by branches: R >= 0 and R R = u, and nothing else.

Every polynomial is kept linear in each root, and the sign of A R + B is that of A and B where they
agree, and of A A u - B B otherwise, which has a root less. So a comparison with a norm asks for the
same signs as one with its square, and whether two formulas with roots are equal is a question of
signs: |x| is the root of x x, since R - x has the sign of R R - x x for positive x.
"""

from __future__ import annotations

from fractions import Fraction

from verify.branches.asked import Signs, Terms
from verify.branches.polynomials import (
    ONE,
    Monomial,
    Polynomial,
    Quotient,
    Undefined,
    constant,
    join,
    number,
    polynomial,
    root_of_number,
)


def root(terms: Terms, u: Quotient) -> Quotient:
    """The root of what is not negative; of the squares of fractions a number."""
    known = number(u)
    if known is not None:
        if known < 0:
            raise Undefined
        exact = root_of_number(known)
        if exact is not None:
            return constant(exact)
    return terms.power(terms.atom("root", (u,)))


def roots_in(terms: Terms, p: Polynomial) -> list[int]:
    """The roots that are factors in p, the last one made first."""
    found = {a for m in p for a, _ in m if terms.atoms[a].kind == "root"}
    return sorted(found, reverse=True)


def factors(terms: Terms, m: Monomial) -> Monomial:
    """The roots in a monomial."""
    return tuple((a, e) for a, e in m if terms.atoms[a].kind == "root")


def has_squares(terms: Terms, p: Polynomial) -> bool:
    return any(terms.atoms[a].kind == "root" and e >= 2 for m in p for a, e in m)


def without_squares(terms: Terms, p: Polynomial) -> Quotient:
    """p with u in the place of each R R."""
    total = constant(0)
    for m, c in p.items():
        kept: Monomial = ONE
        term = constant(c)
        for a, e in m:
            if terms.atoms[a].kind != "root" or e < 2:
                kept = join(kept, ((a, e),))
                continue
            for _ in range(int(e) // 2):
                term = terms.product(term, terms.atoms[a].args[0])
            if int(e) % 2:
                kept = join(kept, ((a, Fraction(1)),))
        total = terms.plus(total, terms.product(term, polynomial({kept: Fraction(1)})))
    return total


def sign_with_root(evaluation: Signs, p: Polynomial, r: int) -> int:
    """The sign of p = A R + B, where neither is zero as a polynomial."""
    terms, one = evaluation.terms, ((r, Fraction(1)),)
    a = {join(m, one, -1): c for m, c in p.items() if (r, Fraction(1)) in m}
    b = {m: c for m, c in p.items() if (r, Fraction(1)) not in m}
    sign_a, sign_b = evaluation.sign_of(a), evaluation.sign_of(b)
    if not sign_b:
        return sign_a * evaluation.sign_of_atom(r) if sign_a else 0
    if sign_a in (0, sign_b):
        return sign_b
    squares = [terms.product(polynomial(q), polynomial(q)) for q in (a, b)]
    difference = terms.minus(terms.product(squares[0], terms.atoms[r].args[0]), squares[1])
    return sign_a * evaluation.sign(difference)
