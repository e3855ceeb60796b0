"""Numbers, and what integers would be if they did not wrap: does an assumption hold at an input?

"No integer overflows where integers are compared" may hold nowhere, and "an integer that is
converted to a float is one that the float holds" may not either. So the programs are evaluated
at one input in the numeric algebra, each integer with the exact value of its expression as proofs
have it (`machine.py`): sums and products of expressions, whatever the machine makes of them. Who
looks at an integer whose machine value is another number has met an overflow.

What a conversion to a narrower dtype cuts off is none, in proofs as here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from verify.algebras import machine
from verify.algebras.numeric import Bounded, Numeric
from verify.dtypes import DType, is_integer, is_kind, limits


class Unwrapped(Numeric):
    """The algebra of one evaluation. `overflows`: whether anything looked at an integer that has
    overflown, or made one a float that is another number.

    >>> algebra = Unwrapped()
    >>> x = algebra.lift(np.array([100], np.int8))
    >>> y = algebra.sub(algebra.add(x, x), x)
    >>> algebra.compare("gt", y, x).concrete, algebra.overflows
    (array([False]), False)
    >>> algebra.compare("gt", algebra.add(x, x), x).concrete, algebra.overflows
    (array([False]), True)
    """

    by_rules = True  # constants too: JAX says nothing of what has wrapped

    def __init__(self) -> None:
        self.overflows = False

    # -- expressions: kept where they are not the machine's values ---------------------------------

    @staticmethod
    def _expression(x: Bounded) -> np.ndarray:
        kept = x.__dict__.get("expression")
        return machine.exact(x.value) if kept is None else kept

    @staticmethod
    def _differ(*xs: Bounded) -> bool:
        return any("expression" in x.__dict__ for x in xs)

    def _keep(self, result: Bounded, expression: np.ndarray) -> Bounded:
        if (expression != machine.exact(result.value)).any():
            result.__dict__["expression"] = expression
        return result

    def _ring(self, result: Bounded, law: Callable[..., np.ndarray], *xs: Bounded) -> Bounded:
        """`law`: the operation on arrays of any numbers."""
        if not is_integer(result.dtype):
            return result
        if not self._differ(*xs):
            low, high = limits(result.dtype)
            about = np.asarray(law(*[x.value.astype(np.float64) for x in xs]))
            if ((low / 2 <= about) & (about <= high / 2)).all():
                return result
        return self._keep(result, np.asarray(law(*map(self._expression, xs)), object))

    def _look(self, *xs: Bounded) -> None:
        self.overflows |= self._differ(*xs)

    # -- the operations of the ring ----------------------------------------------------------------

    def neg(self, a: Bounded) -> Bounded:
        return self._ring(super().neg(a), lambda x: -x, a)

    def add(self, a: Bounded, b: Bounded) -> Bounded:
        return self._ring(super().add(a, b), lambda x, y: x + y, a, b)

    def sub(self, a: Bounded, b: Bounded) -> Bounded:
        return self._ring(super().sub(a, b), lambda x, y: x - y, a, b)

    def mul(self, a: Bounded, b: Bounded) -> Bounded:
        return self._ring(super().mul(a, b), lambda x, y: x * y, a, b)

    def dot(self, a: Bounded, b: Bounded) -> Bounded:
        return self._ring(super().dot(a, b), lambda x, y: x @ y, a, b)

    def sum(self, x: Bounded) -> Bounded:
        return self._ring(super().sum(x), lambda v: v.sum(axis=-1), x)

    # -- movement ----------------------------------------------------------------------------------

    def reshape(self, x: Bounded, shape: tuple[int, ...]) -> Bounded:
        result = super().reshape(x, shape)
        return self._keep(result, self._expression(x).reshape(shape)) if self._differ(x) else result

    def pick(self, operands: Sequence[Bounded], index: np.ndarray) -> Bounded:
        result = super().pick(operands, index)
        if not self._differ(*operands):
            return result
        flat = np.concatenate([self._expression(x).reshape(-1) for x in operands])
        return self._keep(result, flat[index])

    def select(self, which: Bounded, cases: Sequence[Bounded]) -> Bounded:
        self._look(which)
        result = super().select(which, cases)
        if not self._differ(*cases):
            return result
        chosen = np.clip(which.value.astype(np.int64), 0, len(cases) - 1)
        return self._keep(result, np.choose(chosen, [self._expression(x) for x in cases]))

    # -- what looks --------------------------------------------------------------------------------

    def cast(self, x: Bounded, dtype: DType) -> Bounded:
        dtype = np.dtype(dtype)
        if dtype == x.dtype:
            return x
        if not is_integer(dtype) or not is_integer(x.dtype) or not machine.narrows(dtype, x.dtype):
            self._look(x)
        if is_integer(x.dtype) and is_kind(dtype, np.floating):
            self.overflows |= not machine.are_held(x.value, dtype)
        return super().cast(x, dtype)

    def maximum(self, a: Bounded, b: Bounded) -> Bounded:
        self._look(a, b)
        return super().maximum(a, b)

    def max(self, x: Bounded) -> Bounded:
        self._look(x)
        return super().max(x)

    def winner(self, x: Bounded, *, last: bool = False) -> Bounded:
        self._look(x)
        return super().winner(x, last=last)

    def compare(self, op: str, a: Bounded, b: Bounded) -> Bounded:
        self._look(a, b)
        return super().compare(op, a, b)

    def function(
        self,
        name: str,
        args: Sequence[Bounded],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Bounded:
        self._look(*args)
        return super().function(name, args, shape, dtype, params)
