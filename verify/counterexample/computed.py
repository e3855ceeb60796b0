"""What programs compute at one input, with certified errors, and how far two results differ."""

from __future__ import annotations

import numpy as np

from verify.algebras.base import Value
from verify.algebras.extended import lift, parts_of
from verify.algebras.numeric import Bounded, Numeric
from verify.dtypes import is_kind
from verify.evaluate import Observe, evaluate
from verify.programs import Program

Inputs = list[np.ndarray]


def values(
    program: Program, inputs: Inputs, observe: Observe | None = None, numeric: Numeric | None = None
) -> list[Bounded]:
    """The program's outputs at concrete inputs, as numeric values with error bounds."""
    numeric = Numeric() if numeric is None else numeric
    lifted = [
        lift(numeric, array, var.dtype) for array, var in zip(inputs, program.inputs, strict=True)
    ]
    with np.errstate(all="ignore"):
        return [whole(value) for value in evaluate(program, numeric, lifted, observe)]


def whole(value: Value) -> Bounded:
    """A value as one array with an error bound: a complex one, or the words of keys."""
    several = parts_of(value, Bounded)
    if len(several) == 1:
        return several[0]
    re, im = several
    error = None if re.error is None and im.error is None else re.errors + im.errors
    return Bounded(re.value + 1j * im.value, error, value.dtype)


def certain(truth: Bounded) -> np.ndarray:
    """Where a truth value is certainly true."""
    return np.asarray(truth.value) & ~truth.unknown


def margins(a: Bounded, b: Bounded) -> np.ndarray:
    """How far beyond the error bounds two values differ; 0 where they do not, or are undefined."""
    x, y = np.asarray(a.value), np.asarray(b.value)
    if x.dtype == np.bool_ or is_kind(x.dtype, np.integer):
        return np.where((x != y) & ~a.unknown & ~b.unknown, 1.0, 0.0)
    slack = np.zeros(x.shape)
    for error in (a.error, b.error):
        if error is not None:
            slack = slack + error
    # The difference itself is rounded once; two units cover that.
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(x - y) * (1 - 2.0**-51)
        margin = distance - slack
    defined = np.isfinite(x) & np.isfinite(y) & np.isfinite(slack)
    margin = np.where(defined & (margin > 0), np.maximum(margin, np.finfo(np.float64).tiny), 0.0)
    # Infinity is a value of a maximum over nothing: it differs from any number.
    infinite = (np.isinf(x) | np.isinf(y)) & ~np.isnan(x) & ~np.isnan(y)
    return np.where(infinite & (x != y), np.inf, margin)
