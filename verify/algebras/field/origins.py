"""How values of a trial in which rows decide choices were made (`patterns.py`): enough to find, at
the end, which choices each element depends on."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from verify.algebras.field.marks import WORDS as _WORDS
from verify.algebras.field.value import FieldArray


@dataclass(frozen=True, eq=False)
class Origin:
    """How a value was made: enough to find, at the end, which choices it depends on."""

    kind: str  # how the operands' elements spread: "each", "pick", "last", "dot", ..., or "all"
    operands: tuple[FieldArray, ...]
    own: list[np.ndarray]  # marks of the choices made on the way
    index: np.ndarray | None = None  # of "pick"
    inner: Origin | None = None  # of the same value, from an operation within this one


NOTHING = Origin("each", (), [])


def without(origin: Origin | None, within: Origin) -> Origin | None:
    """What is known of an origin besides the operation that it was made in."""
    if origin is None or origin is within:
        return None
    inner = without(origin.inner, within)
    return origin if inner is origin.inner else replace(origin, inner=inner)


def made_of(y: FieldArray) -> Iterator[FieldArray]:
    """The values that stand for y in other operations."""
    for law, fact in y.facts.items():
        for part in law.stands_for(fact):
            if part.shape == y.shape:
                yield part
                yield from made_of(part)


def parts_of(origin: Origin | None) -> Iterator[Origin]:
    while origin is not None:
        yield origin
        origin = origin.inner


def operands_first(x: FieldArray, known: Container[int]) -> Iterator[FieldArray]:
    """x and what it is made of, as far as it is not `known` by its id: each after its operands,
    which whoever asks makes known in between. (Programs are too deep for recursion.)"""
    stack = [x]
    while stack:
        y = stack[-1]
        made = (o for part in parts_of(y.origin) for o in part.operands)
        waiting = [o for o in made if id(o) not in known]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        if id(y) not in known:
            yield y


class Open:
    """Values of which more will be known: maxima that no row has decided yet, what operations in
    progress have made, and what is made of these. What is found of them is not kept."""

    def __init__(self, making: list[Origin]) -> None:
        self.making, self.found = {id(origin) for origin in making}, set[int]()

    def see(self, y: FieldArray) -> None:
        """Of each value after its operands."""
        parts = list(parts_of(y.origin))
        if (
            y.undecided
            or any(id(part) in self.making for part in parts)
            or any(id(o) in self.found for part in parts for o in part.operands)
        ):
            self.found.add(id(y))

    def forget(self, known: dict[int, Any]) -> None:
        for one in self.found:
            del known[one]


def behind(origin: Origin, size: int, known: dict[int, np.ndarray]) -> np.ndarray:
    """The marks of the operands and of the choices on the way, one set for each of `size`."""
    kind, operands = origin.kind, origin.operands
    sets = [known[id(o)] for o in operands]
    marks = np.zeros((size, _WORDS), np.uint64)
    if kind == "all":
        for several in (*sets, *origin.own):
            marks |= np.bitwise_or.reduce(several, axis=0, keepdims=True)
        return marks
    if kind == "pick":
        index = np.asarray(origin.index).reshape(-1)
        total = sum(len(s) for s in sets)
        if sets and len(index) == size and (index < total).all():
            marks |= np.concatenate(sets)[index]
            sets = []
    elif kind == "dot" and len(operands) == 2:
        a, b = (s.reshape(*o.shape, _WORDS) for s, o in zip(sets, operands, strict=True))
        rows = np.bitwise_or.reduce(a, axis=2)[:, :, None]
        columns = np.bitwise_or.reduce(b, axis=1)[:, None]
        marks |= (rows | columns).reshape(size, _WORDS)
        sets = []
    for s, o in zip(sets, operands, strict=False):
        if kind in ("last", "lane") and o.shape[-1:] != (0,):
            s = np.bitwise_or.reduce(s.reshape(-1, o.shape[-1], _WORDS), axis=1)
            s = np.repeat(s, o.shape[-1], axis=0) if kind == "lane" else s
        marks |= _spread(s, size)
    for own in origin.own:
        if kind == "lane" and len(own) * operands[0].shape[-1] == size:
            own = np.repeat(own, operands[0].shape[-1], axis=0)
        marks |= _spread(own, size)
    return marks


def _spread(marks: np.ndarray, size: int) -> np.ndarray:
    """One set an element; where the elements do not correspond, every set for every element."""
    count = len(marks)
    if count == size or count == 0:
        return marks if count else np.zeros((1, _WORDS), np.uint64)
    return np.asarray(np.bitwise_or.reduce(marks, axis=0, keepdims=True))
