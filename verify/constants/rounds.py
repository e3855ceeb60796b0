"""What is read as what, round by round: at first what somebody may have written, then what the
programs make of that, and so on (`made.py`, `tables.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from verify.constants.assigned import Assigned, Ball
from verify.constants.bits import seen
from verify.constants.literals import once, parts
from verify.constants.made import arrays, readings, transforms
from verify.constants.readings import Reading
from verify.constants.tables import Key, Table, candidates, tables
from verify.programs import Program

_MOST = 3  # what is made of what is made


@dataclass(frozen=True, eq=False)
class Known:
    """What is read as what: numbers by significand, and whole literals."""

    readings: Mapping[float, Reading]
    tables: Mapping[Key, Table]

    def __bool__(self) -> bool:
        return bool(self.readings or self.tables)

    def assigned(
        self,
        others: Mapping[float, Fraction | Ball] = MappingProxyType({}),
        but: Set[float] = frozenset(),
    ) -> Assigned:
        """The algebra in which all is what it is read as, and other numbers are these; `but`: those
        that are what they are written as."""
        read = {one: known(found) for one, found in self.readings.items()}
        written = {one: Fraction(one) for one in but}
        whole = {key: (table.values, table.errors) for key, table in self.tables.items()}
        return Assigned({**others, **read, **written}, whole)


def known(read: Reading) -> Fraction | Ball:
    """What is known of a number that is read."""
    return read.factor if read.rational else Ball(float(read.value()), read.error())


def rounds(
    programs: Sequence[Program],
    halves: Mapping[float, float],
    first: Known,
    meant: Callable[[Mapping[float, Reading | None]], dict[float, Reading]],
) -> list[Known]:
    """What is known at first, of what is made of that, and so on: of frequencies, then of their
    cosines. `halves`: how far from its significand each number may be; `meant`: of readings, those
    that are no accident. `Source.after` is an index of the result."""
    found = [first]
    fixed = frozenset[float]().union(*map(seen, programs))
    literals = [part for program in programs for part in _arrays(program)]
    open_, makers = candidates(literals, fixed), (*programs, *transforms(programs))
    while len(found) <= _MOST:
        last = found[-1]
        open_ = [literal for literal in open_ if literal.key not in last.tables]
        if not open_ and halves.keys() <= last.readings.keys():
            break
        assigned = last.assigned()
        made = [one for program in makers for one in arrays(program, assigned, len(found) - 1)]
        more, read = readings(made, halves, last.readings), tables(open_, made)
        new = Known(meant({**last.readings, **more}), {**last.tables, **read})
        if len(new.readings) + len(new.tables) == len(last.readings) + len(last.tables):
            break
        found.append(new)
    return found


def _arrays(program: Program) -> list[tuple[np.ndarray, np.dtype]]:
    """The literals of a program that are arrays, the parts of complex ones."""
    atoms = (atom for atom, _ in once(program) if atom.shape)
    return [part for atom in atoms for part in parts(atom)]
