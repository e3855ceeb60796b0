"""The search before a proof: dozens of inputs at the price of a few.

Both programs are traced once more under `jax.vmap`, and verify's numbers evaluate all rows at once.
What a row suggests counts only after the row alone has been evaluated by the programs themselves
(`Comparison.at`), so that neither vmap nor the batch need be trusted. How many rows there are
depends on the size of the programs alone, never on the clock:

* up to 256 small and plain ones, and as many wild ones (`rows.py`);
* as many again at the crossings of the programs' comparisons, interpolated between rows on either
  side of one, with their neighbours;
* every value of single integers of 8 bits, alone and in pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.numeric import Bounded
from verify.counterexample.confirm import Comparison, Inputs, Witness, margins, values
from verify.counterexample.held import fit
from verify.counterexample.rows import every_narrow_value, every_value, rows
from verify.counterexample.undefined import one_sided
from verify.dtypes import is_integer, is_kind
from verify.program import Equation, Program, Var, call, trace

_ROWS, _FEWEST = 256, 8
_ELEMENTS = 2**15  # that both programs compute over all rows of a batch
_LARGE = 100_000  # elements: programs with more have few inputs tried one by one
_LONG = 2_000  # equations, those in loops counted each time
_EVERY = 2**20  # elements that may be computed to try every value
_TRIED, _TRIED_UNDEFINED = 6, 2  # rows of a batch
_DECISIONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge", "max", "min", "clamp"))
_SAMPLED = 4  # elements of one decision


def before_proof(comparison: Comparison, rng: np.random.Generator) -> Iterator[Witness]:
    """Differences among the inputs that are worth trying before two programs are called equal."""
    left, right = comparison.left, comparison.right
    size = left.size() + right.size() + sum(int(np.prod(v.shape)) for v in left.inputs)
    if not left.inputs or size > _LARGE or comparison.steps > _LONG:
        return
    constants = [c for program in (left, right) for c in program.constants()]
    count = int(min(_ROWS, max(_FEWEST, _ELEMENTS // size)))
    try:
        batch = _Batch(comparison, count)
        for plain in (True, False):
            drawn = rows(left.inputs, constants, rng, count, plain=plain)
            yield from batch.differences(drawn)
            crossing = batch.crossings(drawn, rng)
            if crossing is not None:
                yield from batch.differences(crossing)
        every = every_value(left.inputs)
        if every is None or len(every[0]) * size > _EVERY:
            every = every_narrow_value(left.inputs, constants, rng)
        if every is not None and len(every[0]) * size <= _EVERY:
            yield from _Batch(comparison, len(every[0])).differences(every)
    except _NotBatched:
        return


class _NotBatched(Exception):
    """The programs have no form that computes many rows at once."""


class _Batch:
    """Two programs of many rows."""

    def __init__(self, comparison: Comparison, count: int) -> None:
        self.comparison, self.count = comparison, count
        self.programs = [_rowwise(p, count) for p in (comparison.left, comparison.right)]
        self.gaps: list[np.ndarray] = []  # of the decisions: a row a row

    def differences(self, drawn: Inputs) -> Iterator[Witness]:
        """Confirmed by verify's numbers, row by row."""
        self.gaps = []
        try:
            left, right = (values(p, drawn, self._observe(p)) for p in self.programs)
        except Unsupported as error:
            raise _NotBatched from error
        suspects: dict[int, None] = {}
        margin = np.zeros(self.count)
        for a, b in zip(left, right, strict=True):
            found = margins(a, b).reshape(self.count, -1).max(axis=1, initial=0.0)
            margin = np.maximum(margin, found)
        hits = np.argsort(-margin, kind="stable")[: int((margin > 0).sum())]
        suspects.update(dict.fromkeys(hits[:_TRIED].tolist()))
        if not self.comparison.lenient:
            for _, _, where in one_sided(left, right):
                open_ = np.flatnonzero(where.reshape(self.count, -1).any(axis=1))
                suspects.update(dict.fromkeys(open_[:_TRIED_UNDEFINED].tolist()))
        for row in suspects:
            witness = self.comparison.at([np.asarray(x[row]) for x in drawn])
            if witness is not None:
                yield witness

    def _observe(self, program: Program) -> Any:
        """Remembers how far apart the operands of decisions are, row by row."""

        def observe(equation: Equation, operands: list[Any], _: list[Any]) -> None:
            if equation.primitive not in _DECISIONS:
                return
            arrays = [x.value for x in operands if isinstance(x, Bounded)]
            if len(arrays) < len(operands):  # complex numbers, keys
                return
            first = arrays[1 if equation.primitive == "clamp" else 0]
            for other in arrays:
                if other is not first and first.ndim and len(first) == self.count:
                    with np.errstate(all="ignore"):
                        gap = first.astype(np.float64) - other
                    if gap.shape == first.shape:
                        self.gaps.append(np.nan_to_num(gap.reshape(self.count, -1)[:, :_SAMPLED]))

        return observe

    def crossings(self, drawn: Inputs, rng: np.random.Generator) -> Inputs | None:
        """Rows where a decision is on its edge, if it is linear between two of the drawn rows."""
        if not self.gaps:
            return None
        gaps = np.concatenate(self.gaps, axis=1)
        below, above = gaps < 0, gaps > 0
        crossed = np.flatnonzero(below.any(axis=0) & above.any(axis=0))
        if not len(crossed):
            return None
        one, two, part = [], [], []
        for k in range(self.count):
            column = int(crossed[k // 4 % len(crossed)])
            i = int(rng.choice(np.flatnonzero(below[:, column])))
            j = int(rng.choice(np.flatnonzero(above[:, column])))
            a, b = gaps[i, column], gaps[j, column]
            one.append(i)
            two.append(j)
            part.append(a / (a - b))
        variables = self.comparison.left.inputs
        return [
            _between(v, x[one], x[two], np.array(part))
            for v, x in zip(variables, drawn, strict=True)
        ]


def _between(v: Var, one: np.ndarray, two: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Rows between rows; of four, one lies a step above the edge and one a step below."""
    count = len(part)
    wide = Var((count, *v.shape), v.dtype)
    if v.dtype == np.bool_:
        return np.where((part < 0.5).reshape(count, *[1] * len(v.shape)), one, two)
    column = part.reshape(count, *[1] * len(v.shape))
    with np.errstate(all="ignore"):
        middle = one * (1 - column) + two * column
    steps = np.resize([0.0, 1.0, -1.0, 0.0], count).reshape(column.shape)
    if is_integer(v.dtype):
        return fit(wide, np.rint(middle) + steps)
    if is_kind(v.dtype, np.complexfloating):
        return fit(wide, middle)
    return fit(wide, middle + steps * 2.0**-20 * np.maximum(np.abs(middle), 1e-3))


def _rowwise(program: Program, count: int) -> Program:
    avals = [jax.ShapeDtypeStruct((count, *v.shape), v.dtype) for v in program.inputs]
    try:
        return trace(jax.vmap(partial(call, program)), *avals)
    except Exception as error:  # whatever a batching rule has to say
        raise _NotBatched from error
