"""Is a difference that verify found one that JAX shows as well?

Verify's rules find a witness, and a rule that is wrong would find a wrong one. So before anything
is called refuted, the programs are run by JAX, operation by operation (`plainly.py`), at exactly
the inputs that are reported. What "confirmed" means:

* Integers, booleans and keys: the differing element is on each side what verify says it is, in the
  programs' own dtypes; or, where their rounding hides it (`x + 1e-9 > 1` at x = 1), with all floats
  in float64.
* Floats and complex numbers: each side's value lies nearer to what verify says of it than a quarter
  of the difference, so that JAX's two values differ in the same way, by at least half as much; and
  it is that value up to rounding: some 64 units of the output's dtype, or, in float64, a few times
  the certified error. Over the reals `0.1 * x` and `x / 10` differ below float32's rounding:
  float64 shows it.
* Infinities: the side that is infinite is the same infinity by JAX.
* A side that is not a number (`undefined.py`): by JAX it is NaN or infinite in float64, while the
  other is the number that verify says, or another infinity. What overflows in float32 alone does
  not count.
* Outputs of different structure, shape or dtype: JAX's own tracing has shown the difference, and
  there is nothing to be run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from verify.counterexample.computed import Inputs
from verify.counterexample.confirm import Comparison, Witness
from verify.counterexample.plainly import values_by_jax, values_in_float64
from verify.dtypes import Number, is_kind
from verify.programs import Program
from verify.shown import pair

_UNITS = 64  # of roundoff of the output's dtype
_ERRORS = 8.0  # certified errors
_FLOAT64 = 2.0**-30  # relative: far more than XLA's functions lose in float64


def agreed(comparison: Comparison, witness: Witness) -> Witness | str:
    """The witness if JAX shows the same difference, else a sentence that says what JAX shows: ""
    where one side has no value over the reals (a logarithm of zero), but to JAX both have the same,
    so that nothing is wrong with what verify reads."""
    seen = ""
    if comparison.given is not None and not _allowed(comparison.given.program, witness):
        return "JAX does not find that what is assumed holds at an input where verify does"
    for way, run in (("", values_by_jax), (" in float64", values_in_float64)):
        try:
            left, right = (
                _element(run, program, witness) for program in (comparison.left, comparison.right)
            )
        except Exception as error:  # whatever JAX, or the compiler, has to say of it
            seen = seen or f"JAX cannot run them ({type(error).__name__}: {str(error)[:200]})"
            continue
        units = _FLOAT64
        if not way:
            dtype = comparison.left.outputs[witness.output].dtype
            inexact = is_kind(dtype, np.inexact)
            units = _UNITS * float(jnp.finfo(dtype).eps) if inexact else 0.0
        if witness.cause:
            if way and _undefined(witness, left, right, units):
                return replace(witness, left=left, right=right)
            if way and _same(witness, left, right):
                return ""
        elif _shown(witness, left, right, units):
            return witness
        seen = "JAX computes {} and {}".format(*pair(left, right)) + way
    what = "{} on the left and {} on the right".format(*pair(witness.left, witness.right))
    return f"verify reads the programs otherwise than JAX: {what} at an input where {seen}"


def _allowed(condition: Program, witness: Witness) -> bool:
    """Whether a precondition holds there, by JAX in one of the two ways."""
    for run in (values_by_jax, values_in_float64):
        try:
            if all(bool(np.asarray(x).all()) for x in run(condition, witness.inputs)):
                return True
        except Exception:  # whatever JAX, or the compiler, has to say of it
            continue
    return False


def _element(
    run: Callable[[Program, Inputs], list[np.ndarray]], program: Program, witness: Witness
) -> Number:
    found: Number = np.asarray(run(program, witness.inputs)[witness.output])[witness.index]
    return found


def _shown(witness: Witness, left: Number, right: Number, units: float) -> bool:
    """Whether JAX's values of the element are those of the witness, up to rounding."""
    one, two = witness.left, witness.right
    if not is_kind(np.asarray(one).dtype, np.inexact):
        return bool(one == left and two == right)
    with np.errstate(all="ignore"):
        apart = abs(complex(one) - complex(two))
        size = max((abs(complex(x)) for x in (one, two) if np.isfinite(x)), default=0.0)
        allowed = max(units * size, _ERRORS * witness.error)
        if np.isfinite(apart):
            allowed = min(allowed, apart / 4)
        return all(_near(a, b, allowed) for a, b in ((one, left), (two, right)))


def _undefined(witness: Witness, left: Number, right: Number, units: float) -> bool:
    if left == right:  # 1 / 0 beside an infinity that was selected: JAX shows no difference
        return False
    pairs = ((witness.left, left), (witness.right, right))
    for ours, theirs in pairs:
        if np.isnan(ours) and np.isfinite(theirs):
            return False
        if not np.isnan(ours):
            size = abs(complex(ours))
            if not _near(ours, theirs, max(units * size, _ERRORS * witness.error)):
                return False
    return True


def _same(witness: Witness, left: Number, right: Number) -> bool:
    """Whether both sides are the same number, or infinity, to JAX, and the one that has a value is
    that."""
    size = max((abs(complex(x)) for x in (left, right) if np.isfinite(x)), default=0.0)
    ours = [x for x in (witness.left, witness.right) if not np.isnan(x)]
    return all(_near(a, b, _FLOAT64 * size) for a in (left, *ours) for b in (right,))


def _near(ours: Number, theirs: Number, allowed: float) -> bool:
    a, b = complex(ours), complex(theirs)
    return bool(a == b or abs(a - b) <= allowed)
