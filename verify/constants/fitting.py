"""What the numbers of a question are read as, each alone and out of what others are read as.

Numbers are known by their significands, and a reading of one has to round to all of its members.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from verify.constants.literals import significands
from verify.constants.readings import Reading, reading, rounds_to
from verify.dtypes import DType
from verify.limits import budget

_BASES, _POWER = 12, 12  # how many numbers products are made of, and of how many factors
_NEAR = 1e-6  # nearer than this, a product is compared with what it may round to
_READ = 1e5  # units of work (`limits/budget.py`) to read a number
_LARGEST_BASE, _MOST_POWER = 10**5, 10  # of powers that are looked for
_EXACT = 2**53  # numerators and denominators, but for powers of two, that a float64 holds

Member = tuple[float, np.dtype]  # a positive value of a dtype


def scaled(read: Reading, value: float) -> Reading:
    """The reading of a value, given that of its significand."""
    mantissa, exponent = np.frexp(value)
    return replace(read, factor=read.factor * Fraction(2) ** int(exponent) * int(np.sign(mantissa)))


def alone(one: float, members: frozenset[Member]) -> Reading | None:
    """The simplest that one of the values has, and that rounds to all of them."""
    found = []
    for value, dtype in members:
        budget.spend(_READ)
        simple = reading(value, dtype)
        if simple is not None:
            _, exponent = np.frexp(value)
            factor = simple.factor / Fraction(2) ** int(exponent)
            found.append((simple.cost, str(simple), replace(simple, factor=factor)))
    for _, _, candidate in sorted(found, key=lambda each: each[:2]):
        if all(_fits(scaled(candidate, value), value, dtype) for value, dtype in members):
            return candidate
    return None


def products(
    known: Mapping[float, Reading | None], members: Mapping[float, frozenset[Member]]
) -> dict[float, Reading]:
    """Of numbers without a reading: the product of powers of one or two others that they round
    from, as 0.857375 = 0.95**3 beside 0.95. There are a few thousand at most, which are few beside
    the numbers of a format, so that one is seldom met by chance."""
    open_ = [one for one, found in known.items() if found is None]
    bases = sorted({found.factor for found in known.values() if found and found.rational})
    if not open_ or len(bases) > _BASES:
        return {}
    powers = [[base**k for k in range(_POWER + 1)] for base in bases]
    pairs = itertools.combinations_with_replacement(range(len(bases)), 2)
    made = {
        one * two
        for i, j in pairs
        for k, one in enumerate(powers[i])
        for two in powers[j][: _POWER + 1 - k]
        if _is_exact(one * two)
    }
    return _rounding_from(map(Reading, sorted(made)), open_, members)


def quotients_and_roots(
    known: Mapping[float, Reading | None], members: Mapping[float, frozenset[Member]]
) -> dict[float, Reading]:
    """Of numbers without a reading: what a program works out beforehand of others that are read, a
    quotient or a root, as lr sqrt(1 - b2**t) / (1 - b1**t) beside lr and the powers."""
    open_ = [one for one, found in known.items() if found is None]
    values = {
        abs(scaled(found, value).factor)
        for one, found in known.items()
        if found is not None and found.rational and found.factor
        for value, _ in members[one]
    }
    if not open_ or not values or len(values) > _BASES:
        return {}
    each = sorted(values | {Fraction(1)})
    factors = {a / b for a in each for b in each if _is_exact(a / b)}
    roots = {root for one in values for root in (one, 1 / one)}
    made = [Reading(factor) for factor in sorted(factors)]
    made += [Reading(factor, root) for factor in sorted(factors) for root in sorted(roots)]
    return _rounding_from(made, open_, members)


def _rounding_from(
    made: Iterable[Reading], open_: Iterable[float], members: Mapping[float, frozenset[Member]]
) -> dict[float, Reading]:
    """Those of the open numbers that one of the numbers made rounds to."""
    numbers = [(float(significands(np.array(read.about()))), read) for read in made]
    numbers.sort(key=lambda each: each[0])
    found = {}
    for one in open_:
        near = bisect.bisect_left(numbers, one * (1 - _NEAR), key=lambda each: each[0])
        while near < len(numbers) and numbers[near][0] <= one * (1 + _NEAR):
            number = numbers[near][1]
            _, exponent = np.frexp(number.about())
            read = replace(number, factor=number.factor / Fraction(2) ** int(exponent))
            if all(_fits(scaled(read, value), value, dtype) for value, dtype in members[one]):
                found[one] = read
                break
            near += 1
    return found


def _is_exact(one: Fraction) -> bool:
    return max(one.numerator, one.denominator) <= _EXACT


def less_a_power(
    known: Mapping[float, Reading | None],
    members: Mapping[float, frozenset[Member]],
    bases: Iterable[Fraction],
) -> dict[float, Reading]:
    """Of numbers without a reading: one less a power of a number that is read elsewhere, 1 -
    0.999**3 where there is a 0.999, as bias corrections have it."""
    below_one = sorted(b for b in bases if 0 < b < 1 and b.denominator <= _LARGEST_BASE)
    open_ = [one for one, found in known.items() if found is None]
    if not open_ or len(below_one) > _BASES:
        return {}
    made = {1 - base**k for base in below_one for k in range(2, _MOST_POWER + 1)}
    return _rounding_from(map(Reading, sorted(made)), open_, members)


def _fits(read: Reading, value: float, dtype: DType) -> bool:
    if read.rational and read.factor == Fraction(value):
        return True
    sides = (read.factor.numerator, read.factor.denominator)
    try:
        exact = all(int(float(side)) == side for side in sides)
    except OverflowError:
        return False
    return exact and rounds_to(read, value, dtype)
