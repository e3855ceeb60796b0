"""Where two programs differ by JAX for want of values, at an input and at all tried around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.counterexample.by_jax import both, differs
from verify.counterexample.confirm import Comparison, Inputs, values
from verify.counterexample.plainly import values_in_float64
from verify.counterexample.undefined import SCALES, known, violations
from verify.dtypes import Number

NEARBY = 3  # inputs around each
_APART = 1e-6  # relative, in float64


@dataclass(frozen=True)
class Shown:
    """One output element, by JAX in float64."""

    output: int
    index: tuple[int, ...]
    left: Number
    right: Number


def shown_by_jax(comparison: Comparison, inputs: Inputs) -> Shown | None:
    """The first element that differs by JAX in float64, at the inputs and around them: nearer, if
    it does not differ as far away as usual."""
    first = _differing(comparison, inputs)
    if first is None or not any(where.any() for where in first[0]):
        return None  # as it would be at every scale
    each = (_shown_around(comparison, inputs, first, scale) for scale in SCALES)
    return next((found for found in each if found is not None), None)


_Pairs = list[tuple[np.ndarray, np.ndarray]]


def _shown_around(
    comparison: Comparison,
    inputs: Inputs,
    first: tuple[list[np.ndarray], _Pairs],
    scale: float,
) -> Shown | None:
    everywhere, shown = first
    around = comparison.around(inputs, scale)
    if not around:
        return None
    for near in around[:NEARBY]:
        found = _differing(comparison, near)
        if found is None:
            return None
        everywhere = both(everywhere, found[0])
        if not any(where.any() for where in everywhere):
            return None
    for number, where in enumerate(everywhere):
        if where.any():
            index = tuple(int(i) for i in np.argwhere(where)[0])
            return Shown(number, index, *(np.asarray(x)[index] for x in shown[number]))
    return None


def _differing(comparison: Comparison, inputs: Inputs) -> tuple[list[np.ndarray], _Pairs] | None:
    """Where the outputs differ by JAX at one input for want of values alone, and the outputs; None
    where JAX has none."""
    programs = (comparison.left, comparison.right)
    try:
        one, two = (values_in_float64(p, inputs) for p in programs)
    except Exception:  # whatever JAX, or the compiler, has to say of it
        return None
    pairs = list(zip(one, two, strict=True))
    here = [differs(a, b, _APART) for a, b in pairs]
    if not any(where.any() for where in here):
        return here, pairs
    wanting = False
    for program in programs:
        asked, healed = violations(program, inputs)
        here, wanting = both(here, healed), wanting or bool(asked)
    if not wanting:  # both have values, and float64 rounds them: nearly singular matrices
        return [np.zeros_like(where) for where in here], pairs
    if comparison.lenient:  # the right has a value as it is
        here = both(here, [known(value) for value in values(comparison.right, inputs)])
    return here, pairs
