"""The numbers that the rounded literals of a question stand for: one each, wherever it occurs.

0.1, -0.1, 0.2 and an element 0.05 of an array are one number here: floats negate and double it
without rounding, so that whoever reads one of them as 1/10 reads the others as -1/10, 1/5 and 1/20.
It is known by its significand (`literals.significands`), and it is read everywhere in both
programs (scalars and arrays, loop bodies and branches, every dtype) or nowhere.

What is left of a zero in a table of sines that NumPy has worked out, 6.1e-17 beside 1, is no number
that somebody wrote: it has no reading, and is below 2**-43 of the largest in its array. It is read
as 0, and may be anything up to twice what it is; a proof that needs it to be 0 says so.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from verify.constants.bits import seen
from verify.constants.literals import constants, halves, is_data, parts, rounded, significands
from verify.constants.readings import Reading, is_long, reading, rounds_to
from verify.dtypes import DType
from verify.limits import budget
from verify.programs import Const, Program

_RESIDUE = 2.0**-43  # of the largest: a sine's error in float64, of angles up to some hundred turns
_BASES, _POWER = 12, 12  # how many numbers products are made of, and of how many factors
_NEAR = 1e-6  # nearer than this, a product is compared with what it may round to
_TABLE, _SOME = 128, 32  # numbers of a large table, and so many of them that are read at first
_READ = 1e5  # units of work (`limits/budget.py`) to read a number
_LARGEST_BASE, _MOST_POWER = 10**5, 10  # of powers that are looked for
_EXACT = 2**53  # numerators and denominators, but for powers of two, that a float64 holds

Member = tuple[float, np.dtype]  # a positive value of a dtype


@dataclass(frozen=True, eq=False)
class Numbers:
    """Of two programs: by significand, the values in which a number that may have been rounded
    occurs; `common`: those that are in both programs; `written`: the different numbers of each
    literal; `tiny`: those that are tiny beside others wherever they occur."""

    members: Mapping[float, frozenset[Member]]
    common: frozenset[float]
    written: frozenset[frozenset[float]]
    tiny: frozenset[float] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.members)

    @functools.cached_property
    def significands(self) -> np.ndarray:
        return np.sort(np.fromiter(self.members, np.float64, len(self.members)))

    def among(self, values: np.ndarray) -> np.ndarray:
        """Where an array holds one of these numbers."""
        return np.isin(significands(values), self.significands)

    @functools.cached_property
    def own(self) -> Numbers:
        """Those that only one of the programs has."""
        kept = {one: found for one, found in self.members.items() if one not in self.common}
        return replace(self, members=kept)

    @functools.cached_property
    def readings(self) -> dict[float, Reading]:
        """What each significand is read as, where that is another number than itself.

        A literal most of whose numbers have no reading is a table of measurements, say, and that
        some of them have one is an accident: these are read if another literal has them too.
        """
        measured = self._measured
        first = {
            one: None if one in measured else _reading(one, members)
            for one, members in self.members.items()
        }
        weak = {
            one: found
            for one, found in first.items()
            if found is not None and all(is_long(scaled(found, v), d) for v, d in self.members[one])
        }
        known = {one: None if one in weak else found for one, found in first.items()}
        known |= _products(known, self.members)
        residue = Reading(Fraction(0))
        tiny = self.tiny - weak.keys()
        known |= {one: residue for one in tiny & known.keys() if known[one] is None}
        bases = {
            scaled(found, value).factor
            for one, found in known.items()
            if found is not None and found.rational
            for value, _ in self.members[one]
        }
        less = _less_a_power(known, self.members, bases)
        known |= {one: less.get(one, weak.get(one)) for one in known if known[one] is None}
        meant: set[float] = set()
        for together in self.written:
            readable = {one for one in together if known[one] is not None}
            if 2 * len(readable) >= len(together):
                meant |= readable
        return {
            one: found
            for one, found in known.items()
            if found is not None and one in meant and found != Reading(Fraction(one))
        }

    @property
    def _measured(self) -> frozenset[float]:
        """The numbers of large tables few of whose numbers have a reading, as some show: but for
        those that are written elsewhere, too."""
        tables = set()
        for together in self.written:
            if len(together) > _TABLE:
                some = sorted(together)[:: len(together) // _SOME]
                readable = [one for one in some if _reading(one, self.members[one]) is not None]
                if 4 * len(readable) < len(some):
                    tables.add(together)
        elsewhere = frozenset().union(*self.written - tables)
        return frozenset().union(*tables) - elsewhere

    @functools.cached_property
    def residues(self) -> frozenset[float]:
        """Those that are read as 0."""
        return frozenset(one for one, read in self.readings.items() if not read.factor)

    def half(self, one: float) -> float:
        """How far from its significand a number may be: it rounds to all of its members."""
        if one in self.residues:
            return one
        found = []
        for value, dtype in self.members[one]:
            _, exponent = np.frexp(value)
            found.append(float(np.ldexp(halves(np.array(value), dtype), -exponent)))
        return min(found)


NONE = Numbers({}, frozenset(), frozenset())


def of(left: Program, right: Program) -> Numbers:
    """The numbers of two programs that may have been rounded.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> found = of(trace(lambda x: 0.1 * x + 3, 1.0), trace(lambda x: x * jnp.array([-0.2]), 1.0))
    >>> [(round(one, 6), str(read)) for one, read in found.readings.items()]
    [(0.8, '4/5')]
    """
    programs = (left, right)
    every = [[atom for atom, _ in _once(program)] for program in programs]
    members: dict[float, set[Member]] = {}
    written: set[frozenset[float]] = set()
    owned: list[set[float]] = [set(), set()]
    tiny, large = set[float](), set[float]()
    for atoms, own in zip(every, owned, strict=True):
        for atom in atoms:
            least = _RESIDUE * _largest(atom)
            for values, dtype in parts(atom):
                if is_data(values):
                    continue
                distinct = np.unique(np.abs(values[rounded(values, dtype)]))
                ones = significands(distinct).tolist()
                for one, value in zip(ones, distinct.tolist(), strict=True):
                    members.setdefault(one, set()).add((value, dtype))
                    (tiny if value < least else large).add(one)
                if ones:
                    written.add(frozenset(ones))
                    own.update(ones)
    fixed = seen(left) | seen(right)
    known = np.fromiter(members, np.float64, len(members))
    for atom in (atom for atoms in every for atom in atoms):
        for values, dtype in parts(atom):
            if not len(known):
                break
            here = np.isin(significands(values), known)
            several = is_data(values) | rounded(values, dtype)
            exactly = np.abs(values[here & ~several])
            fixed |= set(significands(exactly).tolist())  # the same number, written exactly
            for value in np.unique(np.abs(values[here & several])).tolist():
                members[float(significands(np.array(value)))].add((value, dtype))
    kept = {one: frozenset(found) for one, found in members.items() if one not in fixed}
    return Numbers(
        kept,
        frozenset(owned[0] & owned[1] & kept.keys()),
        frozenset(frozenset(ones & kept.keys()) for ones in written) - {frozenset()},
        frozenset(tiny - large),
    )


def _largest(atom: Const) -> float:
    """The largest finite absolute value of a literal."""
    sizes = [np.abs(values[np.isfinite(values)]) for values, _ in parts(atom)]
    return max((float(size.max(initial=0.0)) for size in sizes), default=0.0)


def _once(program: Program) -> list[tuple[Const, str]]:
    """The constants, an array that is used more often only once."""
    return list({id(atom.value): (atom, where) for atom, where in constants(program)}.values())


def scaled(read: Reading, value: float) -> Reading:
    """The reading of a value, given that of its significand."""
    mantissa, exponent = np.frexp(value)
    return replace(read, factor=read.factor * Fraction(2) ** int(exponent) * int(np.sign(mantissa)))


def _reading(one: float, members: frozenset[Member]) -> Reading | None:
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


def _products(
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
    return _rounding_from(sorted(made), open_, members)


def _rounding_from(
    made: Iterable[Fraction], open_: Iterable[float], members: Mapping[float, frozenset[Member]]
) -> dict[float, Reading]:
    """Those of the open numbers that one of the numbers made rounds to."""
    numbers = sorted((float(significands(np.array(float(one)))), one) for one in made)
    found = {}
    for one in open_:
        near = bisect.bisect_left(numbers, (one * (1 - _NEAR),))
        while near < len(numbers) and numbers[near][0] <= one * (1 + _NEAR):
            number = numbers[near][1]
            _, exponent = np.frexp(float(number))
            read = Reading(number / Fraction(2) ** int(exponent))
            if all(_fits(scaled(read, value), value, dtype) for value, dtype in members[one]):
                found[one] = read
                break
            near += 1
    return found


def _is_exact(one: Fraction) -> bool:
    return max(one.numerator, one.denominator) <= _EXACT


def _less_a_power(
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
    return _rounding_from(sorted(made), open_, members)


def _fits(read: Reading, value: float, dtype: DType) -> bool:
    if read.rational and read.factor == Fraction(value):
        return True
    sides = (read.factor.numerator, read.factor.denominator)
    try:
        exact = all(int(float(side)) == side for side in sides)
    except OverflowError:
        return False
    return exact and rounds_to(read, value, dtype)
