"""The search before a proof where verify's own numbers do not go: JAX runs both programs.

A program with a primitive that has no numeric rule (eigenvalues, LU with pivots) has no certified
values, and a proof would be given without any search. So JAX runs both, one operation after the
other, at a few dozen inputs drawn as elsewhere (`rows.py`), and at ties: an input that is one of
the programs' own constants, or equal to another. What differs in the programs' own dtypes and in
float64 refutes nothing, since nothing is certified, but no proof is given. Where one side is no
number, the same at inputs around it is asked for; of derivatives, which may jump at a single input,
that is always asked for, and that the right is a number. Where a promise to write in bounds is
broken, JAX is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from verify.counterexample.confirm import Comparison, Inputs
from verify.counterexample.domain import has_numbers
from verify.counterexample.drawing import interesting
from verify.counterexample.held import fit
from verify.counterexample.plainly import values_by_jax, values_in_float64
from verify.counterexample.rows import rows
from verify.dtypes import is_kind
from verify.limits import budget
from verify.programs import Var
from verify.shown import pair

_TRIED, _NEARBY = 24, 3  # inputs of small numbers, and as many others
_TIES = 48  # inputs at which a number is one of the programs' constants
_SMALL = 64  # elements of an array of constants
_STEPS = 20_000  # equations that JAX runs, one after the other
_WAYS = ((values_by_jax, 1e-2), (values_in_float64, 1e-6))  # and what is no rounding, relatively


@dataclass(frozen=True)
class _Difference:
    text: str
    left: bool  # whether the side is a number
    right: bool


def differ_by_jax(comparison: Comparison, rng: np.random.Generator) -> str | None:
    """A sentence that says where JAX's values of the programs differ, or None."""
    programs = (comparison.left, comparison.right)
    steps = sum(len(list(p.every_equation())) for p in programs)
    count = min(_TRIED, _STEPS // max(1, 4 * steps))
    if not count or not comparison.left.inputs:
        return None
    special = interesting(comparison.constants())
    promised = any("PROMISE" in str(e.params.get("mode")) for p in programs for e in p.equations)
    variables = comparison.left.inputs
    batches = (
        rows(variables, special, rng, count, plain=True),
        rows(variables, special, rng, count, plain=False),
        _ties(variables, comparison.constants(), rng, min(_TIES, 2 * count)),
    )
    for drawn in map(comparison.rows, batches):
        for row in range(len(drawn[0])):
            budget.check()
            inputs = [np.asarray(x[row]) for x in drawn]
            # The first time it is XLA's compilation that takes long.
            with nullcontext() if row else budget.apart():
                if promised and not all(has_numbers(p, inputs) for p in programs):
                    continue
                found = _difference(comparison, inputs)
            if found is not None:
                return found
    return None


def _ties(
    variables: Sequence[Var], constants: Sequence[np.ndarray], rng: np.random.Generator, count: int
) -> Inputs:
    """Rows in which all numbers, or those of one input, are the same: one of the programs' floats
    in turn, its negative, half or twice it; else small and whole, and most of them negative."""
    own = {
        float(c)
        for array in constants
        if is_kind(array.dtype, np.floating) and array.size <= _SMALL
        for c in array.astype(np.float64).reshape(-1)
        if np.isfinite(c)
    }
    first = sorted(own or {0.0}, key=lambda c: (4 * c == round(4 * c), c))  # not quarters
    near = [factor * c for c in first for factor in (1, -1, 0.5, 2)]
    half = count // 2
    special = np.concatenate([np.resize(near, half), np.resize(near, count - half)])
    alone = rng.integers(0, len(variables), count)  # the input that is special
    alone[:half] = -1  # all
    found = []
    for number, v in enumerate(variables):
        shape = (count, *v.shape)
        whole = rng.integers(-4, 3, shape).astype(np.float64)
        here = ((alone == number) | (alone < 0)).reshape(count, *[1] * len(v.shape))
        chosen = np.where(here, special.reshape(here.shape), whole)
        found.append(fit(Var(shape, v.dtype), np.broadcast_to(chosen, shape)))
    return found


def _difference(comparison: Comparison, inputs: Inputs) -> str | None:
    """At these inputs; where only one side is a number, at inputs around them as well."""
    here = _difference_at(comparison, inputs)
    lenient = comparison.lenient
    if here is None or (here.left and here.right and not lenient):
        return None if here is None else here.text
    near = [_difference_at(comparison, x) for x in comparison.around(inputs)[:_NEARBY]]
    for one in (here, *near):
        if one is None or not near or (not one.right if lenient else one.left and one.right):
            return None
    return here.text


def _difference_at(comparison: Comparison, inputs: Inputs) -> _Difference | None:
    everywhere: list[np.ndarray] | None = None
    values: list[tuple[np.ndarray, np.ndarray]] = []
    for run, apart in _WAYS:
        try:
            one, two = (run(p, inputs) for p in (comparison.left, comparison.right))
        except Exception:  # whatever JAX, or the compiler, has to say of it
            return None
        values = list(zip(one, two, strict=True))
        here = [differs(a, b, apart) for a, b in values]
        everywhere = here if everywhere is None else both(everywhere, here)
        if not any(where.any() for where in everywhere):
            return None
    for number, where in enumerate(everywhere or ()):
        if where.any():
            index = tuple(int(i) for i in np.argwhere(where)[0])
            a, b = (np.asarray(x)[index] for x in values[number])
            text = ", ".join(np.array2string(x, separator=", ", threshold=20) for x in inputs)
            first, second = pair(a, b)
            numbers = (bool(not is_kind(x.dtype, np.inexact) or np.isfinite(x)) for x in (a, b))
            return _Difference(
                f"verify has no numbers for these programs, and JAX computes {first} on the "
                f"left and {second} on the right for output {number}{list(index)}, at ({text})",
                *numbers,
            )
    return None


def both(one: Sequence[np.ndarray], two: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Where both say so, output by output."""
    return [a & b for a, b in zip(one, two, strict=True)]


def differs(a: np.ndarray, b: np.ndarray, apart: float) -> np.ndarray:
    """Where two results of JAX differ by so much, relatively; NaN is like NaN."""
    if not isinstance(a.dtype, np.dtype):  # keys
        return np.zeros(a.shape, np.bool_)
    if not is_kind(a.dtype, np.inexact):
        return np.asarray(a != b)
    with np.errstate(all="ignore"):
        finite = np.isfinite(a) & np.isfinite(b)
        near = finite & (np.abs(a - b) <= apart * np.maximum(1.0, np.maximum(np.abs(a), np.abs(b))))
    return np.asarray(~((a == b) | near | (np.isnan(a) & np.isnan(b))))
