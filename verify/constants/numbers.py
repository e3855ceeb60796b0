"""The numbers that the rounded literals of a question stand for: one each, wherever it occurs.

0.1, -0.1, 0.2 and an element 0.05 of an array are one number here: floats negate and double it
without rounding, so that whoever reads one of them as 1/10 reads the others as -1/10, 1/5 and 1/20.
It is known by its significand (`literals.significands`), and it is read everywhere in both
programs (scalars and arrays, loop bodies and branches, every dtype) or nowhere.

What is left of a zero in a table of sines that NumPy has worked out, 6.1e-17 beside 1, is no number
that somebody wrote: it has no reading, and is the sine of a float next to a multiple of pi / 2, to
all digits (`literals.residues`). It is read as 0, and may be anything up to twice what it is; a
proof that needs it to be 0 says so.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from verify.constants.bits import seen
from verify.constants.fitting import (
    Member,
    alone,
    less_a_power,
    products,
    quotients_and_roots,
    scaled,
)
from verify.constants.literals import (
    halves,
    is_data,
    once,
    parts,
    residues,
    rounded,
    significands,
)
from verify.constants.readings import Reading, is_long
from verify.constants.rounds import Known, rounds
from verify.constants.tables import Key, Table, key
from verify.dtypes import DType
from verify.programs import Const, Program

_TABLE, _SOME = 128, 32  # numbers of a large table, and so many of them that are read at first
_LARGE, _REMEMBERED = 2**14, 256  # elements of a large literal; how many are remembered
_ROUNDS = 3  # what is made of what is made


@dataclass(frozen=True, eq=False)
class Numbers:
    """Of two programs: by significand, the values in which a number that may have been rounded
    occurs; `common`: those that are in both programs; `written`: the different numbers of each
    literal; `tiny`: those that are tiny beside others wherever they occur."""

    members: Mapping[float, frozenset[Member]]
    common: frozenset[float]
    written: frozenset[frozenset[float]]
    tiny: frozenset[float] = frozenset()
    programs: tuple[Program, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.members or self.tables)

    @functools.cached_property
    def significands(self) -> np.ndarray:
        return np.sort(np.fromiter(self.members, np.float64, len(self.members)))

    def width(self, array: np.ndarray, values: np.ndarray, dtype: DType) -> np.ndarray | None:
        """How far each number of a literal may be from what it stands for; None if all are what
        they are. `values`: the same, as float64. Of large literals it is remembered."""
        known = self._widths.get(id(array))
        if known is not None and known[0] is array:
            return known[1]
        width = self._width(values, dtype)
        if values.size >= _LARGE and len(self._widths) < _REMEMBERED:
            self._widths[id(array)] = array, width
        return width

    @functools.cached_property
    def _widths(self) -> dict[int, tuple[np.ndarray, np.ndarray | None]]:
        return {}

    def _width(self, values: np.ndarray, dtype: DType) -> np.ndarray | None:
        table = self.table(values, dtype)
        if table is not None:
            return table.literal.width
        ones = significands(values)
        open_ = np.isin(ones, self.significands)
        if not open_.any():
            return None
        width = halves(values, dtype)
        if self.residues:
            width = np.where(np.isin(ones, list(self.residues)), np.abs(values), width)
        return np.where(open_, width, 0.0)

    @functools.cached_property
    def own(self) -> Numbers:
        """Those that only one of the programs has."""
        kept = {one: found for one, found in self.members.items() if one not in self.common}
        return replace(self, members=kept)

    @functools.cached_property
    def readings(self) -> dict[float, Reading]:
        """What each significand is read as, where that is another number than itself.

        A literal most of whose numbers have no reading is a table of measurements, say, and that
        some of them have one is an accident: these are read if another literal has them too. What
        a program makes of constants alone is asked last (`made.py`), of tables first.
        """
        return dict(self.rounds[-1].readings)

    @property
    def tables(self) -> Mapping[Key, Table]:
        """The literals that are read as a whole."""
        return self.rounds[-1].tables

    def table(self, values: np.ndarray, dtype: DType) -> Table | None:
        return self.tables.get(key(values, dtype)) if self.tables else None

    @functools.cached_property
    def rounds(self) -> list[Known]:
        """What is known at first, and of what is made of that, and so on (`rounds.py`)."""
        halves = {one: self.half(one) for one in self.members}
        return rounds(self.programs, halves, Known(self._written, {}), self._meant)

    @functools.cached_property
    def _written(self) -> dict[float, Reading]:
        """Numbers as somebody may have written them."""
        measured = self._measured
        first = {
            one: None if one in measured else alone(one, members)
            for one, members in self.members.items()
        }
        weak = {
            one: found
            for one, found in first.items()
            if found is not None and all(is_long(scaled(found, v), d) for v, d in self.members[one])
        }
        known = {one: None if one in weak else found for one, found in first.items()}
        known |= products(known, self.members)
        residue = Reading(Fraction(0))
        tiny = self.tiny - weak.keys()
        known |= {one: residue for one in tiny & known.keys() if known[one] is None}
        bases = {
            scaled(found, value).factor
            for one, found in known.items()
            if found is not None and found.rational
            for value, _ in self.members[one]
        }
        less = less_a_power(known, self.members, bases)
        known |= {one: less[one] for one in less if known[one] is None}
        more = quotients_and_roots(known, self.members)
        known |= {one: more.get(one, weak.get(one)) for one in known if known[one] is None}
        return self._meant(known)

    def _meant(self, known: Mapping[float, Reading | None]) -> dict[float, Reading]:
        """Of readings, those that are no accident, and another number than the literal."""
        meant: set[float] = set()
        for together in self.written:
            readable = {one for one in together if known.get(one) is not None}
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
                readable = [one for one in some if alone(one, self.members[one]) is not None]
                if 4 * len(readable) < len(some):
                    tables.add(together)
        elsewhere = frozenset().union(*self.written - tables)
        return frozenset().union(*tables) - elsewhere

    @functools.cached_property
    def residues(self) -> frozenset[float]:
        """Those that are read as 0."""
        return frozenset(one for one, read in self._written.items() if not read.factor)

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
    every = [[atom for atom, _ in once(program)] for program in programs]
    members: dict[float, set[Member]] = {}
    written: set[frozenset[float]] = set()
    owned: list[set[float]] = [set(), set()]
    tiny, large = set[float](), set[float]()
    for atoms, own in zip(every, owned, strict=True):
        for atom in atoms:
            largest = _largest(atom)
            for values, dtype in parts(atom):
                if is_data(values):
                    continue
                distinct = np.unique(np.abs(values[rounded(values, dtype)]))
                ones = significands(distinct).tolist()
                left_of_zero = residues(distinct, dtype, largest).tolist()
                for one, value, is_tiny in zip(ones, distinct.tolist(), left_of_zero, strict=True):
                    members.setdefault(one, set()).add((value, dtype))
                    (tiny if is_tiny else large).add(one)
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
        programs,
    )


def _largest(atom: Const) -> float:
    """The largest finite absolute value of a literal."""
    sizes = [np.abs(values[np.isfinite(values)]) for values, _ in parts(atom)]
    return max((float(size.max(initial=0.0)) for size in sizes), default=0.0)
