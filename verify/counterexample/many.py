"""Both programs at many inputs at once, one a row."""

from __future__ import annotations

from typing import Any

import numpy as np

from verify import budget
from verify.algebras.base import Unsupported
from verify.algebras.complex import Pair, is_complex, real_dtype
from verify.algebras.extended import parts
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_rows import Rows
from verify.algebras.numeric_value import Bounded, join
from verify.counterexample.confirm import Comparison, Inputs, margins
from verify.dtypes import is_kind
from verify.evaluate import evaluate
from verify.program import Program, Var

_ROUNDED = 1e-11  # relative


def evaluated(
    program: Program, drawn: Inputs, observe: Any = None, numeric: Numeric | None = None
) -> list[Any]:
    """The outputs at all rows, as numeric values with one more axis. Raises Unsupported where a
    rule must know a number that differs between rows."""
    algebra, count = Rows(numeric), len(drawn[0])
    budget.spend(count * program.size())
    lifted = [_lifted(algebra, x, v) for x, v in zip(drawn, program.inputs, strict=True)]
    with np.errstate(all="ignore"):
        return [_whole(value, count) for value in evaluate(program, algebra, lifted, observe)]


def doubtful(comparison: Comparison, drawn: Inputs) -> list[int]:
    """The rows at which the programs may differ: all but those at which both are known, and the
    same, up to the rounding of float64."""
    if not len(drawn[0]):
        return []
    try:
        left, right = (evaluated(p, drawn) for p in (comparison.left, comparison.right))
    except Unsupported:  # a number that differs between rows is one that a rule must know
        return list(range(len(drawn[0])))
    doubt = np.zeros(len(drawn[0]), bool)
    for a, b in zip(left, right, strict=True):
        open_ = (margins(a, b) > 0) | ~_sharp(a) | ~_sharp(b)
        doubt |= open_.reshape(len(doubt), -1).any(axis=1)
    comparison.evaluations += len(doubt) - int(doubt.sum())  # the others count when they are tried
    return [int(row) for row in np.flatnonzero(doubt)]


def _sharp(x: Any) -> np.ndarray:
    """Where a value is known up to rounding: not by a choice that bounds leave open."""
    if x.error is None or not is_kind(x.value.dtype, np.inexact):
        return ~x.unknown & ~np.isnan(x.value)
    with np.errstate(all="ignore"):
        return np.asarray(x.error <= _ROUNDED * (1 + np.abs(x.value)))


def _lifted(algebra: Rows, array: np.ndarray, v: Var) -> Any:
    if not is_complex(v.dtype):
        return algebra.input(array, v.dtype)
    part = real_dtype(v.dtype)
    re, im = (algebra.input(np.ascontiguousarray(x), part) for x in (array.real, array.imag))
    return Pair(re, im, np.dtype(v.dtype))


def _whole(value: Any, count: int) -> Any:
    """A value as one array with an error bound, of so many rows."""
    several = [part.inner for part in parts(value)]
    found = several[0] if len(several) == 1 else join(several[0], several[1], value.dtype)
    shape = (count, *found.value.shape[1:])
    error = None if found.error is None else np.broadcast_to(found.error, shape)
    return Bounded(np.broadcast_to(found.value, shape), error, found.dtype)
