"""Finds inputs on which two programs differ, makes them small, and says why they differ."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from verify.counterexample.agree import agreed
from verify.counterexample.batch import before_proof
from verify.counterexample.by_jax import differ_by_jax
from verify.counterexample.confirm import Comparison, Inputs, Witness, values
from verify.counterexample.directed import aimed
from verify.counterexample.domain import inhabited
from verify.counterexample.drawing import WEIGHTS, candidates, extremes, whole_numbers
from verify.counterexample.explaining import explain
from verify.counterexample.many import doubtful
from verify.counterexample.shrinking import shrink
from verify.counterexample.smooth import Smooth
from verify.counterexample.without_order import unordered
from verify.dtypes import is_kind
from verify.limits import budget

__all__ = [
    "Comparison",
    "Inputs",
    "Smooth",
    "Witness",
    "agreed",
    "before_proof",
    "differ_by_jax",
    "explain",
    "inhabited",
    "search",
    "shrink",
    "unordered",
    "values",
]


def search(
    comparison: Comparison,
    rng: np.random.Generator,
    work: float,
    most: int,
    *,
    skip: int = 0,
    directed: bool = False,
    overflow: bool = False,
    powers: bool = False,
    at_least: int = 2,
) -> Iterator[Witness]:
    """Differences among `most` candidate inputs, one after the other: the next is looked for where
    JAX does not agree with the last (`agree.py`).

    After so much `work` no more are tried, but always the first `at_least`: two show most
    differences, however slow the programs are.

    `directed` adds the aimed search, from several base points; `overflow` (and `directed`, where
    there are integers) starts with integers at the ends of their ranges, `powers` with whole
    numbers of both signs.
    """
    late = budget.after(work)
    programs = (comparison.left, comparison.right)
    constants = comparison.constants()
    whole = any(is_kind(v.dtype, np.integer) for v in comparison.left.inputs)
    if overflow or (directed and whole):
        yield from _all(comparison, extremes(comparison.left.inputs, rng), late)
    if powers:
        yield from _all(comparison, whole_numbers(comparison.left.inputs, rng), late)
    stream = candidates(comparison.left.inputs, constants, rng)
    all_floats = all(is_kind(v.dtype, np.inexact) for v in comparison.left.inputs)
    for number, inputs in enumerate(itertools.islice(stream, skip, most), skip):
        if number - skip >= at_least and late():
            return
        # Random weights are in general position: where all has a value there, `inhabited` knows.
        comparison.domain.counts = all_floats and number == WEIGHTS
        witness = comparison.meet(inputs)
        comparison.domain.counts = False
        if witness is not None:
            yield witness
    if directed:
        bases = itertools.islice(candidates(comparison.left.inputs, constants, rng), 4)
        for base in bases:
            for rows in aimed(programs, base, rng):
                if late():
                    return
                drawn = comparison.rows(rows)
                tried = ([np.asarray(x[row]) for x in drawn] for row in doubtful(comparison, drawn))
                yield from _all(comparison, tried, late)


def _all(
    comparison: Comparison, stream: Iterable[Inputs], late: Callable[[], bool]
) -> Iterator[Witness]:
    for inputs in stream:
        if late():
            return
        witness = comparison.meet(inputs)
        if witness is not None:
            yield witness
