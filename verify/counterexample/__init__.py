"""Finds inputs on which two programs differ, makes them small, and says why they differ."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable

import numpy as np

from verify.counterexample.candidates import candidates, extremes, whole_numbers
from verify.counterexample.confirm import Comparison, Inputs, Witness, values
from verify.counterexample.directed import aimed
from verify.counterexample.domain import inhabited
from verify.counterexample.explain import explain
from verify.counterexample.shrink import shrink
from verify.counterexample.smooth import Smooth
from verify.dtypes import is_kind

__all__ = [
    "Comparison",
    "Inputs",
    "Smooth",
    "Witness",
    "explain",
    "inhabited",
    "search",
    "shrink",
    "values",
]


def search(
    comparison: Comparison,
    rng: np.random.Generator,
    deadline: float,
    most: int,
    *,
    skip: int = 0,
    directed: bool = False,
    overflow: bool = False,
    powers: bool = False,
    at_least: int = 2,
) -> Witness | None:
    """A confirmed difference among `most` candidate inputs, or None.

    After the deadline no more are tried, but always the first `at_least`: two show most
    differences, however slow the programs are.

    `directed` adds the aimed search, from several base points; `overflow` (and `directed`, where
    there are integers) starts with integers at the ends of their ranges, `powers` with whole
    numbers of both signs.
    """
    programs = (comparison.left, comparison.right)
    constants = [c for program in programs for c in program.constants()]
    whole = any(is_kind(v.dtype, np.integer) for v in comparison.left.inputs)
    if overflow or (directed and whole):
        witness = _first(comparison, extremes(comparison.left.inputs, rng), deadline)
        if witness is not None:
            return witness
    if powers:
        witness = _first(comparison, whole_numbers(comparison.left.inputs, rng), deadline)
        if witness is not None:
            return witness
    stream = candidates(comparison.left.inputs, constants, rng)
    for number, inputs in enumerate(itertools.islice(stream, skip, most)):
        if number >= at_least and time.monotonic() > deadline:
            return None
        witness = comparison.at(inputs)
        if witness is not None:
            return witness
    if directed:
        bases = itertools.islice(candidates(comparison.left.inputs, constants, rng), 4)
        for base in bases:
            witness = _first(comparison, aimed(programs, base, rng), deadline)
            if witness is not None:
                return witness
    return None


def _first(comparison: Comparison, stream: Iterable[Inputs], deadline: float) -> Witness | None:
    for inputs in stream:
        if time.monotonic() > deadline:
            return None
        witness = comparison.at(inputs)
        if witness is not None:
            return witness
    return None
