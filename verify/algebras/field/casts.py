"""Conversions between dtypes: to booleans, out of integers and into them, between floats."""

from __future__ import annotations

import numpy as np

from verify.algebras import machine
from verify.algebras.field import integers
from verify.algebras.field.laws.wholes import WHOLE_NUMBERS
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, numpy_kind
from verify.dtypes import DType, is_integer, is_kind


def cast(field: State, x: FieldArray, dtype: DType) -> FieldArray:
    dtype = np.dtype(dtype)
    if dtype == x.dtype:
        return x
    if x.concrete is not None and x.concrete.dtype == np.bool_ and dtype != np.bool_:
        return field.lift(x.concrete.astype(numpy_kind(dtype)), dtype)
    if dtype == np.bool_ and x.mask is None:  # with a mask, it is a boolean that was converted
        zero = np.zeros(x.shape, numpy_kind(x.dtype))
        return field.compare("ne", x, field.lift(zero, x.dtype))
    if is_integer(dtype) and x.dtype != np.bool_:
        if is_integer(x.dtype):
            return integers.cast(field, x, dtype)
        # Out of the integer's range the result is the dtype's own: it is part of the name.
        return field.function("truncate", [x], x.shape, dtype, (dtype.name,))
    x = field.observed(x, "before it is converted to a float")
    if dtype != np.bool_ and is_integer(x.dtype) and machine.must_be_held(x, dtype):
        field.assume(machine.HELD)
        field.partial = True  # x | 2**30 | 1 has more digits than a float32, whatever x is
    y = FieldArray(
        field,
        x.shape,
        dtype,
        x.growth,
        x._rows,
        x._pending,
        x.deferred,
        x.concrete,
        x.nonnegative,
        x.mask,
        bounds=(0, 1) if x.dtype == np.bool_ else None,
    )
    y.positive = x.positive and is_kind(dtype, np.floating)
    y.moved_from = x.moved_from
    for law, fact in x.facts.items():
        law.know(y, law.cast(field, fact, dtype))
    whole = is_integer(x.dtype) or x.dtype == np.bool_
    if whole and is_kind(dtype, np.floating) and x.concrete is None:
        WHOLE_NUMBERS.know(y, True)
    if x.concrete is not None:
        y.concrete = x.concrete.astype(numpy_kind(dtype))
        if is_integer(x.dtype) and (machine.exact(y.concrete) != machine.exact(x.concrete)).any():
            y._rows, y.concrete = x.rows, None  # more bits than a float64 has
    return y
