"""Numbers that take few values: labels, flags, steps, the index of a maximum.

Such a number n is a *selector*: it has one of K values v_1 .. v_K, and an indicator for each, D_j =
[n = v_j], of which exactly one is 1. What is computed from n alone is a table,

    f(n) = D_1 f(v_1) + ... + D_K f(v_K),

a `Split` value: its K cases are one array of residues with one more axis, so that one operation of
the trial works on all of them. In a case n is a constant: comparisons, indices, divisions and
remainders of it are decided there, and D_j D_j = D_j holds by construction. So a gather, a product
with a one-hot matrix, a chain of selections and a table are one thing.

Where different selectors meet (a sum over labels) the tables are written out: the indicators are
independent random residues that sum to one, and a formula that is linear in those of each selector
is the same for all numbers just when it is the same polynomial in them. Nonlinear functions of what
depends on several selectors are functions of that polynomial: true, and not all that is true.

Sound: programs that agree as functions of arbitrary D_j >= 0 with the sum one agree where one of
them is 1, and there the formulas are those of the programs. The indicators are no analytic
functions of the inputs: what is made of them may be zero in one case, and no tie of it is left out.

Where selectors come from: boolean inputs, integers and floats of which a precondition says that
they have few values, integers that a rule keeps in a small interval (remainders, clamps), and the
place of a maximum, whose indicators are the weights of the candidates (`choice.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Value, itself
from verify.algebras.extended import parts
from verify.algebras.field.patterns import PatternField
from verify.algebras.field.split.operations import Splitting
from verify.algebras.field.split.selectors import Selectors
from verify.algebras.field.split.value import Residues, Split, Wider, whole
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray, numpy_kind
from verify.dtypes import is_integer

__all__ = [
    "Residues",
    "Split",
    "SplitField",
    "SplitPatternField",
    "Wider",
    "inputs",
    "residues_of",
    "whole",
]

MOST_OF_INPUT = 4096  # values


class SplitField(Splitting, Field):
    """A trial in which numbers of few values are split."""


class SplitPatternField(Splitting, PatternField):
    """The same, in which each row decides every other choice."""

    def marks_of(self, x: Residues) -> np.ndarray:
        return super().marks_of(whole(x))

    def miss_probability(self, outputs: Sequence[Value]) -> float:
        parts = [part for value in outputs for part in residues_of(value)]
        return super().miss_probability(list(map(whole, parts)))


def residues_of(value: Value) -> list[Residues]:
    """The parts of a value of a trial."""
    return [part if isinstance(part, Split) else itself(part, FieldArray) for part in parts(value)]


def inputs(field: Selectors, values: Sequence[Value], width: int) -> list[Value]:
    """A trial's inputs, those of few values split; `width`: of the selectors to come, at least."""
    field.prepare(width)
    known = [_values(x, field.room) if isinstance(x, FieldArray) else None for x in values]
    field.width = max([width, *(len(found) for found in known if found is not None)])
    return [
        x if found is None else field.split_input(itself(x, FieldArray), found)
        for x, found in zip(values, known, strict=True)
    ]


def _values(x: FieldArray, largest: int) -> np.ndarray | None:
    """(values, *shape): all that an input may be; None where that is too much."""
    lead = (1,) * len(x.shape)
    if x.dtype == np.bool_:
        found = np.array([False, True])
    elif x.few:
        found = np.array([float(v) for v in x.few]).astype(numpy_kind(x.dtype))
    elif is_integer(x.dtype) and x.bounds is not None and x.bounds[1] - x.bounds[0] < MOST_OF_INPUT:
        found = np.arange(x.bounds[0], x.bounds[1] + 1).astype(x.dtype)
    else:
        return None
    if not len(found) > 1 or len(found) * int(np.prod(x.shape)) > largest or 0 in x.shape:
        return None
    return np.broadcast_to(found.reshape(-1, *lead), (len(found), *x.shape))
