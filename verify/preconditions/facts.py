"""What a precondition says, told to the algebra of a proof."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from verify.algebras import machine
from verify.algebras.base import Value
from verify.algebras.field import Field, FieldArray, residues
from verify.algebras.field.given import STRICT, Given
from verify.algebras.field.patterns import PatternField
from verify.dtypes import is_integer, is_kind
from verify.preconditions.reading import Constraint, Reading, numbered
from verify.programs import Program, Var

_MOST = 4096  # constraints that are told
_MOST_VALUES, _LARGEST = 10, 256  # of an input that rows decide
_MOST_CONSTANTS = 32  # of the programs, that bounded elements are compared with


def tell(
    field: Field,
    inputs: Sequence[Value],
    variables: Sequence[Var],
    reading: Reading,
    constants: Sequence[Fraction],
    condition: Program | None = None,
) -> list[Value]:
    """The inputs of a trial under a precondition; what it says of signs goes to `field.given`.

    constants: of the programs; numbers that are compared with them may be known to lie above.
    condition: the precondition, if it has a value for all inputs: branches need it."""
    field.condition = condition
    if not reading.total or not (reading.constraints or reading.truths or reading.values):
        return list(inputs)
    known = [
        _bounded(field, value, v, places, reading) if isinstance(value, FieldArray) else value
        for v, places, value in zip(variables, numbered(variables), inputs, strict=True)
    ]
    found = [value for value in known if isinstance(value, FieldArray)]
    if len(found) < len(known):
        return known
    if isinstance(field, PatternField) and field.mode.masks:
        found = [
            value if values is None else field.one_of(value, values)
            for value, values in zip(found, few_values(variables, reading), strict=True)
        ]
    flat = np.concatenate([x.rows.reshape(len(field.m), -1) for x in found], axis=1)
    constraints = reading.inequalities[:_MOST]
    constraints += _beyond_constants(reading, constants)
    if constraints:
        field.given = Given(field)
        rows = np.stack([_rows(field, flat, c) for c in constraints], axis=1)
        field.given.tell(rows, np.array([c.relation == "gt" for c in constraints]))
        found = [_above_zero(field, x) for x in found]
    return [*found]


def _above_zero(field: Field, x: FieldArray) -> FieldArray:
    """An input, with whether it is above zero in all of its elements."""
    if field.given is not None and is_kind(x.dtype, np.floating) and x.concrete is None:
        signs = field.given.signs(x.rows.reshape(len(field.m), -1))
        x.positive = len(signs) > 0 and bool((signs == STRICT).all())
        x.nonnegative = x.nonnegative or x.positive
    return x


def _bounded(
    field: Field, value: FieldArray, v: Var, numbers: range, reading: Reading
) -> FieldArray:
    """An input with the bounds of its elements; booleans that are known are constants."""
    if v.dtype == np.bool_:
        known = [reading.truths.get(n) for n in numbers]
        if known and all(truth is not None for truth in known):
            return field.lift(np.array(known, bool).reshape(v.shape))
        return value
    low, high = reading.bounds(numbers)
    if is_integer(v.dtype):
        limits = machine.of_dtype(v.dtype)
        assert limits is not None
        least = limits[0] if low is None else max(limits[0], math.ceil(low))
        most = limits[1] if high is None else min(limits[1], math.floor(high))
        if least <= most:
            value.bounds, value.nonnegative = (least, most), least >= 0
    elif is_kind(v.dtype, np.floating):
        value.nonnegative = low is not None and low >= 0
    return _of_few(value, [reading.values.get(n) for n in numbers])


def _of_few(value: FieldArray, known: list[frozenset[Fraction] | None]) -> FieldArray:
    """An input with the values that its elements may have, if all of them are known."""
    sets = [values for values in known if values is not None]
    if sets and len(sets) == len(known):
        values = sorted(frozenset().union(*sets))
        exact = all(Fraction(float(v)) == v for v in values)
        if exact and not (is_integer(value.dtype) and any(v.denominator > 1 for v in values)):
            value.few = tuple(values)
    return value


def few_values(variables: Sequence[Var], reading: Reading) -> list[list[tuple[int, ...]] | None]:
    """For each input the few whole numbers that each of its elements may be; None for others."""
    found: list[list[tuple[int, ...]] | None] = []
    for v, numbers in zip(variables, numbered(variables), strict=True):
        each = [_values_of(v, n, reading) for n in numbers]
        known = [values for values in each if values is not None]
        found.append(known if known and len(known) == len(each) else None)
    return [*found]


def _values_of(v: Var, n: int, reading: Reading) -> tuple[int, ...] | None:
    if n in reading.values and not is_kind(v.dtype, np.bool_):
        values = tuple(sorted(reading.values[n]))
    elif is_kind(v.dtype, np.integer) and n in reading.lower and n in reading.upper:
        low, high = math.ceil(reading.lower[n][0]), math.floor(reading.upper[n][0])
        if not 0 <= high - low < _MOST_VALUES:
            return None
        values = tuple(map(Fraction, range(low, high + 1)))
    else:
        return None
    if len(values) > _MOST_VALUES or any(x.denominator > 1 or abs(x) > _LARGEST for x in values):
        return None
    return tuple(map(int, values))


def _beyond_constants(reading: Reading, constants: Sequence[Fraction]) -> list[Constraint]:
    """x >= 1 gives x > 0, where a program compares with 0."""
    found: list[Constraint] = []
    numbers = (Fraction(0), *constants)[:_MOST_CONSTANTS]
    one = Fraction(1)
    for bounds, sign in ((reading.lower, one), (reading.upper, -one)):
        for n, (bound, is_open) in bounds.items():
            for c in numbers:
                if len(found) >= _MOST:
                    return found
                room = (bound - c) * sign
                if room > 0 or (room == 0 and is_open):
                    found.append(Constraint(((n, sign),), -c * sign, "gt"))
                elif room == 0:
                    found.append(Constraint(((n, sign),), -c * sign, "ge"))
    return [*found]


def _rows(field: Field, flat: np.ndarray, c: Constraint) -> np.ndarray:
    total = residues.from_integers(np.array([c.constant.numerator], object), field.m)
    total = residues.multiply(total, _inverse(field, c.constant), field.m)[:, 0]
    for n, factor in c.terms:
        number = residues.from_integers(np.array([factor.numerator], object), field.m)
        number = residues.multiply(number, _inverse(field, factor), field.m)
        term = residues.multiply(number, flat[:, n : n + 1], field.m)[:, 0]
        total = residues.reduce(total + term, field.m)
    return total


def _inverse(field: Field, c: Fraction) -> np.ndarray:
    return residues.inverse_of_integer(c.denominator, field.m)[:, None]


def constants_of(*programs: Program) -> list[Fraction]:
    """Numbers that the programs compare with, perhaps: their small constants, and 0."""
    numbers: dict[Fraction, None] = {}
    for program in programs:
        for c in program.constants():
            array = np.asarray(c)
            if array.size == 1 and array.dtype.kind in "fiu" and np.isfinite(array).all():
                numbers.setdefault(Fraction(array.item()))
    return list(numbers)[:_MOST_CONSTANTS]
