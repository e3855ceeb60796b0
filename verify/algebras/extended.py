"""Values that are made of other values: complex numbers, random keys, one value a device.

`over(algebra, dtypes)` is the algebra that evaluates an equation of these dtypes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.complex import Complex, Pair, is_complex, real_dtype
from verify.algebras.guarded import Guarded, Guards
from verify.algebras.guarded.value import Compared
from verify.algebras.keys import KeyAlgebra, Keys, generator, is_key
from verify.algebras.mesh import Mesh, Sharded
from verify.dtypes import is_kind
from verify.programs import is_mutable


def over(algebra: Any, dtypes: Iterable[Any]) -> Any:
    """The algebra, with what it takes for complex numbers and random keys around it."""
    dtypes = tuple(dtypes)
    has_complex, has_keys = _kinds(dtypes)
    if not has_complex and not has_keys:
        return algebra
    if isinstance(algebra, Mesh):
        inner = over(algebra.inner, dtypes)
        return algebra if inner is algebra.inner else algebra.over(inner)
    if has_complex:
        algebra = Complex(algebra)
    return KeyAlgebra(algebra) if has_keys else algebra


@functools.lru_cache(maxsize=4096)
def _kinds(dtypes: tuple[Any, ...]) -> tuple[bool, bool]:
    return any(map(is_complex, dtypes)), any(map(is_key, dtypes))


def plain(algebra: Any) -> Any:
    """The algebra without what `over` put around it."""
    if isinstance(algebra, Mesh):
        return algebra.over(plain(algebra.inner))
    wrapped = isinstance(algebra, Complex | KeyAlgebra | Guards)
    return plain(algebra.inner) if wrapped else algebra


def lift(algebra: Any, array: Any, dtype: Any = None) -> Any:
    """A constant of any dtype: an array of numbers, or of typed keys."""
    if is_mutable(array):
        raise Unsupported("a mutable array, jax.new_ref")
    return over(algebra, [array.dtype if dtype is None else dtype]).lift(array, dtype)


def literal(algebra: Any, array: Any) -> Any:
    """A constant of the program itself: in some algebras (`constants/balls.py`) a float literal is
    any number that rounds to it."""
    own = getattr(algebra, "literal", None)
    if own is None or is_mutable(array) or not is_kind(array.dtype, np.inexact):
        return lift(algebra, array)
    if not is_complex(array.dtype):
        return own(array)
    re, im = (own(np.ascontiguousarray(part)) for part in (array.real, array.imag))
    return Pair(re, im, np.dtype(array.dtype))


def fresh(make: Callable[[tuple[int, ...], Any], Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """A program input of any dtype, out of `make(shape, dtype)` for the inputs that are real
    numbers or integers: two of them for complex numbers, an array of words for keys."""
    if is_complex(dtype):
        part = real_dtype(dtype)
        return Pair(make(shape, part), make(shape, part), np.dtype(dtype))
    if is_key(dtype):
        return Keys(make((*shape, generator(dtype)[1]), np.dtype(np.uint32)), dtype)
    return make(shape, dtype)


def parts(value: Any) -> list[Any]:
    """The values of the inner algebra that a value is made of: what to compare, or to show.

    A real value is its own only part; a complex one has two; an array of keys is its bits; a value
    on several devices has those of each.
    """
    if isinstance(value, Sharded):
        return [part for one in value.parts for part in parts(one)]
    if isinstance(value, Pair):
        return [part for one in (value.re, value.im) for part in parts(one)]
    if isinstance(value, Guarded | Compared):
        return list(value.parts)
    return [value.bits] if isinstance(value, Keys) else [value]
