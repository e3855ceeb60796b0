"""exp, log and sqrt of what may be infinite, and log of what may be zero in some branch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field.value import FieldArray
from verify.algebras.guarded.protocol import Domain
from verify.algebras.guarded.value import Guard, Guarded, Number, is_finite, unguarded
from verify.dtypes import DType


def apply(
    domain: Domain,
    name: str,
    args: Sequence[Number],
    shape: tuple[int, ...],
    dtype: DType,
    params: object,
) -> Number:
    if name == "log":
        return _log(domain, args[0], dtype)
    if not any(isinstance(a, Guarded) for a in args):
        plain = [unguarded(name, a) for a in args]
        return domain.inner.function(name, plain, shape, dtype, params)
    if name == "exp":
        return _exp(domain, domain.open(args[0]), dtype)
    if name == "sqrt":
        return _sqrt(domain, domain.open(args[0]), dtype)
    raise Unsupported(f"{name} of what may be infinite")


def _of(domain: Domain, name: str, x: FieldArray, dtype: DType) -> FieldArray:
    found: FieldArray = domain.inner.function(name, [x], x.shape, dtype)
    return found


def _filled(domain: Domain, number: FieldArray, guard: Guard, value: float) -> FieldArray:
    if guard is None:
        return number
    state = domain.inner
    return state.select(guard, [number, state.lift(np.full(number.shape, value), number.dtype)])


def _exp(domain: Domain, x: Guarded, dtype: DType) -> Number:
    """Zero at minus infinity."""
    number = _filled(domain, _of(domain, "exp", x.number, dtype), x.low, 0.0)
    return domain.made(number, None, x.high, x.void, x.nan)


def _log(domain: Domain, x: Number, dtype: DType) -> Number:
    """Minus infinity at zero, which is one branch's business: elsewhere the logarithm of what is
    not known to be zero has a value, as the residues assume."""
    zero: Guard = None
    if not isinstance(x, Guarded):
        if x.concrete is not None or not is_finite(x):
            return _of(domain, "log", x, dtype)
        zero = domain.logic.kept(domain.inner.zeros(x))
        if zero is None:
            return _of(domain, "log", x, dtype)
    x, logic = domain.open(x), domain.logic
    if zero is None:
        zero = logic.both(domain.inner.zeros(x.number), logic.none_of(x.guards, x.shape))
    without = logic.either(zero, *x.guards)
    filled = _filled(domain, x.number, without, 1.0)
    if (filled.rows == 1).all():  # of a mask: log 1 = 0
        nothing = domain.inner.lift(np.zeros(x.shape), dtype)
        number = domain.inner.beside(nothing, filled)
    else:
        number = _of(domain, "log", filled, dtype)
    void = logic.either(x.void, x.low)
    return domain.made(number, zero, x.high, void, x.nan)


def _sqrt(domain: Domain, x: Guarded, dtype: DType) -> Number:
    number = _filled(domain, x.number, domain.logic.either(*x.guards), 1.0)
    void = domain.logic.either(x.void, x.low)
    return domain.made(_of(domain, "sqrt", number, dtype), None, x.high, void, x.nan)
