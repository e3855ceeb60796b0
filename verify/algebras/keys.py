"""Arrays of typed random keys: their bits, with one more axis at the end.

`KeyAlgebra(inner)` moves keys about (slices, reshapes, choices) by moving their bits, and passes
everything else on; what random functions do to keys is in `primitives/random.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from verify.algebras.around import Around
from verify.algebras.base import Algebra, Unsupported, V, Value, itself
from verify.dtypes import DType
from verify.programs import GENERATORS


def is_key(dtype: DType) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


def generator(dtype: DType) -> tuple[str, int]:
    """The name of the generator of a key dtype, and the words of a key."""
    if str(dtype) not in GENERATORS:
        raise Unsupported(f"random keys of type {dtype}")
    return GENERATORS[str(dtype)]


@dataclass(frozen=True, eq=False)
class Keys:
    """An array of keys; `bits` (*shape, words) is a uint32 value of some algebra."""

    bits: Value
    dtype: DType

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.bits.shape[:-1])

    @property
    def concrete(self) -> np.ndarray | None:
        if self.bits.concrete is None:
            return None
        name, _ = generator(self.dtype)
        return jax.random.wrap_key_data(jnp.asarray(self.bits.concrete), impl=name)


def _bits(x: Value) -> Value:
    assert isinstance(x, Keys)
    return x.bits


def keys_of(bits: V, dtype: DType) -> V:
    """The keys that have these bits, as a value of the algebra around."""
    return cast(V, Keys(bits, dtype))


def bits_of(keys: V) -> V:
    return cast(V, itself(keys, Keys).bits)


class KeyAlgebra(Around[Algebra[Value]]):
    """The inner algebra, which can also move arrays of keys."""

    own = (Keys,)

    def __init__(self, inner: Algebra[Value]) -> None:
        self.inner = inner

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Value:
        if not is_key(array.dtype):
            return self.inner.lift(array, dtype)
        return Keys(self.inner.lift(np.asarray(jax.random.key_data(array))), array.dtype)

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        if not isinstance(x, Keys):
            return self.inner.reshape(x, shape)
        return Keys(self.inner.reshape(x.bits, (*shape, x.bits.shape[-1])), x.dtype)

    def pick(self, operands: Sequence[Value], index: np.ndarray) -> Value:
        if not isinstance(operands[0], Keys):
            return self.inner.pick(operands, index)
        words = operands[0].bits.shape[-1]
        wide = np.asarray(index)[..., None] * words + np.arange(words)
        return Keys(self.inner.pick([_bits(x) for x in operands], wide), operands[0].dtype)

    def compare(self, op: str, a: Value, b: Value) -> Value:
        """Of keys eq and ne: all of their words, or any of them."""
        if not isinstance(a, Keys) or not isinstance(b, Keys):
            return self.inner.compare(op, a, b)
        words = a.bits.shape[-1]
        each = self.inner.compare(op, a.bits, b.bits)
        index = np.arange(int(np.prod(each.shape))).reshape(each.shape)
        join = self.inner.logical_and if op == "eq" else self.inner.logical_or
        result = self.inner.pick([each], index[..., 0])
        for word in range(1, words):
            result = join(result, self.inner.pick([each], index[..., word]))
        return result

    def select(self, which: Value, cases: Sequence[Value]) -> Value:
        if not isinstance(cases[0], Keys):
            return self.inner.select(which, cases)
        shape = _bits(cases[0]).shape
        index = np.arange(int(np.prod(shape[:-1]))).reshape(*shape[:-1], 1)
        wide = self.inner.pick([which], np.broadcast_to(index, shape))
        return Keys(self.inner.select(wide, [_bits(case) for case in cases]), cases[0].dtype)

    # -- what is never done to keys --------------------------------------------------------------

    def neg(self, a: Value) -> Value:
        return self.inner.neg(a)

    def add(self, a: Value, b: Value) -> Value:
        return self.inner.add(a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self.inner.sub(a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self.inner.mul(a, b)

    def div(self, a: Value, b: Value) -> Value:
        return self.inner.div(a, b)

    def dot(self, a: Value, b: Value) -> Value:
        return self.inner.dot(a, b)

    def sum(self, x: Value) -> Value:
        return self.inner.sum(x)

    def prod(self, x: Value) -> Value:
        return self.inner.prod(x)

    def maximum(self, a: Value, b: Value) -> Value:
        return self.inner.maximum(a, b)

    def max(self, x: Value) -> Value:
        return self.inner.max(x)

    def winner(self, x: Value, *, last: bool = False) -> Value:
        return self.inner.winner(x, last=last)

    def cast(self, x: Value, dtype: DType) -> Value:
        return self.inner.cast(x, dtype)

    def function(
        self,
        name: str,
        args: Sequence[Value],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Value:
        return self.inner.function(name, args, shape, dtype, params)
