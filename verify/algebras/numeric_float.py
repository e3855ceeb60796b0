"""Float arithmetic with certified errors: sums, products, quotients and dot products.

Elementwise results come with their rounding error computed exactly (error-free transformations:
Knuth's two-sum, Dekker's two-product), so that whatever happens to be exact is known to be. Sums of
n terms have the bound gamma_n = n u / (1 - n u) times the sum of magnitudes, for any order of
summation, unless the terms lie on a grid that keeps every partial sum within 53 bits.

Sources: T. J. Dekker, "A floating-point technique for extending the available precision" (1971);
D. E. Knuth, The Art of Computer Programming 2, section 4.2.2; N. J. Higham, Accuracy and Stability
of Numerical Algorithms (2002), section 3.1.
"""

from __future__ import annotations

import numpy as np

from verify.algebras.numeric_value import MORE, TINY, UNIT, Bounded, exact_sum, make
from verify.algebras.products import matmul


def neg(a: Bounded) -> Bounded:
    return Bounded(-a.value, a.error, a.dtype)


def add(a: Bounded, b: Bounded) -> Bounded:
    with np.errstate(all="ignore"):
        value = a.value + b.value
        rest = value - a.value
        rounding = np.abs((a.value - (value - rest)) + (b.value - rest))
        error = plus(rounding, a.error, b.error)
        return make(*_infinite(value, error, a, b), a.dtype)


def mul(a: Bounded, b: Bounded) -> Bounded:
    with np.errstate(all="ignore"):
        value = a.value * b.value
        error = product_rounding(a.value, b.value, value)
        if a.error is not None:
            error = plus(error, times(a.error, np.abs(b.value)))
        if b.error is not None:
            error = plus(error, times(b.error, np.abs(a.value)))
        if a.error is not None and b.error is not None:
            error = plus(error, times(a.error, b.error))
        value, error = _infinite(value, error, a, b)
        # infinity times a number that may be zero
        infinite = np.isinf(value)
        if infinite.any():
            unsure = (np.abs(a.value) <= a.errors) | (np.abs(b.value) <= b.errors)
            value = np.where(infinite & unsure, np.nan, value)
        return make(value, error, a.dtype)


def div(a: Bounded, b: Bounded) -> Bounded:
    """NaN where b may be zero: |a/b - A/B| <= (ea + |a/b| eb) / (|b| - eb)."""
    with np.errstate(all="ignore"):
        value = a.value / b.value
        back = value * b.value
        exact = (back == a.value) & (product_rounding(value, b.value, back) == 0)
        error = np.where(exact, 0.0, np.abs(value) * (2 * UNIT) + TINY)
        if a.error is not None or b.error is not None:
            away = (np.abs(b.value) - b.errors) / MORE
            quotient = np.where(a.value == 0, 0.0, np.abs(value) + TINY)
            spread = plus(a.errors, times(quotient, b.errors))
            error = plus(error, np.where(spread == 0, 0.0, spread / away * MORE + TINY))
            value = np.where(away > 0, value, np.nan)
        value = np.where(b.value == 0, np.nan, value)
        value, error = _infinite(value, error, a, b)
        zero = np.isinf(b.value) & np.isfinite(a.value)
        return make(np.where(zero, 0.0, value), np.where(zero, 0.0, error), a.dtype)


def _infinite(
    value: np.ndarray, error: np.ndarray, a: Bounded, b: Bounded
) -> tuple[np.ndarray, np.ndarray]:
    """Infinite results are exact where an operand is infinite, and an overflow elsewhere."""
    if np.isfinite(value).all():
        return value, error
    infinite = np.isinf(value)
    own = np.isinf(a.value) | np.isinf(b.value)
    return np.where(infinite & ~own, np.nan, value), np.where(infinite & own, 0.0, error)


def plus(*bounds: np.ndarray | None) -> np.ndarray:
    """A sum of error bounds, rounded up."""
    present = [bound for bound in bounds if bound is not None]
    total = present[0]
    for bound in present[1:]:
        total = (total + bound) * MORE
    return total


def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A product of non-negative bounds, rounded up; zero where a factor is zero."""
    with np.errstate(all="ignore"):
        product = a * b * MORE
    small = product < TINY
    if small.any():
        product = np.where(small & (a != 0) & (b != 0), TINY, product)
    return product


def product_rounding(a: np.ndarray, b: np.ndarray, product: np.ndarray) -> np.ndarray:
    """|fl(a b) - a b|: exactly by Dekker, or a bound on it near overflow and underflow."""
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    exact = np.abs(((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low)
    magnitude = np.abs(product)
    unsafe = ~(magnitude > 2.0**-900) | ~np.isfinite(exact)
    if unsafe.any():
        zero = (a == 0) | (b == 0)
        coarse = np.where(zero & np.isfinite(product), 0.0, magnitude * UNIT * MORE + TINY)
        exact = np.where(unsafe, coarse, exact)
    return exact


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x = high + low with 26 bits each."""
    scaled = x * 134217729.0  # 2**27 + 1
    high = scaled - (scaled - x)
    return high, x - high


