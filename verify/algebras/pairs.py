"""Complex values as rules have them: the algebra at hand is one of pairs wherever an equation has a
complex dtype (`complex.py`, `extended.py`)."""

from __future__ import annotations

from typing import cast

from verify.algebras.base import Algebra, Unsupported, V, itself
from verify.algebras.complex import Complex, Pair
from verify.dtypes import DType


def of_pairs(algebra: Algebra[V]) -> Complex:
    found: object = algebra
    if not isinstance(found, Complex):
        raise Unsupported("complex numbers in this algebra")
    return found


def conj(algebra: Algebra[V], x: V) -> V:
    return cast(V, of_pairs(algebra).conj(itself(x, Pair)))


def absolute(algebra: Algebra[V], x: V) -> V:
    return cast(V, of_pairs(algebra).absolute(itself(x, Pair)))


def as_complex(algebra: Algebra[V], x: V, dtype: DType) -> V:
    return cast(V, of_pairs(algebra).pair(x, dtype))


def joined(algebra: Algebra[V], re: V, im: V, dtype: DType) -> V:
    return cast(V, Pair(re, im, dtype))


def divided(x: V) -> tuple[V, V]:
    """The real and the imaginary part."""
    pair = itself(x, Pair)
    return cast(V, pair.re), cast(V, pair.im)
