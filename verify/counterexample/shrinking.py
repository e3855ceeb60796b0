"""Makes a counterexample small: few non-zero inputs, small whole numbers, one output element.

Delta debugging (Zeller and Hildebrandt, 2002): whole arrays first, the largest first, so that the
layers that the difference does not need are gone, and a bias is left rather than an image and its
kernel; then halves of what is left, down to single elements; then the values. Halves of an array in
its own order are halves of its first axis, then of the next: what is left of a network is a path
through it, one channel and one tap a layer.

Every step is kept only if the smaller input is a difference too. Of small programs each is
confirmed at once; of large ones a compiled evaluation says which steps to take (`screen.py`), and
what they lead to is confirmed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from verify.counterexample.confirm import Comparison, Inputs, Witness
from verify.counterexample.screen import screen
from verify.dtypes import is_integer, is_kind
from verify.limits import budget

_SCREENED = 0.8  # of the work, where there is a screen; the rest is for confirming
_AGAIN, _SMALL = 4e8, 3  # work of a first try, and non-zero numbers it left: no second one
_Shown = Witness | bool | None  # what is said of inputs: confirmed, or to be confirmed
_FEW = 8  # non-zero numbers of which any two are tried together


def shrink(comparison: Comparison, witness: Witness, work: float) -> Witness:
    """The smallest counterexample found with so much work, or when the seconds end."""
    seen = screen(comparison, witness)
    best = witness if seen is None else _reduced(comparison, witness, seen, _SCREENED * work)
    if best is witness:
        best = _reduced(comparison, witness, comparison.at, work)
    plain = [x + 0 if is_kind(x.dtype, np.inexact) else x for x in best.inputs]  # not -0.0
    return _at(comparison, plain) or best


def _reduced(
    comparison: Comparison, witness: Witness, differ: Callable[[Inputs], _Shown], work: float
) -> Witness:
    """Twice, where that costs little: whichever halves go first, another path is left, and may be a
    shorter one."""
    late, best = budget.after(work), witness
    for last_first in (False, True):
        with budget.metered() as meter:
            steps = _Steps(witness.inputs, differ, late, last_first)
            steps.take()
            if _size(steps.inputs) < _size(best.inputs) or not last_first:
                found = _last_confirmed(comparison, steps.taken, witness)
                best = min(found, best, key=lambda one: _size(one.inputs))
        if meter.spent > _AGAIN or _size(best.inputs) <= _SMALL:
            break
    return best


def _size(inputs: Inputs) -> int:
    return sum(int(np.count_nonzero(array)) for array in inputs)


def _last_confirmed(
    comparison: Comparison, taken: list[tuple[Inputs, _Shown]], witness: Witness
) -> Witness:
    """Of ever smaller inputs the last at which there is a difference, or one before it."""
    best, low, high = witness, 0, len(taken) - 1
    number = high  # most often all of them are
    while low <= high:
        inputs, shown = taken[number]
        found = shown if isinstance(shown, Witness) else _at(comparison, inputs)
        if found is None:
            high = number - 1
        else:
            best, low = found, number + 1
        number = (low + high) // 2
    return best


def _at(comparison: Comparison, inputs: Inputs) -> Witness | None:
    """None as well once the seconds are over: what has been found is the answer."""
    try:
        return comparison.at(inputs)
    except budget.OutOfTime:
        return None


class _Steps:
    """Inputs on their way to smaller ones; `differ` says of each whether it will do. `last_first`:
    of halves the last is tried first."""

    def __init__(
        self,
        inputs: Inputs,
        differ: Callable[[Inputs], _Shown],
        late: Callable[[], bool],
        last_first: bool,
    ) -> None:
        self.inputs, self.differ, self.late, self.last_first = inputs, differ, late, last_first
        self.taken: list[tuple[Inputs, _Shown]] = []

    def take(self) -> None:
        numbers = range(len(self.inputs))
        for number in sorted(numbers, key=lambda n: -self.inputs[n].size):
            self._without(number)
        self._plainer_values()
        for number in numbers:
            self._fewer_nonzeros(number)
        for _ in range(2):  # what one element could not do may go once the others are simple
            before = len(self.taken)
            for number in numbers:
                self._simpler_elements(number)
                self._fewer_nonzeros(number)
            self._fewer_with_signs()
            if len(self.taken) == before:
                break

    def _attempt(self, number: int, array: np.ndarray) -> bool:
        """Another array in the place of one input."""
        return self._attempt_all({number: array})

    def _attempt_all(self, arrays: dict[int, np.ndarray]) -> bool:
        if self.late():
            return False
        inputs = [arrays.get(i, x) for i, x in enumerate(self.inputs)]
        try:
            shown = self.differ(inputs)
        except budget.OutOfTime:
            return False
        if not shown:
            return False
        self.inputs = inputs
        self.taken.append((inputs, shown))
        return True

    def _without(self, number: int) -> None:
        array = self.inputs[number]
        if np.any(array):
            self._attempt(number, np.zeros_like(array))

    def _plainer_values(self) -> None:
        """Whole inputs at once: ones, signs, rounded values; zeros stay."""
        for number, array in enumerate(self.inputs):
            if array.dtype == np.bool_ or np.iscomplexobj(array) or not np.any(array):
                continue
            whole = [] if is_kind(array.dtype, np.integer) else [np.rint(array)]
            for plainer in (array != 0, np.sign(array), *whole):
                plainer = np.asarray(plainer).astype(array.dtype)
                if not np.array_equal(plainer, array) and self._attempt(number, plainer):
                    break

    def _fewer_nonzeros(self, number: int) -> None:
        places = np.flatnonzero(self.inputs[number])
        parts = 1
        while len(places):
            removed = False
            for chunk in np.array_split(places, parts)[:: -1 if self.last_first else 1]:
                array = np.array(self.inputs[number])  # a scalar too is an array, to write into
                array.flat[chunk] = 0
                if len(chunk) and self._attempt(number, array):
                    removed = True
            before = len(places)
            places = np.flatnonzero(self.inputs[number])
            removed &= len(places) < before  # a format without zero has another number in its place
            if parts >= len(places) and not removed:
                break
            if not removed:
                parts = min(2 * parts, max(len(places), 1))
            if len(places) > 64 and parts > 64:  # too many are needed: leave the rest
                break

    def _fewer_with_signs(self) -> None:
        """One number less where another has the other sign: a bias that lifts what is negative over
        a ReLU is not needed if it is positive."""
        places = [(n, int(p)) for n, x in enumerate(self.inputs) for p in np.flatnonzero(x)]
        if len(places) > _FEW:
            return
        signed = {n for n, x in enumerate(self.inputs) if x.dtype.kind in "fc" and np.any(x)}
        for (number, gone), (other, place) in itertools.permutations(places, 2):
            if other not in signed or not (self._value(number, gone) and self._value(other, place)):
                continue
            arrays = {n: np.array(self.inputs[n]) for n in (number, other)}
            arrays[number].flat[gone] = 0
            arrays[other].flat[place] *= -1
            self._attempt_all(arrays)

    def _value(self, number: int, place: int) -> np.generic:
        return np.asarray(self.inputs[number]).flat[place]

    def _simpler_elements(self, number: int) -> None:
        """Each remaining element as 1, -1, 2, ... or a rounded number."""
        for place in np.flatnonzero(self.inputs[number])[:32]:
            value = np.asarray(self.inputs[number]).flat[place]
            if self.inputs[number].dtype == np.bool_ or np.iscomplexobj(value):
                continue
            size = abs(float(value))
            choices = [1.0, -1.0, 2.0, -2.0, 3.0, float(np.rint(float(value)))]
            if not is_integer(self.inputs[number].dtype):
                choices += [float(np.round(value, digits)) for digits in (1, 2, 3)]
            for choice in choices:
                if choice == value or (abs(choice) >= size and (value == 1 or abs(choice) != 1)):
                    continue
                array = np.array(self.inputs[number])
                if choice < 0 and is_kind(array.dtype, np.unsignedinteger):
                    continue
                array.flat[place] = choice
                if array.flat[place] == choice and self._attempt(number, array):
                    break
