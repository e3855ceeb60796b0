"""The catalogue of primitives: what is true of each of them, in one row.

Nothing here knows how a primitive is worked out. Who wants to know which primitives move, compare,
commute, ... asks by a fact (`facts.py` has the table of them):

    _COMPARE = having(Fact.COMPARES)
    _MOVES = having(Fact.MOVES, but=Fact.INDEXED)

and adds, or takes away, what is different for its own purpose, with a comment that says why.
Of a primitive without a row nothing is known.

| file | rows |
|---|---|
| `facts.py` | the columns: what each fact says |
| `functions.py` | what works element by element |
| `arrays.py` | what moves, folds, sorts, reads and writes arrays |
| `others.py` | what holds programs; collectives, random numbers, callbacks, linear algebra |
"""

from __future__ import annotations

import functools

from verify.programs.catalogue.arrays import ARRAYS
from verify.programs.catalogue.facts import Fact, Origin, Row
from verify.programs.catalogue.functions import FUNCTIONS
from verify.programs.catalogue.others import OTHERS

ROWS = (*FUNCTIONS, *ARRAYS, *OTHERS)
_BY_NAME = {row.name: row for row in ROWS}


@functools.cache
def having(*facts: Fact, but: Fact = Fact.NONE) -> frozenset[str]:
    """The names of the primitives that have all of the facts, and none of those in `but`.

    >>> sorted(having(Fact.COMPARES, but=Fact.ORDERS))
    ['eq', 'eq_to', 'ne']
    >>> sorted(having(Fact.ODD, Fact.EVEN))
    []
    """
    wanted = functools.reduce(lambda a, b: a | b, facts, Fact.NONE)
    return frozenset(r.name for r in ROWS if wanted in r.facts and not r.facts & but)


def row(name: str) -> Row:
    """The row of a primitive: one without facts, if it has none.

    >>> row("div").linear_in, row("no_such_primitive").facts
    ((0,), <Fact.NONE: 0>)
    """
    return _BY_NAME.get(name, Row(name))


__all__ = ["ROWS", "Fact", "Origin", "Row", "having", "row"]
