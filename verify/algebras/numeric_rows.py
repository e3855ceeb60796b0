"""The numeric domain at many inputs at once: a row an input.

A value holds a `Bounded` array with one more axis in front, the rows; constants have one row, which
serves for all. Rules see the shape without it, so that every rule works on rows. What the numeric
domain does to an element it does to the element in each row; only the grid by which sums are known
to be exact is common to all rows, so that rows of small numbers should not be mixed with others.

Where a rule must know a number (how often a loop runs), rows that differ say nothing: Unsupported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Algebra
from verify.algebras.numeric import Numeric
from verify.algebras.numeric_value import Bounded
from verify.dtypes import DType


@dataclass(frozen=True, eq=False)
class Row:
    """A value in each row."""

    inner: Bounded  # (rows or 1, *shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.inner.value.shape[1:]

    @property
    def dtype(self) -> DType:
        return self.inner.dtype

    @property
    def concrete(self) -> np.ndarray | None:
        """The array, if it is exact and the same in all rows."""
        one = self.inner.value.shape[0] == 1 and self.inner.error is None
        return self.inner.value[0] if one else None


class Rows(Algebra[Row]):
    """The algebra of rows.

    >>> rows = Rows()
    >>> x = rows.input(np.array([[1.0, 2.0], [3.0, 4.0]]))  # two rows of an array of two elements
    >>> rows.sum(x).inner.value.tolist()
    [3.0, 7.0]
    """

    native = Numeric.native

    def __init__(self, numeric: Numeric | None = None) -> None:
        self.numeric = Numeric() if numeric is None else numeric

    def input(self, array: np.ndarray, dtype: DType | None = None) -> Row:
        """An input of the program, the rows along the first axis."""
        return Row(self.numeric.lift(array, dtype))

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Row:
        return Row(self.numeric.lift(np.asarray(array)[None], dtype))

    # Data movement.

    def reshape(self, x: Row, shape: tuple[int, ...]) -> Row:
        return Row(self.numeric.reshape(x.inner, (len(x.inner.value), *shape)))

    def pick(self, operands: Sequence[Row], index: np.ndarray) -> Row:
        count = max(len(x.inner.value) for x in operands)
        values = [_flat(x.inner.value, count) for x in operands]
        value = (values[0] if len(values) == 1 else np.concatenate(values, axis=1))[:, index]
        error = None
        if any(x.inner.error is not None for x in operands):
            flat = np.concatenate([_flat(x.inner.errors, count) for x in operands], axis=1)
            error = flat[:, index]
            error = error if error.any() else None
        return Row(Bounded(value, error, operands[0].dtype))

    def select(self, which: Row, cases: Sequence[Row]) -> Row:
        inner = (which.inner, *(case.inner for case in cases))
        shape = np.broadcast_shapes(*(x.value.shape for x in inner))
        first, *others = (_broadcast(x, shape) for x in inner)
        return Row(self.numeric.select(first, others))

    def dot(self, a: Row, b: Row) -> Row:
        """The rows become batches."""
        count = max(len(a.inner.value), len(b.inner.value))
        merged = [
            self.numeric.reshape(
                _broadcast(x.inner, (count, *x.shape)), (count * x.shape[0], *x.shape[1:])
            )
            for x in (a, b)
        ]
        product = self.numeric.dot(*merged)
        return Row(self.numeric.reshape(product, (count, a.shape[0], a.shape[1], b.shape[2])))

    # What concerns each element alone, or the last axis.

    def neg(self, a: Row) -> Row:
        return Row(self.numeric.neg(a.inner))

    def add(self, a: Row, b: Row) -> Row:
        return Row(self.numeric.add(a.inner, b.inner))

    def sub(self, a: Row, b: Row) -> Row:
        return Row(self.numeric.sub(a.inner, b.inner))

    def mul(self, a: Row, b: Row) -> Row:
        return Row(self.numeric.mul(a.inner, b.inner))

    def div(self, a: Row, b: Row) -> Row:
        return Row(self.numeric.div(a.inner, b.inner))

    def sum(self, x: Row) -> Row:
        return Row(self.numeric.sum(x.inner))

    def prod(self, x: Row) -> Row:
        return Row(self.numeric.prod(x.inner))

    def maximum(self, a: Row, b: Row) -> Row:
        return Row(self.numeric.maximum(a.inner, b.inner))

    def max(self, x: Row) -> Row:
        return Row(self.numeric.max(x.inner))

    def logical_not(self, a: Row) -> Row:
        return Row(self.numeric.logical_not(a.inner))

    def logical_and(self, a: Row, b: Row) -> Row:
        return Row(self.numeric.logical_and(a.inner, b.inner))

    def logical_or(self, a: Row, b: Row) -> Row:
        return Row(self.numeric.logical_or(a.inner, b.inner))

    def compare(self, op: str, a: Row, b: Row) -> Row:
        return Row(self.numeric.compare(op, a.inner, b.inner))

    def cast(self, x: Row, dtype: DType) -> Row:
        return Row(self.numeric.cast(x.inner, dtype))

    def winner(self, x: Row, *, last: bool = False) -> Row:
        return Row(self.numeric.winner(x.inner, last=last))

    def function(
        self,
        name: str,
        args: Sequence[Row],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Row:
        return Row(self.numeric.function(name, [x.inner for x in args], shape, dtype, params))

    def agree(self, a: Row, b: Row) -> bool:
        return self.numeric.agree(a.inner, b.inner)

    def roots(self, n: int) -> tuple[Row, Row]:
        cosines, sines = self.numeric.roots(n)
        one, two = (Row(self.numeric.reshape(x, (1, *x.shape))) for x in (cosines, sines))
        return one, two


def _flat(array: np.ndarray, count: int) -> np.ndarray:
    flat = array.reshape(len(array), int(np.prod(array.shape[1:])))
    return flat if len(flat) == count else np.broadcast_to(flat, (count, flat.shape[1]))


def _broadcast(x: Bounded, shape: tuple[int, ...]) -> Bounded:
    if x.value.shape == shape:
        return x
    error = None if x.error is None else np.broadcast_to(x.error, shape)
    return Bounded(np.broadcast_to(x.value, shape), error, x.dtype)
