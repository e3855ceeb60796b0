"""Arrays of typed random keys: their bits, with one more axis at the end.

`KeyAlgebra(inner)` moves keys about (slices, reshapes, choices) by moving their bits, and passes
everything else on; what random functions do to keys is in `primitives/random.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Unsupported
from verify.programs import GENERATORS


def is_key(dtype: Any) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


def generator(dtype: Any) -> tuple[str, int]:
    """The name of the generator of a key dtype, and the words of a key."""
    if str(dtype) not in GENERATORS:
        raise Unsupported(f"random keys of type {dtype}")
    return GENERATORS[str(dtype)]


@dataclass(frozen=True, eq=False)
class Keys:
    """An array of keys; `bits` (*shape, words) is a uint32 value of some algebra."""

    bits: Any
    dtype: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.bits.shape[:-1])

    @property
    def concrete(self) -> Any:
        if self.bits.concrete is None:
            return None
        name, _ = generator(self.dtype)
        return jax.random.wrap_key_data(jnp.asarray(self.bits.concrete), impl=name)


class KeyAlgebra:
    """The inner algebra, which can also move arrays of keys."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def lift(self, array: Any, dtype: Any = None) -> Any:
        if not is_key(array.dtype):
            return self.inner.lift(array, dtype)
        return Keys(self.inner.lift(np.asarray(jax.random.key_data(array))), array.dtype)

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
        if not isinstance(x, Keys):
            return self.inner.reshape(x, shape)
        return Keys(self.inner.reshape(x.bits, (*shape, x.bits.shape[-1])), x.dtype)

    def pick(self, operands: Sequence[Any], index: np.ndarray) -> Any:
        if not isinstance(operands[0], Keys):
            return self.inner.pick(operands, index)
        words = operands[0].bits.shape[-1]
        wide = np.asarray(index)[..., None] * words + np.arange(words)
        return Keys(self.inner.pick([x.bits for x in operands], wide), operands[0].dtype)

    def compare(self, op: str, a: Any, b: Any) -> Any:
        """Of keys eq and ne: all of their words, or any of them."""
        if not isinstance(a, Keys):
            return self.inner.compare(op, a, b)
        words = a.bits.shape[-1]
        each = self.inner.compare(op, a.bits, b.bits)
        index = np.arange(int(np.prod(each.shape))).reshape(each.shape)
        join = self.inner.logical_and if op == "eq" else self.inner.logical_or
        result = self.inner.pick([each], index[..., 0])
        for word in range(1, words):
            result = join(result, self.inner.pick([each], index[..., word]))
        return result

    def select(self, which: Any, cases: Sequence[Any]) -> Any:
        if not isinstance(cases[0], Keys):
            return self.inner.select(which, cases)
        shape = cases[0].bits.shape
        index = np.arange(int(np.prod(shape[:-1]))).reshape(*shape[:-1], 1)
        wide = self.inner.pick([which], np.broadcast_to(index, shape))
        return Keys(self.inner.select(wide, [case.bits for case in cases]), cases[0].dtype)
