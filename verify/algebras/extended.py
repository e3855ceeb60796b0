"""Values that are made of other values: complex numbers, random keys, one value a device.

`over(algebra, dtypes)` is the algebra that evaluates an equation of these dtypes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import cast

import numpy as np

from verify.algebras.base import Algebra, Kind, Unsupported, V, Value, itself
from verify.algebras.complex import Complex, Pair, is_complex, real_dtype
from verify.algebras.guarded import Guarded, Guards
from verify.algebras.guarded.value import Compared
from verify.algebras.keys import KeyAlgebra, Keys, generator, is_key
from verify.algebras.mesh import Mesh, Sharded
from verify.dtypes import DType, is_kind
from verify.programs import is_mutable


def over(algebra: Algebra[V], dtypes: Iterable[DType]) -> Algebra[Value]:
    """The algebra, with what it takes for complex numbers and random keys around it."""
    return _over(anything(algebra), tuple(dtypes))


def anything(algebra: Algebra[V]) -> Algebra[Value]:
    """The same algebra, of whose values nothing is said: a rule gives it none but its own."""
    return cast(Algebra[Value], algebra)


def _over(algebra: Algebra[Value], dtypes: tuple[DType, ...]) -> Algebra[Value]:
    has_complex, has_keys = _kinds(dtypes)
    if not has_complex and not has_keys:
        return algebra
    if isinstance(algebra, Mesh):
        inner = _over(algebra.inner, dtypes)
        return algebra if inner is algebra.inner else algebra.over(inner)
    if has_complex:
        algebra = Complex(algebra)
    return KeyAlgebra(algebra) if has_keys else algebra


@functools.lru_cache(maxsize=4096)
def _kinds(dtypes: tuple[DType, ...]) -> tuple[bool, bool]:
    return any(map(is_complex, dtypes)), any(map(is_key, dtypes))


def plain(algebra: Algebra[V]) -> Algebra[Value]:
    """The algebra without what `over` put around it."""
    if isinstance(algebra, Mesh):
        return algebra.over(plain(algebra.inner))
    if isinstance(algebra, Complex | KeyAlgebra):
        return plain(algebra.inner)
    return plain(algebra.inner) if isinstance(algebra, Guards) else anything(algebra)


def of_devices(algebra: Algebra[V]) -> Algebra[Value]:
    """The algebra of one device's values: without complex numbers and keys, which are put around
    all of them, and with what it knows of infinities."""
    if isinstance(algebra, Complex | KeyAlgebra):
        return of_devices(algebra.inner)
    return anything(algebra)


def lift(algebra: Algebra[V], array: np.ndarray, dtype: DType | None = None) -> Value:
    """A constant of any dtype: an array of numbers, or of typed keys."""
    if is_mutable(array):
        raise Unsupported("a mutable array, jax.new_ref")
    return over(algebra, [array.dtype if dtype is None else dtype]).lift(array, dtype)


def literal(algebra: Algebra[V], array: np.ndarray) -> Value:
    """A constant of the program itself: in some algebras (`constants/balls.py`) a float literal is
    any number that rounds to it."""
    if is_mutable(array) or not is_kind(array.dtype, np.inexact):
        return lift(algebra, array)
    if not is_complex(array.dtype):
        found = algebra.literal(array)
        return lift(algebra, array) if found is None else found
    # (A contiguous array of a scalar would have an axis.)
    re, im = (algebra.literal(np.array(part)) for part in (array.real, array.imag))
    if re is None or im is None:
        return lift(algebra, array)
    return Pair(re, im, np.dtype(array.dtype))


def fresh(
    make: Callable[[tuple[int, ...], DType], Value], shape: tuple[int, ...], dtype: DType
) -> Value:
    """A program input of any dtype, out of `make(shape, dtype)` for the inputs that are real
    numbers or integers: two of them for complex numbers, an array of words for keys."""
    if is_complex(dtype):
        part = real_dtype(dtype)
        return Pair(make(shape, part), make(shape, part), np.dtype(dtype))
    if is_key(dtype):
        return Keys(make((*shape, generator(dtype)[1]), np.dtype(np.uint32)), dtype)
    return make(shape, dtype)


def parts(value: Value) -> list[Value]:
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


def parts_of(value: Value, kind: type[Kind]) -> list[Kind]:
    """The parts of a value of an algebra whose values are of this class."""
    return [itself(part, kind) for part in parts(value)]
