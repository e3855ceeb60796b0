"""What JAX computes where something that has no value is compared.

A proof takes a comparison for one of numbers, and may assume of them only that nothing is divided
by zero. But `x / relu(x) > 0` is
false wherever x is negative, and so is its opposite: two programs that both have values there may
differ on an open set. Certified numbers know nothing of such a comparison, so JAX is asked, in
float64, at a few small numbers around which a function is certainly asked for what it has not
(`algebras/healing.py`). A difference there refutes nothing by itself, as verify has no value to
show, but no proof is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from verify import budget
from verify.algebras.base import Unsupported
from verify.algebras.extended import parts
from verify.counterexample.batch import special_numbers
from verify.counterexample.confirm import Comparison, Inputs, values
from verify.counterexample.plainly import values_in_float64
from verify.counterexample.rows import rows
from verify.counterexample.undefined import around, known, violations
from verify.dtypes import is_kind
from verify.verdict import short

_TRIED, _ASKED, _NEARBY = 128, 12, 3  # inputs: drawn, given to JAX, and around each of these
_WORK = 2**19  # element operations of all that are drawn
_STEPS = 400  # equations, one after the other in JAX
_APART = 1e-6  # relative

# What decides by an order, or asks whether a value is a number.
_ORDERS = frozenset(
    (
        *("eq", "ne", "lt", "le", "gt", "ge", "is_finite", "sign", "argmax", "argmin"),
        *("sort", "top_k", "max", "min", "clamp", "reduce_max", "reduce_min"),
    )
)


def unordered(comparison: Comparison, rng: np.random.Generator) -> str | None:
    """A sentence that says where JAX's values of the programs differ, or None."""
    left, right = comparison.left, comparison.right
    size = max(1, left.size() + right.size())
    names = left.primitives() | right.primitives()
    count = min(_TRIED, _WORK // size)
    if not count or comparison.lenient or comparison.steps > _STEPS or not names & _ORDERS:
        return None
    drawn = rows(left.inputs, np.array([0.0, 1.0, -1.0, 0.5]), rng, count, plain=True)
    try:
        for inputs, cause in _without_values(comparison, drawn):
            with budget.apart():
                found = _difference(comparison, inputs)
            if found is not None:
                return f"where what is compared has no value ({cause}), {found}"
    except Unsupported:
        pass
    return None


def _without_values(comparison: Comparison, drawn: Inputs) -> Iterator[tuple[Inputs, str]]:
    """A few inputs at which a side has no certified value, and what kept it from one."""
    programs = (comparison.left, comparison.right)
    asked = 0
    # First where no number is special: what has no value there, has none around it.
    for row in np.argsort(special_numbers(drawn), kind="stable"):
        inputs = [np.asarray(x[row]) for x in drawn]
        budget.spend(sum(p.size() for p in programs))
        for program in programs:
            if asked < _ASKED and not all(map(_certain, values(program, inputs))):
                cause, _ = violations(program, inputs)
                if cause:
                    asked += 1
                    yield inputs, cause[0]
                    break


def _certain(value: Any) -> bool:
    """Whether a value is known up to rounding. (An undecided choice lies between its cases.)"""
    wide = [
        part.errors > _APART * (1 + np.abs(part.value))
        for part in parts(value)
        if is_kind(part.value.dtype, np.inexact)
    ]
    return bool(known(value).all()) and not any(where.any() for where in wide)


def _difference(comparison: Comparison, inputs: Inputs) -> str | None:
    """Where the outputs differ by JAX, at these inputs and at all that are tried nearby."""
    everywhere: list[np.ndarray] | None = None
    shown: list[tuple[Any, Any]] = []
    for near in [inputs, *around(comparison.left, inputs)[:_NEARBY]]:
        try:
            one, two = (values_in_float64(p, near) for p in (comparison.left, comparison.right))
        except Exception:  # whatever JAX, or the compiler, has to say of it
            return None
        here = [_differ(a, b) for a, b in zip(one, two, strict=True)]
        for program in (comparison.left, comparison.right):
            here = _both(here, violations(program, near)[1])
        shown = shown or list(zip(one, two, strict=True))
        everywhere = here if everywhere is None else _both(everywhere, here)
        if not any(where.any() for where in everywhere):
            return None
    for number, where in enumerate(everywhere or ()):
        if where.any():
            index = tuple(int(i) for i in np.argwhere(where)[0])
            a, b = (np.asarray(x)[index] for x in shown[number])
            text = ", ".join(np.array2string(x, separator=", ", threshold=20) for x in inputs)
            return (
                f"JAX computes {short(a)} on the left and {short(b)} on the right for output "
                f"{number}{list(index)}, at ({text}) and around it"
            )
    return None


def _both(one: Sequence[np.ndarray], two: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [a & b for a, b in zip(one, two, strict=True)]


def _differ(a: Any, b: Any) -> np.ndarray:
    """Where two results of JAX differ by more than rounding; NaN is like NaN."""
    if not isinstance(a.dtype, np.dtype) or not is_kind(a.dtype, np.inexact):
        if not isinstance(a.dtype, np.dtype):  # keys
            return np.zeros(a.shape, np.bool_)
        return np.asarray(a != b)
    with np.errstate(all="ignore"):
        finite = np.isfinite(a) & np.isfinite(b)
        near = finite & (
            np.abs(a - b) <= _APART * np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
        )
    return np.asarray(~((a == b) | near | (np.isnan(a) & np.isnan(b))))
