"""Sums, products, quotients, casts and logic of residues."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Unsupported
from verify.algebras.field import residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws import LAWS, concerned
from verify.algebras.field.laws.cosines import Cosines
from verify.algebras.field.laws.logarithms import LOGARITHMS
from verify.algebras.field.laws.quotients import QUOTIENTS
from verify.algebras.field.movement import as_maximum, finite
from verify.algebras.field.state import State
from verify.algebras.field.value import (
    FieldArray,
    Mask,
    Pending,
    Unlucky,
    all_one,
    all_zero,
    numpy_kind,
)
from verify.dtypes import is_kind, is_real

_FACTORS = 4096  # elements of products that remember what they are products of


def neg(field: State, a: FieldArray) -> FieldArray:
    if a.concrete is not None and is_kind(a.concrete.dtype, np.floating):
        return field.lift(-a.concrete, a.dtype)
    y = FieldArray(field, a.shape, a.dtype, a.growth, bounds=machine.negated(a.bounds))
    if a.concrete is not None:  # an integer: its expression may lie beyond its dtype
        y._rows = residues.reduce(-a.rows, field.m)
    if a.pending is not None:
        y._pending = Pending(a.pending.rows, a.pending.present, -a.pending.sign, a.pending.analytic)
    elif a._rows is not None:
        y._rows = residues.reduce(-a._rows, field.m)
    for law in concerned(a):
        law.know(y, law.negated(field, a))
    return y


def add(field: State, a: FieldArray, b: FieldArray) -> FieldArray:
    growth, bounds = a.growth.plus(b.growth), machine.plus(a.bounds, b.bounds)
    for x, t in ((a, b), (b, a)):
        if x.concrete is not None and all_zero(x.concrete):
            return t
    known = a.nonnegative and b.nonnegative and is_real(a.dtype)
    positive = known and (a.positive or b.positive)
    a, b = as_maximum(field, a), as_maximum(field, b)
    y = None
    for x, t in ((a, b), (b, a)):
        # max(s) + t = max(s + t): stay undecided, and let infinities absorb finite terms.
        p = x.pending if x.undecided else None
        logarithm = LOGARITHMS.of(t)
        if p is not None and logarithm is not None and logarithm.of_powers:
            break  # log(sum(exp(s - max(s)))) + max(s), which depends on no maximum
        if p is not None and finite(t):
            sign = p.sign
            shift = t.rows if sign > 0 else residues.reduce(-t.rows, field.m)
            rows = residues.reduce(p.rows + shift[..., None], field.m)
            pending = Pending(rows, p.present, sign, p.analytic and t.growth.analytic)
            y = FieldArray(
                field,
                a.shape,
                a.dtype,
                growth,
                _pending=pending,
                nonnegative=known,
                positive=positive,
                bounds=bounds,
            )
            break
    if y is None:
        rows = residues.add(a.rows, b.rows, field.m)
        y = field.plain(rows, a, growth, nonnegative=known, positive=positive, bounds=bounds)
    for law in concerned(a, b):
        law.know(y, law.added(field, a, b))
        if not y.nonnegative and law.not_negative(field, a, b):
            y.nonnegative = True
            if field.rests(a) or field.rests(b):
                field.sign_is_read_off(y)
    return y


def mul(field: State, a: FieldArray, b: FieldArray) -> FieldArray:
    growth = a.growth.times(b.growth)
    bounds = machine.squared(a.bounds) if a is b else machine.times(a.bounds, b.bounds)
    known = is_real(a.dtype) and ((a.nonnegative and b.nonnegative) or a is b)
    for x, c in ((a, b), (b, a)):
        if c.concrete is None or not np.isfinite(c.concrete).all():
            continue
        if all_one(c.concrete):
            return x
        positive, negative = bool((c.concrete > 0).all()), bool((c.concrete < 0).all())
        above = known and positive and x.positive
        p = x.pending if x.undecided else None
        if p is not None and (positive or negative):
            # c * max(s) = max(c * s) for c > 0.
            sign = p.sign * (1 if positive else -1)
            scale = c.rows if positive else residues.reduce(-c.rows, field.m)
            rows = residues.multiply(p.rows, scale[..., None], field.m)
            pending = Pending(rows, p.present, sign, p.analytic)
            return FieldArray(
                field,
                a.shape,
                a.dtype,
                growth,
                _pending=pending,
                nonnegative=known,
                positive=above,
                bounds=bounds,
            )
    laws = concerned(a, b)
    for law in laws:
        made = law.product(field, a, b)
        if made is not None:
            return made
    left, right = a.rows, b.rows
    few = 0 < left[0].size <= _FACTORS  # what is kept is kept for as long as the product
    factors = ((left, a.growth), (right, b.growth)) if few else ()
    for x, c in ((a, b), (b, a)):
        if x.mask is not None:
            # The tie part of a mask vanishes on whatever is zero at the tie.
            exact = field.proportional(c.rows, x.mask.difference)
            chosen = np.where(exact, x.mask.weight, x.rows)
            left, right = chosen, c.rows
    rows = residues.multiply(left, right, field.m)
    y = field.plain(rows, a, growth, nonnegative=known, bounds=bounds, factors=factors)
    y.positive = known and a.positive and b.positive
    for law in LAWS if a is b else laws:
        law.know(y, law.multiplied(field, a, b))
    return y


def assume_nonzero(field: State, b: FieldArray) -> None:
    """What a division by b assumes."""
    if b.concrete is None:
        field.assume("no division by zero")
        field.partial |= not b.growth.analytic  # other divisors are zero on a set of measure zero
    elif (b.concrete == 0).any():
        raise Unsupported("division by a constant zero")


def div(field: State, a: FieldArray, b: FieldArray) -> FieldArray:
    if b.concrete is not None:
        if all_one(b.concrete):
            return a
        assume_nonzero(field, b)
        if np.isinf(b.concrete).any():
            raise Unsupported("division by an infinite constant")
    for law in concerned(b):
        inverse = law.inverse(field, b)
        if inverse is not None:
            if b.nonnegative and not inverse.positive:  # b's sign may be that of these rows alone
                inverse = replace(inverse, positive=True)
            return QUOTIENTS.made(field, a, b, field.mul(a, inverse))
    chosen = QUOTIENTS.of_maximum(field, b)
    if chosen is not None:
        return field.mul(a, chosen)
    rows = b.rows
    if not _nonzero(field, rows):
        raise Unsupported("division by what is zero everywhere")
    if b.concrete is None:
        assume_nonzero(field, b)
        growth = b.growth.inverse()
        field.count_poles(growth, len(np.unique(rows[0])))
    else:
        growth = Growth(0.0, b.growth.bits + b.growth.fraction, b.growth.bits)
    inverted = field.plain(residues.inverse(rows, field.m), b, growth)
    inverted.nonnegative = inverted.positive = b.nonnegative
    if b.concrete is not None:
        positive = b.concrete > 0
        if positive.all() or not positive.any():
            # A constant: let maxima pass through it as through any constant factor.
            return _scaled(field, a, inverted, 1 if positive.all() else -1)
    if a.concrete is not None and all_one(a.concrete):
        return QUOTIENTS.made(field, a, b, inverted)
    return QUOTIENTS.made(field, a, b, field.mul(a, inverted))


def _scaled(field: State, a: FieldArray, factor: FieldArray, sign: int) -> FieldArray:
    growth = a.growth.times(factor.growth)
    known = a.nonnegative and sign > 0
    p = a.pending if a.undecided else None
    if p is not None:
        scale = factor.rows if sign > 0 else residues.reduce(-factor.rows, field.m)
        rows = residues.multiply(p.rows, scale[..., None], field.m)
        pending = Pending(rows, p.present, p.sign * sign, p.analytic)
        y = FieldArray(field, a.shape, a.dtype, growth, _pending=pending, nonnegative=known)
        y.positive = known and a.positive
        return y
    rows = residues.multiply(a.rows, factor.rows, field.m)
    y = field.plain(rows, a, growth, nonnegative=known)
    y.positive = known and a.positive
    for law in concerned(a):
        law.know(y, law.multiplied(field, a, factor))
    return y


def _nonzero(field: State, rows: np.ndarray) -> bool:
    """Whether no element is zero in every row; a zero in a single row is an unlucky draw."""
    points = rows[: field.points]
    if (points == 0).all(axis=0).any():
        return False
    if (rows == 0).any():
        raise Unlucky
    return True


def dot(field: State, a: FieldArray, b: FieldArray) -> FieldArray:
    laws = concerned(a, b)
    for law in laws:
        made = law.dot(field, a, b)
        if made is not None:
            return made
    terms = a.shape[-1]
    field.law(Cosines).dotted(a, b)
    growth = a.growth.times(b.growth, terms)
    rows = residues.matmul(a.rows, b.rows, field.m)
    known = a.nonnegative and b.nonnegative and is_real(a.dtype)
    bounds = machine.repeated(machine.times(a.bounds, b.bounds), terms)
    y = field.plain(rows, a, growth, nonnegative=known, bounds=bounds)
    y.positive = known and a.positive and b.positive and terms > 0
    for law in laws:
        law.know(y, law.dotted(field, a, b))
    return y


def sum(field: State, x: FieldArray) -> FieldArray:
    if x.shape[-1] == 1:
        return field.reshape(x, x.shape[:-1])
    field.law(Cosines).summed(x)
    growth = x.growth.summed(x.shape[-1])
    known = x.nonnegative and is_real(x.dtype)
    bounds = machine.repeated(x.bounds, x.shape[-1])
    y = field.plain(residues.total(x.rows, field.m), x, growth, nonnegative=known, bounds=bounds)
    y.positive = known and x.positive and x.shape[-1] > 0
    for law in concerned(x):
        law.know(y, law.summed(field, x))
    return y


def prod(field: State, x: FieldArray) -> FieldArray:
    if x.shape[-1] == 0:
        return field.lift(np.ones(x.shape[:-1], numpy_kind(x.dtype)), x.dtype)
    parts = [_last(field, x, i) for i in range(x.shape[-1])]
    while len(parts) > 1:
        pairs = [field.mul(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(parts) & ~1 :]
    return parts[0]


def _last(field: State, x: FieldArray, i: int) -> FieldArray:
    size = int(np.prod(x.shape))
    return field.pick([x], np.arange(size).reshape(x.shape)[..., i])


def logical_not(field: State, a: FieldArray) -> FieldArray:
    """1 - a; of a comparison, the opposite one: not (d > 0) is -d >= 0."""
    one = field.lift(np.ones(a.shape, np.bool_))
    rows = residues.reduce(one.rows - a.rows, field.m)
    y = field.plain(rows, a, a.growth, nonnegative=True)
    if a.tie is not None:
        y.tie = replace(a.tie, true=not a.tie.true)
    if a.mask is not None:
        d, w = a.mask.difference, a.mask.weight
        y.mask = Mask(residues.reduce(-d, field.m), residues.reduce(1 - w, field.m))
    return y


def logical_and(field: State, a: FieldArray, b: FieldArray) -> FieldArray:
    """a * b, and a and a = a, a and not a = false, which products do not know."""
    product = mul(field, a, b)
    x, y = a.rows, b.rows
    same = (x[: field.points] == y[: field.points]).all(axis=0)
    opposite = (residues.reduce(x + y, field.m)[: field.points] == 1).all(axis=0)
    if same.any() or opposite.any():
        rows = np.where(same, x, np.where(opposite, 0, product.rows))
        return field.plain(rows, product, product.growth, nonnegative=True)
    return product
