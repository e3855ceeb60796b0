"""Where an expression is zero: whether on a set of measure zero only, at ties, or on a region."""

from __future__ import annotations

from collections import Counter

from verify.branches.asked import Terms
from verify.branches.polynomials import Polynomial


def is_thin(terms: Terms, p: Polynomial) -> bool:
    """Whether p, not the zero polynomial, is zero on a set of measure zero only. Not so if an
    unknown function is in it, however deep: floor(x) is zero on a region, and so is
    exp(floor(x)) - 1; and logarithms may have something to do with one another: log(x y) -
    log x - log y, or exp(log(x) / 2)**2 - x. A single one has not."""
    inside = _within(terms, p)
    kinds = [terms.atoms[a].kind for a in inside]
    if {"fn", "root", "whole"} & set(kinds) or kinds.count("log") > 1:
        return False
    exponentials = (a for a in inside if terms.atoms[a].kind == "exp")
    return _is_thin_for_each_whole(terms, p, inside) and not any(
        terms.atoms[b].kind == "log"
        for a in exponentials
        for u in terms.atoms[a].args
        for part in (u.over, u.under)
        for b in _within(terms, part)
    )


def is_thin_in_inputs(terms: Terms, p: Polynomial) -> bool:
    """Whether p is a polynomial of inputs alone, and thin. Of anything else that p is not zero
    everywhere would have to be proved."""
    return is_thin(terms, p) and all(
        terms.atoms[a].kind == "input" and e.denominator == 1 for m in p for a, e in m
    )


def _is_thin_for_each_whole(terms: Terms, p: Polynomial, inside: set[int]) -> bool:
    """n = 7 is no set of measure zero for a whole number n. Whatever numbers the whole inputs are,
    something has to be left of p: a product of other inputs that no whole one is a coefficient of.
    """
    whole = {
        a for a in inside if terms.atoms[a].kind == "input" and terms.atoms[a].data in terms.whole
    }
    if not whole:
        return True
    if any(
        a not in whole and _within(terms, {((a, e),): c}) & whole
        for m, c in p.items()
        for a, e in m
    ):
        return False  # within a function of which nothing is known here
    split = [(tuple(f for f in m if f[0] not in whole), m) for m in p]
    coefficients = Counter(rest for rest, _ in split)
    return any(rest and rest == m and coefficients[rest] == 1 for rest, m in split)


def _within(terms: Terms, p: Polynomial) -> set[int]:
    """The atoms of p, those in their arguments too."""
    found: set[int] = set()
    open_ = [a for m in p for a, _ in m]
    while open_:
        a = open_.pop()
        if a not in found:
            found.add(a)
            parts = (part for u in terms.atoms[a].args for part in (u.over, u.under))
            open_ += [b for part in parts for m in part for b, _ in m]
    return found
