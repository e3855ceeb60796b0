"""Floats with a certified error bound, and exact integers: the algebra of refutations.

A float value is float64 `value` with `error`: the real number that the program computes lies within
`error` of it, element by element. `error` None means exact: float64 arithmetic on integers (and
dyadic numbers) that never leaves 53 bits is exact, and this is detected, so that small-integer
inputs are evaluated without any error at all. Integers and booleans are NumPy arrays of the
program's dtype, with its wrap-around.

Nothing is ever guessed: a comparison that the bounds do not decide is an unknown boolean, a number
that is undefined or beyond float64 is NaN, and both spread to what is computed from them.

Here is the table of operations; the arithmetic is in `numeric_float`, order and choice in
`numeric_order`, conversions in `numeric_cast`, functions in `numeric_function`, and the values
themselves in `numeric_value`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from verify.algebras import numeric_cast, numeric_float, numeric_function, numeric_order
from verify.algebras.base import Algebra
from verify.algebras.numeric_value import Bounded, discrete, kind, make
from verify.algebras.products import matmul
from verify.dtypes import DType
from verify.limits import budget

__all__ = ["Bounded", "Numeric"]

Fold = Callable[[Bounded, Bounded], Bounded]
_TERMS = 2**18  # of a product of matrices with infinities in them, that are looked at one by one
_CALL = 3_000  # units of work (`verify/limits/budget.py`) for an operation, however small


class Numeric(Algebra[Bounded]):
    """The numeric algebra. It has no state.

    >>> numeric = Numeric()
    >>> x = numeric.lift(np.array([1.0, 3.0]))
    >>> numeric.sum(x).concrete.item()
    4.0
    >>> third = numeric.div(numeric.lift(np.ones(2)), x)
    >>> third.value[1].item(), bool(0 < third.error[1] < 1e-16)
    (0.3333333333333333, True)
    """

    # Known better than by their expressions in other functions (`primitives/functions.py`).
    native = frozenset(numeric_function.NAMES)

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Bounded:
        return numeric_cast.lift(array, dtype)

    def cast(self, x: Bounded, dtype: DType) -> Bounded:
        return numeric_cast.cast(x, dtype)

    # Data movement.

    def reshape(self, x: Bounded, shape: tuple[int, ...]) -> Bounded:
        error = None if x.error is None else x.error.reshape(shape)
        return _same_grid(Bounded(x.value.reshape(shape), error, x.dtype), x)

    def pick(self, operands: Sequence[Bounded], index: np.ndarray) -> Bounded:
        budget.spend(_CALL + index.size)
        first = operands[0]
        values = [x.value.reshape(-1) for x in operands]
        value = (values[0] if len(values) == 1 else np.concatenate(values))[index]
        error = None
        if any(x.error is not None for x in operands):
            flat = np.concatenate([x.errors.reshape(-1) for x in operands])[index]
            error = flat if flat.any() else None
        result = Bounded(value, error, first.dtype)
        return _same_grid(result, first) if len(operands) == 1 else result

    # Ring and field.

    def neg(self, a: Bounded) -> Bounded:
        if kind(a.dtype) == "int":
            return self.sub(Bounded(np.zeros_like(a.value), None, a.dtype), a)
        return numeric_float.neg(a)

    def add(self, a: Bounded, b: Bounded) -> Bounded:
        return self._arithmetic("add", a, b)

    def sub(self, a: Bounded, b: Bounded) -> Bounded:
        if kind(a.dtype) == "int":
            return self._arithmetic("subtract", a, b)
        return self.add(a, self.neg(b))

    def mul(self, a: Bounded, b: Bounded) -> Bounded:
        return self._arithmetic("multiply", a, b)

    def _arithmetic(self, name: str, a: Bounded, b: Bounded) -> Bounded:
        budget.spend(_CALL + 2 * a.value.size)
        sort = kind(a.dtype)
        if sort == "float":
            return numeric_float.add(a, b) if name == "add" else numeric_float.mul(a, b)
        if sort == "bool":
            return self.logical_or(a, b) if name == "add" else self.logical_and(a, b)
        operation = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}[name]
        value = _integers(operation, a.dtype, a.value, b.value)
        return discrete(value, _unknown(a, b), a.dtype)

    def div(self, a: Bounded, b: Bounded) -> Bounded:
        return numeric_float.div(a, b)

    def dot(self, a: Bounded, b: Bounded) -> Bounded:
        sort = kind(a.dtype)
        if sort == "float":
            count = a.value.size * b.shape[-1]
            if count <= _TERMS and (np.isinf(a.value).any() or np.isinf(b.value).any()):
                return self.sum(self.mul(*_products(a, b, self)))  # each of them is looked at
            return numeric_float.dot(a, b)
        if sort == "bool":
            return self.sum(
                self.logical_and(*_products(a, b, self))  # any of the pairs
            )
        unknown = None
        if a.error is not None or b.error is not None:
            rows, columns = a.unknown.any(axis=-1), b.unknown.any(axis=-2)
            unknown = np.expand_dims(rows, 2) | np.expand_dims(columns, 1)
        return discrete(_integers(matmul, a.dtype, a.value, b.value), unknown, a.dtype)

    def sum(self, x: Bounded) -> Bounded:
        sort = kind(x.dtype)
        if sort == "float":
            return numeric_float.sum_last(x)
        if sort == "bool":
            return self._tree(self.logical_or, x, False)
        unknown = None if x.error is None else np.asarray(x.unknown.any(axis=-1))
        value = _integers(lambda v: v.sum(axis=-1, dtype=v.dtype), x.dtype, x.value)
        return discrete(value, unknown, x.dtype)

    def prod(self, x: Bounded) -> Bounded:
        return self._tree(self.mul, x, 1)

    def _tree(self, combine: Fold, x: Bounded, neutral: int) -> Bounded:
        if x.shape[-1] == 0:
            return Bounded(np.full(x.shape[:-1], neutral, x.value.dtype), None, x.dtype)
        return numeric_order.fold_last(combine, x)

    # Order.

    def maximum(self, a: Bounded, b: Bounded) -> Bounded:
        budget.spend(_CALL + 2 * a.value.size)
        return self.logical_or(a, b) if kind(a.dtype) == "bool" else numeric_order.maximum(a, b)

    def max(self, x: Bounded) -> Bounded:
        return self.sum(x) if kind(x.dtype) == "bool" else numeric_order.max_last(x)

    def winner(self, x: Bounded, *, last: bool = False) -> Bounded:
        return numeric_order.winner(x, last)

    def compare(self, op: str, a: Bounded, b: Bounded) -> Bounded:
        return numeric_order.compare(op, a, b)

    # Choice and logic.

    def select(self, which: Bounded, cases: Sequence[Bounded]) -> Bounded:
        return numeric_order.select(which, cases)

    def logical_not(self, a: Bounded) -> Bounded:
        return numeric_order.logical_not(a)

    def logical_and(self, a: Bounded, b: Bounded) -> Bounded:
        return numeric_order.logical_and(a, b)

    def logical_or(self, a: Bounded, b: Bounded) -> Bounded:
        return numeric_order.logical_or(a, b)

    def function(
        self,
        name: str,
        args: Sequence[Bounded],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Bounded:
        return numeric_function.function(name, args, dtype, params)

    # Beyond the protocol.

    def agree(self, a: Bounded, b: Bounded) -> bool:
        """Nowhere certainly different: two devices' copies of what ought to be one value."""
        differ = numeric_order.compare("ne", a, b)
        return not (differ.value & ~differ.unknown).any()

    def jointly(self, re: Bounded, im: Bounded) -> tuple[Bounded, Bounded]:
        """The parts of complex numbers, unknown both where one of them is not finite."""
        finite = np.isfinite(re.value) & np.isfinite(im.value)
        if finite.all():
            return re, im
        lost = np.where(finite, 0.0, np.nan)
        return make(re.value + lost, re.error, re.dtype), make(im.value + lost, im.error, im.dtype)

    def defined_together(self, x: Bounded, axes: int) -> Bounded:
        """Nothing is known of any element along the last axes where nothing is known of one."""
        lost = np.isnan(x.value).any(axis=tuple(range(-axes, 0)), keepdims=True)
        return make(np.where(lost, np.nan, x.value), x.error, x.dtype) if lost.any() else x

    def roots(self, n: int) -> tuple[Bounded, Bounded]:
        return numeric_function.roots(n)


