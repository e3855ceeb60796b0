"""Truth values are no numbers: what XLA makes of arithmetic on them, for every domain at once.

`@boolean_cases` on the class of a domain (`base.Algebra`) guards each of its numeric operations:
one that is reached with truth values means what XLA computes,

    add, maximum, sum, max   or          mul, prod   and          dot   or of ands

or it refuses. So no rule can forget the case, and no domain can mistake `True + True` for 2.
(`minimum` is made of `order.reverse`, which has its own case: not.)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from verify.algebras.base import Algebra, Unsupported, V, Value

Class = TypeVar("Class", bound=type)


def _or(algebra: Algebra[V], a: V, b: V) -> V:
    return algebra.logical_or(a, b)


def _and(algebra: Algebra[V], a: V, b: V) -> V:
    return algebra.logical_and(a, b)


def _any(algebra: Algebra[V], x: V) -> V:
    return _folded(algebra, algebra.logical_or, x, False)


def _all(algebra: Algebra[V], x: V) -> V:
    return _folded(algebra, algebra.logical_and, x, True)


def _dot(algebra: Algebra[V], a: V, b: V) -> V:
    """(B, M, K), (B, K, N): whether for some k both hold."""
    (batch, rows, terms), columns = a.shape, b.shape[-1]
    shape = (batch, rows, columns, terms)
    left = np.arange(batch * rows * terms).reshape(batch, rows, 1, terms)
    right = np.arange(batch * terms * columns).reshape(batch, 1, terms, columns).swapaxes(2, 3)
    return _any(
        algebra,
        algebra.logical_and(
            algebra.pick([a], np.broadcast_to(left, shape)),
            algebra.pick([b], np.broadcast_to(right, shape)),
        ),
    )


def _folded(algebra: Algebra[V], join: Callable[[V, V], V], x: V, nothing: bool) -> V:
    """Over the last axis, in pairs (as `monoids.fold` does it: the same terms)."""
    lead = tuple(x.shape[:-1])
    if x.shape[-1] == 0:
        return algebra.lift(np.full(lead, nothing))
    while x.shape[-1] > 1:
        size = x.shape[-1]
        index = np.arange(int(np.prod(x.shape))).reshape(x.shape)
        even = 2 * (size // 2)
        joined = join(
            algebra.pick([x], index[..., 0:even:2]), algebra.pick([x], index[..., 1:even:2])
        )
        if size % 2:
            places = np.arange(int(np.prod(joined.shape))).reshape(joined.shape)
            rest = int(np.prod(joined.shape)) + index[..., -1:]
            x = algebra.pick([joined, x], np.concatenate([places, rest], axis=-1))
        else:
            x = joined
    return algebra.reshape(x, lead)


_MEANING: dict[str, Callable[..., Value]] = {
    **{"add": _or, "maximum": _or, "mul": _and},
    **{"sum": _any, "max": _any, "prod": _all, "dot": _dot},
}
_REFUSED = ("neg", "sub", "div", "winner")


def boolean_cases(domain: Class) -> Class:
    """Guards the numeric operations of a domain's class; see the module's text."""
    for name in (*_MEANING, *_REFUSED):
        setattr(domain, name, _guarded(name, getattr(domain, name)))
    return domain


def _guarded(name: str, numeric: Callable[..., Value]) -> Callable[..., Value]:
    meaning = _MEANING.get(name)

    @functools.wraps(numeric)
    def operation(self: Algebra[Value], first: Value, *rest: Value, **options: bool) -> Value:
        truths = [x.dtype == np.bool_ for x in (first, *rest)]
        if not any(truths):
            return numeric(self, first, *rest, **options)
        if not all(truths):
            raise Unsupported(f"{name} of a truth value and a number")
        if meaning is None:
            raise Unsupported(f"{name} of truth values")
        return meaning(self, first, *rest, **options)

    return operation
