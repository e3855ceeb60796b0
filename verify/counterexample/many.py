"""Both programs at many inputs at once, one a row."""

from __future__ import annotations

import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.complex import Pair, is_complex, real_dtype
from verify.algebras.extended import parts_of
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_rows import Row, Rows
from verify.algebras.numeric_value import Bounded, join
from verify.algebras.wary import Wary
from verify.counterexample.confirm import Comparison, Inputs, Places, margins
from verify.dtypes import is_kind
from verify.evaluate import Observe, evaluate
from verify.limits import budget
from verify.programs import Program, Var
from verify.programs.catalogue import Fact, having

_ROUNDED = 1e-11  # relative
_OPEN = 8  # rows of which bounds say nothing, that are worth a look one by one

# Sums of rows of small numbers are exact, but not beside others in one batch.
SUMS = having(Fact.ADDS, but=Fact.ELEMENTWISE) | having(Fact.LOOP) | {"shard_map", "reduce"}


def evaluated(
    program: Program, drawn: Inputs, observe: Observe | None = None, numeric: Numeric | None = None
) -> list[Bounded]:
    """The outputs at all rows, as numeric values with one more axis. Raises Unsupported where a
    rule must know a number that differs between rows."""
    algebra, count = Rows(numeric), len(drawn[0])
    budget.spend(count * program.size())
    lifted = [_lifted(algebra, x, v) for x, v in zip(drawn, program.inputs, strict=True)]
    with np.errstate(all="ignore"):
        return [_whole(value, count) for value in evaluate(program, algebra, lifted, observe)]


def doubtful(comparison: Comparison, drawn: Inputs) -> list[int]:
    """The rows at which the programs may differ: all but those at which both are known, and the
    same up to the rounding of float64, or both have no value; and but for those whose difference is
    sure not to count, as what has no value there has overflowed. Where bounds leave most rows open,
    as on a line of ties of rounded numbers, some of those are enough."""
    if not len(drawn[0]):
        return []
    programs = (comparison.left, comparison.right)
    wary = [Wary(len(drawn[0])) for _ in programs]
    try:
        left, right = (
            evaluated(p, drawn, numeric=one) for p, one in zip(programs, wary, strict=True)
        )
    except Unsupported:  # a number that differs between rows is one that a rule must know
        return list(range(len(drawn[0])))
    sums = any(program.primitives() & SUMS for program in programs)
    unknown, clearest = np.zeros(len(drawn[0]), bool), _Clearest(len(drawn[0]))
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        # Where only the left has to answer for what has no value, the right need not have one.
        nothing = np.isnan(b.value) & (np.isnan(a.value) | comparison.lenient)
        open_ = (~_sharp(a) | ~_sharp(b)) & ~nothing
        if not sums:  # alone, no more would be known of a number
            open_ &= np.isnan(a.value) | np.isnan(b.value)
        unknown |= open_.reshape(len(unknown), -1).any(axis=1)
        clearest.see(number, a, b)
    if not sums:  # nor does it count that a number is not known where no function lacks a value
        unknown &= wary[0].suspect | wary[1].suspect
    surely = np.flatnonzero(~unknown & (clearest.margin > 0))
    doubt = unknown & (clearest.margin > 0)
    open_rows = np.flatnonzero(unknown & ~doubt)
    doubt[open_rows[:: -(-len(open_rows) // _OPEN) or 1]] = True
    doubt[comparison.sift(drawn, surely, clearest.places(surely))] = True
    comparison.evaluations += len(doubt) - int(doubt.sum())  # the others count when they are tried
    return [int(row) for row in np.flatnonzero(doubt)]


class _Clearest:
    """The output element of each row that differs most clearly."""

    def __init__(self, count: int) -> None:
        self.margin = np.zeros(count)
        self.output, self.element = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.left, self.right = np.zeros(count, complex), np.zeros(count, complex)

    def see(self, number: int, a: Bounded, b: Bounded) -> None:
        margin = margins(a, b).reshape(len(self.margin), -1)
        if not margin.shape[1]:
            return
        rows, here = np.arange(len(margin)), margin.argmax(axis=1)
        more = margin[rows, here] > self.margin
        self.margin = np.where(more, margin[rows, here], self.margin)
        self.output = np.where(more, number, self.output)
        self.element = np.where(more, here, self.element)
        one, two = (np.asarray(x.value).reshape(margin.shape)[rows, here] for x in (a, b))
        self.left = np.where(more, one, self.left)
        self.right = np.where(more, two, self.right)

    def places(self, rows: np.ndarray) -> Places:
        return Places(*(x[rows] for x in (self.output, self.element, self.left, self.right)))


def _sharp(x: Bounded) -> np.ndarray:
    """Where a value is known up to rounding: not by a choice that bounds leave open."""
    if x.error is None or not is_kind(x.value.dtype, np.inexact):
        return ~x.unknown & ~np.isnan(x.value)
    with np.errstate(all="ignore"):
        return np.asarray(x.error <= _ROUNDED * (1 + np.abs(x.value)))


def _lifted(algebra: Rows, array: np.ndarray, v: Var) -> Value:
    if not is_complex(v.dtype):
        return algebra.input(array, v.dtype)
    part = real_dtype(v.dtype)
    re, im = (algebra.input(np.ascontiguousarray(x), part) for x in (array.real, array.imag))
    return Pair(re, im, np.dtype(v.dtype))


def _whole(value: Value, count: int) -> Bounded:
    """A value as one array with an error bound, of so many rows."""
    several = [part.inner for part in parts_of(value, Row)]
    found = several[0] if len(several) == 1 else join(several[0], several[1], value.dtype)
    shape = (count, *found.value.shape[1:])
    error = None if found.error is None else np.broadcast_to(found.error, shape)
    return Bounded(np.broadcast_to(found.value, shape), error, found.dtype)
