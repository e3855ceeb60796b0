"""Can these polynomials have these signs? No, when linear arithmetic over their products says so.

Each monomial is one real unknown to the solver, so that it is only ever given linear arithmetic
(as in `algebras/linear.py`; nonlinear solvers have been wrong). What the monomials have to do with
one another is added as facts that hold for all reals:

    the products of what is known: p > 0 and q > 0 give p q > 0 (Positivstellensatz certificates
    of low degree: Stengle 1974), p = 0 gives p m = 0;
    the squares that completing the square finds in a fact are not negative;
    even powers and exponentials have a sign, and so have products of atoms whose sign is known;
    exp p >= 1 + p, exp p > exp q just when p > q; log u <= u - 1, log u > 0 just when u > 1;
    floor(u) <= u < floor(u) + 1, and products of whole numbers are integers to the solver.

"Yes" means only that none of this excludes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from fractions import Fraction

from verify.algebras.base import Unsupported
from verify.branches import steps
from verify.branches.polynomials import (
    ONE,
    Monomial,
    Polynomial,
    add,
    constant,
    frozen,
    join,
    scale,
    times,
)
from verify.branches.terms import Terms
from verify.limits import budget
from verify.smt import Fresh, Term, polynomials

ZERO, POSITIVE, NOT_NEGATIVE = "== 0", "> 0", ">= 0"
Fact = tuple[Polynomial, str]
_MOST_FACTS = 300
_MOST_EXPONENTIALS = 6
_MOST_TRIPLES = 8  # facts, for products of three of them
_MOST_SQUARES, _MOST_IN_SQUARE = 4, 12
_WORK = 1e8  # of the solver, for one question
_MONOMIAL = 3000  # units of work to state one
_E = Fraction(2718281828, 10**9), Fraction(2718281829, 10**9)


def signed(p: Polynomial, sign: int) -> Fact:
    """The fact that p has this sign."""
    return (p, ZERO) if sign == 0 else (scale(p, sign), POSITIVE)


def possible(z3: Fresh, terms: Terms, facts: Sequence[Fact], depth: int) -> bool:
    """False if no real numbers satisfy the facts. depth: how many of them are multiplied."""
    base = _distinct(facts)
    for level in range(1, depth + 1):
        if level == 3 and len(base) > _MOST_TRIPLES:
            return True
        try:
            known = _products(terms, base, level)
        except Unsupported:  # products too large
            return True
        if not _consistent(z3, terms, known):
            return False
        if _are_linear(terms, [p for p, _ in base]):
            break  # a point that satisfies them satisfies their products
    return True


def _are_linear(terms: Terms, sides: list[Polynomial]) -> bool:
    """Whether these are sums of atoms of which nothing is known but what is linear in atoms."""
    monomials = {m for p in sides for m in p if m != ONE}
    if any(len(m) > 1 or m[0][1] != 1 for m in monomials):
        return False
    atoms = [terms.atoms[m[0][0]] for m in monomials]
    if any(atom.kind not in ("input", "fn", "whole") for atom in atoms):
        return False
    inner = [atom.args[0] for atom in atoms if atom.kind == "whole"]
    return all(u.is_polynomial() for u in inner) and (
        not inner or _are_linear(terms, [u.over for u in inner])
    )


def _distinct(facts: Iterable[Fact]) -> list[Fact]:
    return list({(frozen(p), kind): (p, kind) for p, kind in facts}.values())


def _products(terms: Terms, facts: list[Fact], level: int) -> list[Fact]:
    out = list(facts)
    signs = [fact for fact in facts if fact[1] != ZERO]
    for count in range(2, level + 1):
        for group in itertools.combinations_with_replacement(signs, count):
            p, kind = group[0]
            for q, other in group[1:]:
                p = times(p, q)
                kind = POSITIVE if kind == other == POSITIVE else NOT_NEGATIVE
            out.append((p, kind))
    if level > 1:
        # An equation is multiplied by what brings its monomials to those that occur elsewhere.
        monomials = {m for p, _ in facts for m in p}
        for p, kind in facts:
            if kind == ZERO:
                factors = {join(m, n, -1) for m in monomials for n in p} | monomials
                factors = {f for f in factors if f != ONE and terms.is_monomial(f)}
                out += [(scale(p, 1, f), ZERO) for f in sorted(factors)]
    return _distinct(out)[:_MOST_FACTS]  # fewer facts exclude less


def _consistent(z3: Fresh, terms: Terms, facts: Sequence[Fact]) -> bool:
    """Whether linear arithmetic over the monomials allows all facts."""
    signs = _signs(terms, facts)
    facts = [*facts, *steps.facts(terms, _atoms(facts), lambda m: _sign(terms, m, signs))]
    whole = {m for p, _ in facts for m in p if m != ONE and steps.is_whole(terms, m)}
    solver = z3.SolverFor("QF_LIRA" if whole else "QF_LRA")
    unknowns: dict[Monomial, Term] = {}

    def unknown_of(m: Monomial) -> Term:
        if m not in unknowns:
            name = f"m{len(unknowns)}"
            unknowns[m] = z3.ToReal(z3.Int(name)) if m in whole else z3.Real(name)
        return unknowns[m]

    def linear(p: Polynomial) -> Term:
        budget.spend(_MONOMIAL * len(p))
        return polynomials.linear(z3, p, unknown_of)

    def state(fact: Fact) -> Term:
        side, zero = linear(fact[0]), z3.RealVal(0)
        return {ZERO: side == zero, POSITIVE: side > zero, NOT_NEGATIVE: side >= zero}[fact[1]]

    for fact in facts:
        solver.add(state(fact))
    for p, q in _monotone(terms, facts):
        one, two = linear(p), linear(q)
        solver.add((one > 0) == (two > 0), (one < 0) == (two < 0))
    for p, n in _rounded(terms, facts):
        above, larger = linear(p), linear(n)
        solver.add(z3.Implies(above >= 0, larger >= 0), z3.Implies(above <= 0, larger <= 0))
    for fact in (*_tangents(terms, facts), *_squares(facts)):
        solver.add(state(fact))
    for m, unknown in unknowns.items():
        sign = _sign(terms, m, signs)
        if sign is not None:
            solver.add(unknown > 0 if sign > 0 else unknown < 0 if sign < 0 else unknown == 0)
        elif terms.is_square(m):
            solver.add(unknown >= 0)
    return budget.solve(solver, _WORK, whole=bool(whole)) != "unsat"


def _atoms(facts: Iterable[Fact]) -> set[int]:
    return {a for p, _ in facts for m in p for a, _ in m}


def _rounded(terms: Terms, facts: Iterable[Fact]) -> Iterable[tuple[Polynomial, Polynomial]]:
    """u - v and round(u) - round(v)."""
    known = steps.rounded(terms, sorted(_atoms(facts)))[:_MOST_EXPONENTIALS]
    for (a, kind, u), (b, other, v) in itertools.combinations(known, 2):
        if kind == other:
            one: Polynomial = {((a, Fraction(1)),): Fraction(1)}
            two: Polynomial = {((b, Fraction(1)),): Fraction(1)}
            yield add(u.over, scale(v.over, -1)), add(one, scale(two, -1))


def _signs(terms: Terms, facts: Iterable[Fact]) -> dict[int, int]:
    """The atoms whose sign is among the facts."""
    signs = {}
    for p, kind in facts:
        if len(p) == 1 and kind != NOT_NEGATIVE:
            (m, c), *_ = p.items()
            if len(m) == 1 and m[0][1] == 1:
                signs[m[0][0]] = 0 if kind == ZERO else 1 if c > 0 else -1
    return signs


def _sign(terms: Terms, m: Monomial, signs: dict[int, int]) -> int | None:
    sign = 1
    for atom, e in m:
        if not terms.is_positive(atom):
            if atom not in signs or e < 0 or e.denominator != 1:
                return None
            sign *= signs[atom] ** int(e)
    return sign


def _exponentials(terms: Terms, facts: Iterable[Fact]) -> dict[Monomial, Polynomial]:
    """Products of exponentials in the facts, and their exponents."""
    found: dict[Monomial, Polynomial] = {}
    for p, _ in facts:
        for m in p:
            part = tuple((a, e) for a, e in m if terms.is_positive(a))
            exponent = terms.exponent(part) if part and part not in found else None
            if exponent is not None and exponent.is_polynomial():
                found[part] = exponent.over
    return dict(itertools.islice(found.items(), _MOST_EXPONENTIALS))


def _logarithms(terms: Terms, facts: Iterable[Fact]) -> dict[int, Polynomial]:
    """Logarithms in the facts, and what they are of."""
    atoms = {a for p, _ in facts for m in p for a, _ in m if terms.atoms[a].kind == "log"}
    args = {a: terms.atoms[a].args[0] for a in sorted(atoms)}
    return {a: u.over for a, u in args.items() if u.is_polynomial()}


def _monotone(terms: Terms, facts: Sequence[Fact]) -> Iterable[tuple[Polynomial, Polynomial]]:
    """Pairs of polynomials that have the same sign."""
    one: Polynomial = {ONE: Fraction(1)}
    powers = [({m: Fraction(1)}, p) for m, p in _exponentials(terms, facts).items()]
    logs = [(u, {((a, Fraction(1)),): Fraction(1)}) for a, u in _logarithms(terms, facts).items()]
    for family in (powers, logs):
        known = [*family, (one, constant(0).over)]  # e**0 = 1, log 1 = 0
        for (a, p), (b, q) in itertools.combinations(known, 2):
            yield add(a, scale(b, -1)), add(p, scale(q, -1))


def _squares(facts: Sequence[Fact]) -> Iterable[Fact]:
    """c x**2 + l x + ... = c (x + l / 2c)**2 + ..., and on with the rest."""
    for p, _ in facts:
        for _ in range(_MOST_SQUARES):
            found = [m[0][0] for m in p if len(m) == 1 and m[0][1] == 2]
            if not found or len(p) > _MOST_IN_SQUARE:
                break
            x: Monomial = ((min(found), Fraction(1)),)
            c = p[join(x, x)]
            beside = {join(m, x, -1): v for m, v in p.items() if x[0] in m}
            root = add({x: Fraction(1)}, scale(beside, 1 / (2 * c)))
            square = times(root, root)
            yield square, NOT_NEGATIVE
            p = add(p, scale(square, -c))


def _tangents(terms: Terms, facts: Sequence[Fact]) -> Iterable[Fact]:
    minus_one: Polynomial = {ONE: Fraction(-1)}
    for m, p in _exponentials(terms, facts).items():
        yield add(add({m: Fraction(1)}, minus_one), scale(p, -1)), NOT_NEGATIVE
        if p == {ONE: Fraction(1)}:
            yield {m: Fraction(1), ONE: -_E[0]}, POSITIVE
            yield {m: Fraction(-1), ONE: _E[1]}, POSITIVE
    for a, u in _logarithms(terms, facts).items():
        line = add(u, minus_one)
        yield add(line, {((a, Fraction(1)),): Fraction(-1)}), NOT_NEGATIVE
