"""Which elements of the program's inputs each element can depend on: an over-approximation.

A value has, for each input of the program, the number of a set of elements of that input
(`element_sets`). Every operation unites the sets of its operands. What is known to be zero depends
on nothing, and neither does its product with anything; a choice by a constant depends only on what
is chosen. Cancellation (x - x) is not seen: the sets may be too large, never too small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from verify.algebras import numeric_cast
from verify.algebras.base import Algebra
from verify.algebras.dependence_patterns import Patterns, patterns_of
from verify.algebras.dependence_value import Depends, both, either, sets_of
from verify.algebras.element_sets import ElementSets
from verify.dtypes import DType
from verify.programs.catalogue import Fact, having

# Functions of one number that are 0 at 0; what rounds to even numbers is the domain's own name.
_ZERO_AT_ZERO = having(Fact.ODD) | having(Fact.JUMPS, but=Fact.PARTIAL) | {"sqrt", "round_even"}


class Dependence(Algebra[Depends]):
    """The algebra of dependences on inputs with these numbers of elements.

    >>> algebra = Dependence([4])
    >>> x = algebra.input(0, (4,), np.dtype(np.float32))
    >>> weights = algebra.lift(np.array([0.0, 2.0, 1.0, 0.0]))
    >>> algebra.elements(algebra.sum(algebra.mul(x, weights)), 0, ())
    array([1, 2], dtype=int32)
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self.inputs = [ElementSets(size) for size in sizes]

    def input(self, number: int, shape: tuple[int, ...], dtype: DType) -> Depends:
        """Input `number`. If it has more elements than were announced, several in a row stand for
        one of the input's (the words of a random key)."""
        size = math.prod(shape)
        words = max(size // max(self.inputs[number].size, 1), 1)
        own = (1 + np.arange(size, dtype=np.int32) // words).reshape(shape)
        sets = tuple(own if i == number else None for i in range(len(self.inputs)))
        return Depends(shape, dtype, sets)

    def elements(self, x: Depends, number: int, index: tuple[int, ...]) -> np.ndarray:
        """The elements of input `number` that x[index] can depend on, as flat indices."""
        sets = x.sets[number]
        return self.inputs[number].members(0 if sets is None else int(sets[index]))

    def everything(
        self, operands: Sequence[Depends], shape: tuple[int, ...], dtype: DType
    ) -> Depends:
        """Something unknown made of all elements of the operands."""
        flat = [self.reshape(x, (math.prod(x.shape),)) for x in operands]
        sets: list[np.ndarray | None] = []
        for number in range(len(self.inputs)):
            present = sets_of(flat, number)
            union = None
            if present:
                union = self.inputs[number].union(np.unique(np.concatenate(present))[None])
                union = np.broadcast_to(union, (math.prod(shape),)).reshape(shape)
            sets.append(union)
        return Depends(shape, dtype, tuple(sets))

    def depend_together(self, values: Sequence[Depends], axes: int) -> list[Depends]:
        """Whatever an element of one of the values (of one shape) depends on, all others along the
        last axes depend on too: it decides whether they are numbers."""
        shape = values[0].shape
        kept, count = shape[: len(shape) - axes], math.prod(shape[len(shape) - axes :])
        sets: list[np.ndarray | None] = []
        for number in range(len(self.inputs)):
            present = sets_of(values, number)
            union = None
            if present:
                rows = np.concatenate([s.reshape(*kept, count) for s in present], axis=-1)
                union = self.inputs[number].union(rows).reshape(*kept, *(1,) * axes)
                union = np.broadcast_to(union, shape)
            sets.append(union)
        return [Depends(shape, x.dtype, tuple(sets)) for x in values]

    # Constants and movement.

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Depends:
        array = np.asarray(array)
        zero = array == 0
        sets = (None,) * len(self.inputs)
        dtype = array.dtype if dtype is None else dtype
        return Depends(array.shape, dtype, sets, zero if zero.any() else None, array)

    def reshape(self, x: Depends, shape: tuple[int, ...]) -> Depends:
        return self._copied(x, tuple(shape), lambda a: a.reshape(shape))

    def pick(self, operands: Sequence[Depends], index: np.ndarray) -> Depends:
        if len(operands) == 1:
            return self._copied(operands[0], index.shape, lambda a: a.reshape(-1)[index])
        dtype = operands[0].dtype
        sets = tuple(
            self._laid([x.sets[number] for x in operands], operands, index, np.dtype(np.int32))
            for number in range(len(self.inputs))
        )
        zero = self._laid([x.zero for x in operands], operands, index, np.dtype(np.bool_))
        arrays = [x.array for x in operands if x.array is not None]
        array = None
        if len(arrays) == len(operands):
            array = np.concatenate([a.reshape(-1) for a in arrays])[index]
        return Depends(index.shape, dtype, sets, zero, array)

    def _copied(
        self, x: Depends, shape: tuple[int, ...], copy: Callable[[np.ndarray], np.ndarray]
    ) -> Depends:
        sets = tuple(None if s is None else copy(s) for s in x.sets)
        zero = None if x.zero is None else copy(x.zero)
        return Depends(shape, x.dtype, sets, zero, None if x.array is None else copy(x.array))

    def _laid(
        self,
        parts: Sequence[np.ndarray | None],
        operands: Sequence[Depends],
        index: np.ndarray,
        dtype: DType,
    ) -> np.ndarray | None:
        """The parts end to end, zeros (no element, not zero) for those that are None, at index."""
        if all(part is None for part in parts):
            return None
        flat = [
            np.zeros(math.prod(x.shape), dtype) if part is None else part.reshape(-1)
            for part, x in zip(parts, operands, strict=True)
        ]
        return np.concatenate(flat)[index]

    # Elementwise operations.

    def _united(
        self, operands: Sequence[Depends], dtype: DType, zero: np.ndarray | None = None
    ) -> Depends:
        """Elements made of the elements of the operands at the same place, except where zero."""
        shape = np.broadcast_shapes(*(x.shape for x in operands))
        sets: list[np.ndarray | None] = []
        for number, table in enumerate(self.inputs):
            present = sets_of(operands, number)
            if not present:
                sets.append(None)
                continue
            union = np.broadcast_to(present[0], shape)
            for other in present[1:]:
                if other is not present[0]:
                    union = table.union(np.stack(np.broadcast_arrays(union, other), axis=-1))
            sets.append(union if zero is None else np.where(zero, np.int32(0), union))
        return Depends(shape, dtype, tuple(sets), zero)

    def neg(self, a: Depends) -> Depends:
        return self._united([a], a.dtype, a.zero)

    def add(self, a: Depends, b: Depends) -> Depends:
        return self._united([a, b], a.dtype, both(a.zero, b.zero))

    sub = maximum = add

    def mul(self, a: Depends, b: Depends) -> Depends:
        return self._united([a, b], a.dtype, either(a.zero, b.zero))

    def div(self, a: Depends, b: Depends) -> Depends:
        return self._united([a, b], a.dtype, a.zero)

    def compare(self, op: str, a: Depends, b: Depends) -> Depends:
        return self._united([a, b], np.dtype(np.bool_))

    def logical_not(self, a: Depends) -> Depends:
        return self._united([a], a.dtype)

    def logical_and(self, a: Depends, b: Depends) -> Depends:
        return self._united([a, b], a.dtype, either(a.zero, b.zero))

    def logical_or(self, a: Depends, b: Depends) -> Depends:
        return self._united([a, b], a.dtype, both(a.zero, b.zero))

    def cast(self, x: Depends, dtype: DType) -> Depends:
        if x.array is not None:
            constant = numeric_cast.cast(numeric_cast.lift(x.array, x.dtype), dtype)
            if constant.concrete is not None:
                return self.lift(constant.concrete, dtype)
        return Depends(x.shape, np.dtype(dtype), x.sets, x.zero)

    def function(
        self,
        name: str,
        args: Sequence[Depends],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Depends:
        return self._united(args, dtype, args[0].zero if name in _ZERO_AT_ZERO else None)

    def select(self, which: Depends, cases: Sequence[Depends]) -> Depends:
        dtype = cases[0].dtype
        if which.array is None:
            zeros = [case.zero for case in cases]
            zero = zeros[0]
            for other in zeros[1:]:
                zero = both(zero, other)
            return self._united([which, *cases], dtype, zero)
        size = math.prod(which.shape)
        place = np.arange(size).reshape(which.shape)
        return self.pick(list(cases), which.array.astype(np.int64) * size + place)

    # Along the last axis.

    def _along(self, x: Depends, zero: np.ndarray | None) -> Depends:
        sets = tuple(
            None if s is None else table.union(s)
            for s, table in zip(x.sets, self.inputs, strict=True)
        )
        if zero is not None:
            sets = tuple(None if s is None else np.where(zero, np.int32(0), s) for s in sets)
        return Depends(x.shape[:-1], x.dtype, sets, zero)

    def sum(self, x: Depends) -> Depends:
        return self._along(x, None if x.zero is None else np.asarray(x.zero.all(axis=-1)))

    max = sum

    def prod(self, x: Depends) -> Depends:
        return self._along(x, None if x.zero is None else np.asarray(x.zero.any(axis=-1)))

    def winner(self, x: Depends, *, last: bool = False) -> Depends:
        index = np.arange(math.prod(x.shape[:-1])).reshape(*x.shape[:-1], 1)
        return self.pick([self._along(x, None)], np.broadcast_to(index, x.shape))

    def dot(self, a: Depends, b: Depends) -> Depends:
        """An element of a counts only where it meets something that is not a known zero."""
        shape = (a.shape[0], a.shape[1], b.shape[2])
        rows, columns = patterns_of(b.zero, 1), patterns_of(a.zero, 2)
        left = [self._met(t, s, rows) for t, s in zip(self.inputs, a.sets, strict=True)]
        right = [
            None if met is None else met.swapaxes(1, 2)
            for met in (
                self._met(t, None if s is None else s.swapaxes(1, 2), columns)
                for t, s in zip(self.inputs, b.sets, strict=True)
            )
        ]
        one = Depends(shape, a.dtype, tuple(None if s is None else _wide(s, shape) for s in left))
        two = Depends(shape, a.dtype, tuple(None if s is None else _wide(s, shape) for s in right))
        zero = None
        if a.zero is not None or b.zero is not None:
            ones = [
                np.ones(x.shape, np.float32) if x.zero is None else (~x.zero).astype(np.float32)
                for x in (a, b)
            ]
            zero = (ones[0] @ ones[1]) == 0
        return self._united([one, two], a.dtype, zero)

    def _met(
        self, table: ElementSets, sets: np.ndarray | None, patterns: Patterns
    ) -> np.ndarray | None:
        """(B, M, K) -> (B, M, N or 1): the union over those k that meet no zero in column n."""
        if sets is None:
            return None
        if patterns is None:
            return table.union(sets)[:, :, None]
        kept, which = patterns  # (patterns, B, K), (B, N)
        result = np.empty((*sets.shape[:2], which.shape[1]), np.int32)
        for batch in range(len(sets)):
            for pattern in np.unique(which[batch]):
                union = table.union(sets[batch][:, kept[pattern]])
                result[batch][:, which[batch] == pattern] = union[:, None]
        return result

    # Beyond the protocol.

    def roots(self, n: int) -> tuple[Depends, Depends]:
        """The cosines and sines of a Fourier transform: constants."""
        turns = np.arange(n)
        cosine, sine = (8 * turns % (8 * n) == place * n for place in (2, 0))
        cosine |= 8 * turns == 6 * n
        sine |= 8 * turns == 4 * n
        sets = (None,) * len(self.inputs)
        dtype = np.dtype(np.float64)
        return Depends((n,), dtype, sets, cosine), Depends((n,), dtype, sets, sine)

    def agree(self, a: Depends, b: Depends) -> bool:
        """Do two values depend on the same elements?"""
        empty = np.zeros(a.shape, np.int32)
        return a.shape == b.shape and all(
            np.array_equal(empty if s is None else s, empty if t is None else t)
            for s, t in zip(a.sets, b.sets, strict=True)
        )


def _wide(sets: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(sets, shape)
