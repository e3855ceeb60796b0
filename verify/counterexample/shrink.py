"""Makes a counterexample small: few non-zero inputs, small whole numbers, one output element.

Delta debugging (Zeller and Hildebrandt, 2002) over the non-zero elements, then over the values;
every step is kept only if the smaller input is a confirmed difference too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from verify import budget
from verify.counterexample.confirm import Comparison, Inputs, Witness
from verify.dtypes import is_kind


def shrink(comparison: Comparison, witness: Witness, work: float) -> Witness:
    """The smallest counterexample found with so much work, or when the seconds end."""
    best, late = witness, budget.after(work)

    def attempt(inputs: Inputs) -> bool:
        nonlocal best
        if late():
            return False
        found = _at(comparison, inputs)
        if found is None:
            return False
        best = found
        return True

    _plainer_values(best, attempt)
    for number in range(len(witness.inputs)):
        _fewer_nonzeros(lambda: best, number, attempt)
    for _ in range(2):  # what one element could not do may go once the others are simple
        before = best
        for number in range(len(witness.inputs)):
            _simpler_elements(lambda: best, number, attempt)
            _fewer_nonzeros(lambda: best, number, attempt)
        if best is before:
            break
    plain = [x + 0 if is_kind(x.dtype, np.inexact) else x for x in best.inputs]  # not -0.0
    return _at(comparison, plain) or best


def _at(comparison: Comparison, inputs: Inputs) -> Witness | None:
    """None as well once the seconds are over: what has been found is the answer."""
    try:
        return comparison.at(inputs)
    except budget.OutOfTime:
        return None


def _replaced(inputs: Inputs, number: int, array: np.ndarray) -> Inputs:
    return [array if i == number else x for i, x in enumerate(inputs)]


def _plainer_values(witness: Witness, attempt: Callable[[Inputs], bool]) -> None:
    """Whole inputs at once: signs, ones, rounded values."""
    for number, array in enumerate(witness.inputs):
        if array.dtype == np.bool_ or array.size == 0 or np.iscomplexobj(array):
            continue
        whole = [] if is_kind(array.dtype, np.integer) else [np.rint(array)]
        for plainer in (np.ones_like(array), np.sign(array), *whole):
            inputs = _replaced(witness.inputs, number, np.asarray(plainer).astype(array.dtype))
            if not np.array_equal(plainer, array) and attempt(inputs):
                break


def _fewer_nonzeros(
    current: Callable[[], Witness], number: int, attempt: Callable[[Inputs], bool]
) -> None:
    places = np.flatnonzero(current().inputs[number])
    parts = 1
    while len(places):
        removed = False
        for chunk in np.array_split(places, parts):
            array = np.array(current().inputs[number])  # a scalar too is an array, to write into
            array.flat[chunk] = 0
            if len(chunk) and attempt(_replaced(current().inputs, number, array)):
                removed = True
        before = len(places)
        places = np.flatnonzero(current().inputs[number])
        removed &= len(places) < before  # a format without zero has another number in its place
        if parts >= len(places) and not removed:
            break
        if not removed:
            parts = min(2 * parts, max(len(places), 1))
        if len(places) > 64 and parts > 64:  # too many are needed: leave the rest
            break


def _simpler_elements(
    current: Callable[[], Witness], number: int, attempt: Callable[[Inputs], bool]
) -> None:
    """Each remaining element as 1, -1, 2, ... or a rounded number."""
    for place in np.flatnonzero(current().inputs[number])[:32]:
        value = np.asarray(current().inputs[number]).flat[place]
        if current().inputs[number].dtype == np.bool_ or np.iscomplexobj(value):
            continue
        size = abs(float(value))
        choices = [1.0, -1.0, 2.0, -2.0, 3.0, float(np.rint(value))]
        choices += [float(np.round(value, digits)) for digits in (1, 2, 3)]
        for choice in choices:
            if choice == value or (abs(choice) >= size and (value == 1 or abs(choice) != 1)):
                continue
            array = np.array(current().inputs[number])
            if choice < 0 and is_kind(array.dtype, np.unsignedinteger):
                continue
            array.flat[place] = choice
            if array.flat[place] == choice and attempt(_replaced(current().inputs, number, array)):
                break
