"""Products and quotients where a factor may be infinite, and quotients by what may be zero.

An infinity times a number has the sign of both; times zero it is NaN. A number over an infinity is
zero. In a trial that decides every choice (`patterns.py`) a divisor may be zero in some branch:
zero over zero is NaN there, another number over zero an infinity of a sign that reals do not know.
"""

from __future__ import annotations

import numpy as np

from verify.algebras.field.value import FieldArray
from verify.algebras.guarded.protocol import Domain
from verify.algebras.guarded.value import Guard, Guarded, Number, is_finite


def mul(domain: Domain, a: Guarded, b: Guarded) -> Number:
    logic = domain.logic
    number = domain.inner.mul(a.number, b.number)
    infinite = logic.either(a.low, a.high, b.low, b.high)
    void = logic.either(a.void, b.void)
    if infinite is None:
        return domain.made(number, None, None, void, a.nan and b.nan)
    (a_up, a_down, a_zero), (b_up, b_down, b_zero) = _signs(domain, a, b), _signs(domain, b, a)
    void = logic.either(void, logic.both(infinite, logic.either(a_zero, b_zero)))
    same = logic.either(logic.both(a_up, b_up), logic.both(a_down, b_down))
    other = logic.either(logic.both(a_up, b_down), logic.both(a_down, b_up))
    high, low = (logic.but(logic.both(infinite, sign), void) for sign in (same, other))
    return domain.made(number, low, high, void, a.nan and b.nan)


def _signs(domain: Domain, x: Guarded, other: Guarded) -> tuple[Guard, Guard, Guard]:
    """Where x is above zero, below, and zero; None for never. Where nothing that it meets is
    infinite, its infinities' signs are all that is asked for."""
    logic, state = domain.logic, domain.inner
    numeric = logic.none_of(x.guards, x.shape)
    if logic.either(other.low, other.high) is None:
        return x.high, x.low, None
    if x.number.concrete is not None:
        known = x.number.concrete
        up, down, zero = (state.lift(np.asarray(k)) for k in (known > 0, known < 0, known == 0))
    else:
        nothing = state.lift(np.zeros(x.shape), x.dtype)
        zero = state.compare("eq", x.number, nothing)
        up = state.compare("gt", x.number, nothing)
        up = state.logical_and(up, state.logical_not(zero))
        down = state.logical_not(state.logical_or(up, zero))
    above, below, at_zero = (logic.both(numeric, sign) for sign in (up, down, zero))
    return logic.either(above, x.high), logic.either(below, x.low), at_zero


def div(domain: Domain, over: Number, by: Number) -> Number:
    state, logic = domain.inner, domain.logic
    zero: Guard = None
    if isinstance(by, Guarded):
        zero = logic.both(state.zeros(by.number), logic.none_of(by.guards, by.shape))
    elif by.concrete is None and is_finite(by):
        zero = logic.kept(state.zeros(by))
    if zero is None and is_finite(over) and is_finite(by):
        return state.div(over, by)
    a, b = domain.open(over), domain.open(by)
    infinite = logic.either(b.low, b.high)
    safe = _where(domain, logic.either(zero, b.void, infinite), b.number, 1.0)
    inverse = state.div(state.lift(np.ones(b.shape), b.dtype), safe)
    inverse = _where(domain, infinite, inverse, 0.0)
    nan = b.nan
    if zero is not None:
        nan = nan and a.guards == (None, None, None) and _within(zero, state.zeros(a.number))
        state.assume("no division by zero")
        state.partial = True
    if infinite is not None and logic.either(a.low, a.high) is not None:
        both = logic.both(infinite, logic.either(a.low, a.high))
        void = logic.either(b.void, zero, both)
    else:
        void = logic.either(b.void, zero)
    if a.guards == (None, None, None):
        return domain.made(state.mul(a.number, inverse), None, None, void, nan)
    return _quotient(domain, a, b, inverse, void, nan)


def _quotient(
    domain: Domain, a: Guarded, b: Guarded, inverse: FieldArray, void: Guard, nan: bool
) -> Number:
    """a times the inverse, where a may be infinite: an infinity over a number is one."""
    logic, state = domain.logic, domain.inner
    void = logic.either(a.void, void)
    number = state.mul(a.number, inverse)
    if logic.either(a.low, a.high) is None:
        return domain.made(number, None, None, void, nan and a.nan)
    up, down, _ = _signs(domain, b, a)
    high = logic.either(logic.both(a.high, up), logic.both(a.low, down))
    low = logic.either(logic.both(a.high, down), logic.both(a.low, up))
    high, low = logic.but(high, void), logic.but(low, void)
    return domain.made(number, low, high, void, nan and a.nan)


def _where(domain: Domain, guard: Guard, number: FieldArray, other: float) -> FieldArray:
    """The other number where the guard is true."""
    if guard is None:
        return number
    state = domain.inner
    return state.select(guard, [number, state.lift(np.full(number.shape, other), number.dtype)])


def _within(one: FieldArray, other: Guard) -> bool:
    """Whether one is true in no row in which the other is not."""
    if other is None:
        return False
    return not ((one.rows == 1) & (other.rows == 0)).any()


def dot(domain: Domain, a: Guarded, b: Guarded) -> Number:
    """(B, M, K) x (B, K, N), product by product."""
    (batch, rows, terms), columns = a.shape, b.shape[-1]
    shape = (batch, rows, columns, terms)
    left = np.arange(batch * rows * terms).reshape(batch, rows, 1, terms)
    right = np.arange(batch * terms * columns).reshape(batch, 1, terms, columns).swapaxes(2, 3)
    one = domain.pick([a], np.broadcast_to(left, shape))
    two = domain.pick([b], np.broadcast_to(right, shape))
    return domain.sum(domain.mul(one, two))