def _same_grid(result: Bounded, source: Bounded) -> Bounded:
    """Copies lie on the grid of what they copy: keep it if it is known, or cheaper to find."""
    cheap = source.value.dtype == np.float64 and 4 * source.value.size <= result.value.size
    if cheap or "grid" in source.__dict__:
        result.__dict__["grid"] = source.grid
    return result


def _unknown(*values: Bounded) -> np.ndarray | None:
    marks = [v.unknown for v in values if v.error is not None]
    return np.logical_or.reduce(marks) if marks else None


def _integers(
    operation: Callable[..., np.ndarray], dtype: DType, *values: np.ndarray
) -> np.ndarray:
    """An integer operation with the program's wrap-around; int4 and the like by way of int64."""
    with np.errstate(over="ignore"):
        if dtype.kind in "iu":
            return operation(*values)
        return numeric_cast.wrap(operation(*[v.astype(np.int64) for v in values]), dtype)


def _products(a: Bounded, b: Bounded, algebra: Numeric) -> tuple[Bounded, Bounded]:
    """(B, M, K), (B, K, N) -> both as (B, M, N, K)."""
    (batch, rows, terms), columns = a.shape, b.shape[-1]
    shape = (batch, rows, columns, terms)
    left = np.arange(a.value.size).reshape(batch, rows, 1, terms)
    right = np.arange(b.value.size).reshape(batch, 1, terms, columns).swapaxes(2, 3)
    return (
        algebra.pick([a], np.broadcast_to(left, shape)),
        algebra.pick([b], np.broadcast_to(right, shape)),
    )