def sum_last(x: Bounded) -> Bounded:
    """Over the last axis."""
    terms = x.shape[-1]
    if terms == 0:
        return Bounded(np.zeros(x.shape[:-1]), None, x.dtype)
    with np.errstate(all="ignore"):
        infinite = ~np.isfinite(x.value)
        if infinite.any():
            return _infinite_sum(x, infinite)
        value = x.value.sum(axis=-1)
        grid = x.grid
        exact: np.ndarray = np.zeros((), np.bool_)
        if grid is not None:
            exact = exact_sum(grid.fraction, terms * grid.top)
        if terms == 1:
            exact = np.ones((), np.bool_)
        if exact.all():
            rounding = np.zeros(value.shape)
        else:
            magnitude = np.abs(x.value).sum(axis=-1)
            rounding = times(magnitude * (1 + gamma(terms)), np.asarray(gamma(terms)))
            if grid is not None:
                rounding = np.where(exact_sum(grid.fraction, magnitude), 0.0, rounding)
        if x.error is not None:
            rounding = plus(rounding, x.error.sum(axis=-1) * (1 + gamma(terms)))
        return make(np.where(np.isfinite(value), value, np.nan), rounding, x.dtype)


def _infinite_sum(x: Bounded, infinite: np.ndarray) -> Bounded:
    finite = sum_last(
        Bounded(
            np.where(infinite, 0.0, x.value),
            None if x.error is None else np.where(infinite, 0.0, x.error),
            x.dtype,
        )
    )
    special = np.where(infinite, x.value, 0.0).sum(axis=-1)  # inf, -inf or NaN
    hit = infinite.any(axis=-1)
    return make(np.where(hit, special, finite.value), np.where(hit, 0.0, finite.errors), x.dtype)


def gamma(n: int) -> float:
    """Higham's gamma_n, rounded up."""
    return n * UNIT / (1 - n * UNIT) * MORE


def dot(a: Bounded, b: Bounded) -> Bounded:
    """(B, M, K) x (B, K, N) -> (B, M, N); NaN where an infinite number or NaN takes part."""
    terms = a.shape[-1]
    with np.errstate(all="ignore"):
        lost_a, lost_b = ~np.isfinite(a.value), ~np.isfinite(b.value)
        if lost_a.any() or lost_b.any():
            clean = dot(_cleaned(a, lost_a), _cleaned(b, lost_b))
            lost = lost_a.any(axis=-1)[:, :, None] | lost_b.any(axis=-2)[:, None, :]
            return make(np.where(lost, np.nan, clean.value), clean.error, a.dtype)
        value = matmul(a.value, b.value)
        if terms == 0:
            return Bounded(value, None, a.dtype)
        one, two = a.grid, b.grid
        fraction = None if one is None or two is None else one.fraction + two.fraction
        if one is not None and two is not None and a.error is None and b.error is None:
            assert fraction is not None
            if exact_sum(fraction, terms * one.top * two.top):
                return Bounded(value, None, a.dtype)
        left, right = np.abs(a.value), np.abs(b.value)
        grow = 1 + gamma(terms + 4)  # for the rounding of the bounds' own sums
        magnitude = matmul(left, right) * grow
        error = magnitude * gamma(terms) * MORE
        error += _underflow(left, right, terms)
        if fraction is not None:
            error = np.where(exact_sum(fraction, magnitude), 0.0, error)
        if b.error is not None:
            error = plus(error, _propagated(left, b.error, terms) * grow)
        if a.error is not None:
            other = right if b.error is None else plus(right, b.error)
            error = plus(error, _propagated(a.error, other, terms) * grow)
        return make(np.where(np.isfinite(value), value, np.nan), error, a.dtype)


def _cleaned(x: Bounded, lost: np.ndarray) -> Bounded:
    error = None if x.error is None else np.where(lost, 0.0, x.error)
    return Bounded(np.where(lost, 0.0, x.value), error, x.dtype)


def _propagated(a: np.ndarray, b: np.ndarray, terms: int) -> np.ndarray:
    return matmul(a, b) + _underflow(a, b, terms)


def _underflow(a: np.ndarray, b: np.ndarray, terms: int) -> float:
    """What the products of a dot product may lose to underflow: 0 if none comes near it."""
    least = np.min(a, initial=np.inf, where=a > 0) * np.min(b, initial=np.inf, where=b > 0)
    return 0.0 if least > 2.0**-900 else terms * TINY
