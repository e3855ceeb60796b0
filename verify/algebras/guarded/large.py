"""Large finite constants read as masks: -1e9 in the place of minus infinity.

Over the reals exp(-1e9) is positive. Here a literal beyond `LEAST` is so many times a number that
lies beyond all others, with the same sign: a value is `number + large`, and where `large` is below
zero its exponential is zero, and in a maximum along an axis it gives way to numbers without such a
part. Nothing else is read into it: sums and products keep both parts, results are equal only if
both are, and what asks more of such a value (a comparison, a bound that it sets, a maximum of
nothing else) is refused or equal to nothing. A proof names the constants among its assumptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.field import branches, residues
from verify.algebras.field.value import FieldArray
from verify.algebras.guarded.value import Guard, Guarded, Number
from verify.dtypes import is_kind
from verify.programs import Program

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field

LEAST = 1e4


def is_large(array: np.ndarray) -> np.ndarray:
    return np.isfinite(array) & (np.abs(array) >= LEAST)


def has_large(*programs: Program) -> bool:
    """Whether a program has such a constant."""
    return any(
        is_kind(np.asarray(c).dtype, np.floating) and bool(is_large(np.asarray(c, float)).any())
        for program in programs
        for c in program.constants()
    )


def sentence(values: set[float]) -> str:
    """What a proof assumes of the constants that were read so."""
    shown = ", ".join(f"{value:.6g}" for value in sorted(values))
    several = len(values) > 1
    sides = {
        "below all others, and its exponential is zero": any(value < 0 for value in values),
        "above all others, and the exponential of its opposite is zero": any(
            value > 0 for value in values
        ),
    }
    lies = ", or ".join(side for side, there in sides.items() if there)
    return (
        f"the constant{'s' if several else ''} {shown} {'are masks' if several else 'is a mask'}: "
        f"a number for which it is chosen, or to which it is added, lies {lies}"
    )


def literal(state: Field, array: np.ndarray, values: set[float]) -> Number:
    """A constant of the program; `values`: those that have been read as masks, so far."""
    held = np.asarray(array, np.float64)
    large = is_large(held)
    if not large.any():
        return state.lift(array)
    values.update(np.unique(held[large]).tolist())
    number = state.lift(np.where(large, 0.0, held), array.dtype)
    return Guarded(number, large=state.lift(np.where(large, held, 0.0), array.dtype))


def signs(state: Field, large: FieldArray, values: set[float]) -> tuple[Guard, Guard]:
    """Where it is below zero, and where above. Raises Unsupported where that is not known."""
    if large.concrete is not None:
        return tuple(  # type: ignore[return-value]
            state.lift(k) if k.any() else None for k in (large.concrete < 0, large.concrete > 0)
        )
    points = state.points
    rows = large.rows[:points].reshape(points, -1)
    sign, known = np.zeros(rows.shape, np.int64), np.zeros(rows.shape[1], bool)
    for value in sorted(map(abs, values)):
        scale = residues.from_floats(np.array([value]), state.m)
        inverse = residues.inverse(scale, state.m)[:points]
        found, here = branches.order(
            residues.multiply(rows, inverse, state.m[:points]), state.m[:points]
        )
        sign = np.where(here & ~known, found, sign)
        known |= here
    if not known.all():
        raise Unsupported("the sign of a mask's multiple")
    sign = sign.reshape(points, *large.shape)
    below, above = (state.decided(k, large) if k.any() else None for k in (sign < 0, sign > 0))
    return below, above
