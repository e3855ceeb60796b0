"""Rows that come close to where a function has no value: the zero of a divisor, a root's argument.

Where one program has no value on a thin open set (the root of u(x), which is negative in a narrow
strip), rows drawn at random miss it. So from the rows at which such an argument is least, others
are drawn nearby, nearer each round, and the best are kept: no derivatives are needed, and what is
constant between jumps (floor) goes down as well. What comes of a row is for `batch.py` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from verify.algebras.base import Value
from verify.algebras.numeric_rows import Row
from verify.counterexample.confirm import Inputs
from verify.counterexample.held import fit
from verify.dtypes import is_kind
from verify.programs import Equation, Var

_EDGES, _PARENTS, _CHILDREN, _STARTS = 6, 6, 8, 5
_STEPS = tuple(0.5 * 0.4**n for n in range(9))  # relative
_SAMPLED = 16  # elements of one argument
_ELEMENTS = 2**21  # that are computed on the way


def _to_one(x: np.ndarray) -> np.ndarray:
    return 1 - np.abs(x)


# How far an argument is from where the function has no value; of which operand.
ROOM: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "sqrt": (0, np.asarray),
    "rsqrt": (0, np.asarray),
    "log": (0, np.asarray),
    "log1p": (0, lambda x: x + 1),
    "div": (1, np.abs),
    "acos": (0, _to_one),
    "asin": (0, _to_one),
    "atanh": (0, _to_one),
    "acosh": (0, lambda x: x - 1),
}


@dataclass
class Edges:
    """How far the rows of one batch are from each edge of their programs."""

    count: int
    room: dict[int, np.ndarray] = field(default_factory=dict)  # by equation: a number a row
    each: dict[int, np.ndarray] = field(default_factory=dict)  # and a number an element

    def observe(self, equation: Equation, operands: list[Value]) -> None:
        if equation.primitive not in ROOM or id(equation) in self.room:
            return
        which, measure = ROOM[equation.primitive]
        operand = operands[which]
        if not isinstance(operand, Row) or not is_kind(operand.inner.value.dtype, np.floating):
            return
        value = np.asarray(operand.inner.value)
        if len(value) != self.count or len(self.room) >= 4 * _EDGES:
            return
        with np.errstate(all="ignore"):
            room = measure(value.reshape(self.count, -1)[:, :_SAMPLED])
        self.each[id(equation)] = room
        self.room[id(equation)] = np.where(np.isnan(room), np.inf, room).min(axis=1, initial=np.inf)

    def near(self, size: int, safe: Set[int] = frozenset()) -> list[int]:
        """The equations, as many as programs of this size allow; first those that no row takes to
        the edge. Not those that are `safe`."""
        most = min(_EDGES, _ELEMENTS // (max(1, size) * len(_STEPS) * _PARENTS * (1 + _CHILDREN)))
        known = (n for n in self.room if n not in safe)
        return sorted(known, key=lambda n: bool((self.room[n] <= 0).any()))[:most]


def toward(
    variables: Sequence[Var],
    drawn: Inputs,
    edges: Edges,
    seen: Callable[[int], Callable[[Inputs], Edges]],
    rng: np.random.Generator,
    size: int,
    safe: Set[int] = frozenset(),
) -> Iterator[Inputs]:
    """Rows nearer to each edge; `seen`: for an edge what evaluates rows, and says how far they are
    from it; size: elements that the programs compute for a row; `safe`: edges that no row reaches.
    """
    if not any(is_kind(v.dtype, np.floating) for v in variables):
        return
    for edge in edges.near(size, safe):
        room = edges.room[edge]
        first = np.argsort(room, kind="stable")[: _STARTS * _PARENTS]
        # Each start is a family of its own, from other rows than the others.
        starts = [first[i : i + _PARENTS] for i in range(0, len(first), _PARENTS)]
        families = np.stack([np.resize(start, _PARENTS) for start in starts])
        yield _descent(variables, drawn, families, edge, room, seen(edge), rng)


def _descent(
    variables: Sequence[Var],
    drawn: Inputs,
    families: np.ndarray,
    edge: int,
    room: np.ndarray,
    seen: Callable[[Inputs], Edges],
    rng: np.random.Generator,
) -> Inputs:
    """Rows as near to one edge as they came: `families`, (starts, parents), go down side by side,
    until one of them is beyond it. Some around those that are come with them: the first one may lie
    on the border of where the function has no value."""
    beyond = bool((room[families] <= 0).any())
    rows, best = drawn, families
    for step in _STEPS[3:] if beyond else _STEPS:
        rows = [_family(v, x, best, step, rng) for v, x in zip(variables, rows, strict=True)]
        found = seen(rows).room.get(edge)
        if found is None or beyond:
            return rows
        beyond = bool((found <= 0).any())
        each = found.reshape(len(families), -1)
        nearest = np.argsort(each, axis=1, kind="stable")[:, :_PARENTS]
        best = nearest + each.shape[1] * np.arange(len(families))[:, None]
    return rows


def _family(
    v: Var, x: np.ndarray, best: np.ndarray, step: float, rng: np.random.Generator
) -> np.ndarray:
    """For each start its parents, and their children."""
    parents = x[best]
    children = _moved(v, np.repeat(parents, _CHILDREN, axis=1), step, rng)
    both = np.concatenate([parents, children], axis=1)
    return both.reshape(both.shape[0] * both.shape[1], *x.shape[1:])  # of no elements, too


def _moved(v: Var, x: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    if not is_kind(v.dtype, np.floating):
        return x
    by = step * rng.standard_normal(x.shape) * (np.abs(x) + 0.1)
    return fit(Var(x.shape, v.dtype), x + by)
