"""Whole numbers in a proof by branches: floor, rounding, remainders, conversions to integers.

floor(u) is an atom n, and what is known of it is n <= u < n + 1 and that n is whole: the solver has
it as an integer (`certify.py`), in linear arithmetic. Whole numbers within u are taken out first,
floor(u + n) = floor(u) + n, and of u and -u one is asked only: floor(-u) is -floor(u) where u is
whole and -floor(u) - 1 elsewhere, which are two branches. So two floors are the same atom where
their arguments differ by whole numbers or by the sign, and x rem y = x - y trunc(x / y) is made of
one.

Rounding to the nearest is an atom n with |n - u| <= 1/2, odd, and larger for larger u. To even,
even numbers are taken out, round(u + 2) = round(u) + 2; round(u + 1) = round(u) + 1 is false at
u = 1/2, and half away from zero not even that.

A float is converted to the integer without its fraction where that fits; where not, to an unknown
one. Functions of machine integers are worked out where a branch makes numbers of their operands.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import ceil, floor

import jax.numpy as jnp
import numpy as np

from verify.algebras import machine
from verify.algebras.numeric_integers import FUNCTIONS
from verify.branches.asked import Name, Signs, Terms
from verify.branches.polynomials import (
    ONE,
    Monomial,
    Polynomial,
    Quotient,
    constant,
    join,
    number,
    polynomial,
)
from verify.dtypes import limits

STEPS = frozenset(("floor", "round", "round_even", "rem", "int_div", "truncate"))
_OF_THEIR_DTYPE = frozenset(
    (
        *("int_div", "mulhi", "shift_left", "shift_right_logical", "shift_right_arithmetic"),
        *("population_count", "clz"),
    )
)
_BITS = {"int_and": int.__and__, "int_or": int.__or__, "int_xor": int.__xor__}
_HALF = Fraction(1, 2)
_MOST_PAIRED = 6  # whole numbers that are compared with one another


def step(signs: Signs, name: Name, args: tuple[Quotient, ...]) -> Quotient:
    """One of STEPS."""
    kind, terms = name[0], signs.terms
    if kind == "floor":
        return _floor(signs, args[0])
    if kind in ("round", "round_even"):
        return nearest(terms, kind, args[0])
    if kind == "rem":
        signs.not_zero(args[1])
        quotient = terms.product(args[0], terms.inverse(args[1]))
        return terms.minus(args[0], terms.product(args[1], _truncated(signs, quotient)))
    if kind == "int_div":
        by = number(args[1])
        if by is None or by in (0, -1):  # what the machine makes of these is its own affair
            return terms.function(name, args)
        return _truncated(signs, terms.product(args[0], constant(1 / by)))
    low, high = limits(jnp.dtype(ast.literal_eval(name[1])[0]))
    above = signs.sign(terms.minus(args[0], constant(low - 1)))
    if above <= 0 or signs.sign(terms.minus(args[0], constant(high + 1))) >= 0:
        return terms.function(name, args)
    return _truncated(signs, args[0])


def of_numbers(name: Name, args: tuple[Quotient, ...]) -> Quotient | None:
    """A function of machine integers that are numbers here; None of others."""
    numbers = [number(u) for u in args]
    if not numbers or any(n is None or n.denominator != 1 for n in numbers):
        return None
    whole, (kind, params) = [int(n) for n in numbers if n is not None], name
    if kind.startswith("wrap:"):
        return constant(machine.wrapped(whole[0], jnp.dtype(kind.removeprefix("wrap:"))))
    if kind in _BITS:
        return constant(_BITS[kind](*whole))
    if kind not in _OF_THEIR_DTYPE:
        return None
    dtype = jnp.dtype(ast.literal_eval(params)[0])
    arrays = [np.array(n, dtype) for n in whole]
    return constant(int(FUNCTIONS[kind](*arrays)))


def lower(terms: Terms, u: Quotient) -> Quotient:
    """floor(u), whatever the signs are."""
    whole, rest = _apart(terms, u, 1)
    exact = number(rest)
    if exact is not None:
        return terms.plus(whole, constant(floor(exact)))
    return terms.plus(whole, terms.power(terms.atom("whole", (rest,), "floor")))


def nearest(terms: Terms, kind: str, u: Quotient) -> Quotient:
    """u rounded to the nearest whole number."""
    whole, rest = _apart(terms, u, 1)
    if not rest.over:
        return u
    exact = number(u)
    if exact is not None:
        away = floor(abs(exact) + _HALF) * (1 if exact > 0 else -1)
        return constant(away if kind == "round" else round(exact))
    whole, rest = _apart(terms, u, 2) if kind == "round_even" else (constant(0), u)
    flipped = _leads_below_zero(terms, rest)
    if flipped:
        more, rest = terms.minus(constant(0), rest), constant(0)
        taken, rest = _apart(terms, more, 2) if kind == "round_even" else (constant(0), more)
        whole = terms.minus(whole, taken)
    result = terms.power(terms.atom("whole", (rest,), kind))
    return terms.minus(whole, result) if flipped else terms.plus(whole, result)


def is_whole(terms: Terms, m: Monomial) -> bool:
    """Whether a monomial is a product of whole numbers."""
    return all(e > 0 and e.denominator == 1 and _is_whole_atom(terms, a) for a, e in m)


def facts(
    terms: Terms, used: Iterable[int], signs: Callable[[Monomial], int | None]
) -> list[tuple[Polynomial, str]]:
    """What is known of the whole atoms among these, and of those within them. `signs`: of a
    monomial, where it is known."""
    found, open_, seen = [], list(used), set[int]()
    atoms: list[int] = []
    while open_:
        a = open_.pop()
        if a in seen or terms.atoms[a].kind != "whole":
            continue
        seen.add(a)
        atoms.append(a)
        (u,), kind = terms.atoms[a].args, terms.atoms[a].data
        open_ += [b for p in (u.over, u.under) for m in p for b, _ in m]
        if len(u.under) != 1:
            continue
        below, c = next(iter(u.under.items()))
        sign = signs(below)
        if not sign:
            continue
        sign = sign if c > 0 else -sign
        n: Polynomial = {join(below, ((a, Fraction(1)),)): c}
        low, high = (0, 1) if kind == "floor" else (_HALF, _HALF)
        # sign (u + low - n) >= 0 and sign (n + high - u) >= 0, times the divisor
        first, second = dict(u.over), {m: -v for m, v in u.over.items()}
        for side, direction, margin in ((first, -1, low), (second, 1, high)):
            for m, v in (*((m, direction * v) for m, v in n.items()), (below, margin * c)):
                side[m] = side.get(m, Fraction(0)) + v
        strict = "> 0" if kind == "floor" else ">= 0"
        for side, relation in ((first, ">= 0"), (second, strict)):
            found.append(({m: sign * v for m, v in side.items() if v}, relation))
    return [*found, *_apart_by_numbers(terms, sorted(atoms)[:_MOST_PAIRED])]


def _apart_by_numbers(terms: Terms, atoms: list[int]) -> Iterator[tuple[Polynomial, str]]:
    """Between whole numbers whose arguments are a number apart: round(u) - floor(u + 1/2) is less
    than 1, and so not above 0. The solver, which has u as a real number, does not come to that."""
    for a, b in itertools.permutations(atoms, 2):
        (u,), (v,) = terms.atoms[a].args, terms.atoms[b].args
        apart = number(terms.minus(u, v))
        if apart is None:
            continue
        strict = terms.atoms[b].data == "floor"  # u - 1 < floor(u) <= u
        above = apart + (0 if terms.atoms[a].data == "floor" else _HALF) + (1 if strict else _HALF)
        most = ceil(above) - 1 if strict else floor(above)
        p: Polynomial = {((a, Fraction(1)),): Fraction(-1), ((b, Fraction(1)),): Fraction(1)}
        if most:
            p[ONE] = Fraction(most)
        yield p, ">= 0"


def rounded(terms: Terms, used: Iterable[int]) -> list[tuple[int, str, Quotient]]:
    """The atoms among these that are rounded to the nearest, how, and what: the larger the number,
    the larger what it is rounded to."""
    atoms = [(a, terms.atoms[a]) for a in used]
    return [
        (a, str(atom.data), atom.args[0])
        for a, atom in atoms
        if atom.kind == "whole" and atom.data != "floor" and atom.args[0].is_polynomial()
    ]


def _floor(signs: Signs, u: Quotient) -> Quotient:
    terms = signs.terms
    whole, rest = _apart(terms, u, 1)
    if not _leads_below_zero(terms, rest):
        return lower(terms, u)
    negative = terms.minus(constant(0), rest)
    below = lower(terms, negative)
    total = terms.minus(whole, below)
    exact = not signs.sign(terms.minus(negative, below))
    return total if exact else terms.minus(total, constant(1))


def _truncated(signs: Signs, u: Quotient) -> Quotient:
    if signs.sign(u) >= 0:
        return _floor(signs, u)
    terms = signs.terms
    return terms.minus(constant(0), _floor(signs, terms.minus(constant(0), u)))


def _is_whole_atom(terms: Terms, a: int) -> bool:
    atom = terms.atoms[a]
    return atom.kind == "whole" or (atom.kind == "input" and atom.data in terms.whole)


def _apart(terms: Terms, u: Quotient, unit: int) -> tuple[Quotient, Quotient]:
    """u as a sum of whole multiples of the unit and the rest."""
    if len(u.under) != 1:
        return constant(0), u
    below, c = next(iter(u.under.items()))
    taken: Polynomial = {}
    for m, v in u.over.items():
        over = join(m, below, -1)
        if is_whole(terms, over):
            count = v / c // unit * unit
            if count:
                taken[over] = Fraction(count)
    whole = polynomial(taken)
    return whole, terms.minus(u, whole) if taken else u


def _leads_below_zero(terms: Terms, u: Quotient) -> bool:
    """Which of u and -u this is: both never are, but for sums of whole numbers."""
    leads = [m for m in u.over if not is_whole(terms, m)]
    return bool(leads) and u.over[max(leads)] < 0
