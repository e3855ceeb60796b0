"""One program has a number where the other has none.

Two programs are equal if they agree wherever both are defined. Where one is defined on an open set
of inputs and the other is not, that is a difference: `sqrt(x)**2` is no x for negative x. A single
point, or a tie, is no open set: x / x is 1.

Undefined at an input: a certain violation of a function's domain (`algebras/healing.py`) and
nothing else keeps the program from a number there; whatever a selection discards does not count.
Open: the same at random inputs nearby. Booleans stay as they are there; integers move to their
neighbours, so that division by an integer is undefined at the point zero only, and so do floats of
few bits. Every number moves: among many, one that stayed would make an open set of a point.
A NaN that the program holds as a constant and selects is a value, and differs from numbers at a
single point too.
Reads out of bounds, which fill with NaN, are none: proofs take indices to be in bounds and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Value
from verify.algebras.extended import lift, parts_of
from verify.algebras.healing import Healing, Violation
from verify.algebras.numeric_value import Bounded
from verify.counterexample.held import fit
from verify.dtypes import is_integer, is_kind
from verify.evaluate import evaluate
from verify.programs import Equation, Program, Var
from verify.programs.catalogue import Fact, having

_NEARBY, _NEARBY_COARSE = 4, 12  # inputs
_FINE = 2.0**-10  # spacing of the floats that are close together
_STEP = 2.0**-6  # relative
SCALES = (1.0, 2.0**-7, 2.0**-13)  # of steps: an open set may be a narrow strip
_MOST = 12  # violations looked at for the one to be named
_READS = having(Fact.INDEXED)


@dataclass(frozen=True)
class Undefined:
    """An output element that has no value on one side."""

    output: int
    index: tuple[int, ...]
    left: bool  # which side
    cause: str  # "sqrt of -1 at file.py:12 (f)"


@dataclass(frozen=True)
class _Found:
    violation: Violation
    equation: Equation | None


def known(value: Value) -> np.ndarray:
    """Where an output has a certified value."""
    found = np.ones(value.shape, np.bool_)
    for part in parts_of(value, Bounded):
        if isinstance(part.value, np.ndarray) and is_kind(part.value.dtype, np.inexact):
            found = found & ~np.isnan(part.value)
        found = found & ~part.unknown
    return found


def one_sided(
    left: Sequence[Value], right: Sequence[Value], *, left_only: bool = False
) -> list[tuple[int, bool, np.ndarray]]:
    """(output, whether it is the left that may be undefined, where) for each output in which only
    one side has a known value; `left_only`: the right."""
    found = []
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        if not isinstance(a.dtype, np.dtype) or not is_kind(a.dtype, np.inexact):
            continue  # of a comparison with NaN, proofs say what they assume
        one, two = known(a), known(b)
        found += [(number, True, ~one & two)] * bool((~one & two).any())
        found += [(number, False, one & ~two)] * bool((one & ~two).any() and not left_only)
    return found


def undefined(
    programs: tuple[Program, Program],
    inputs: Sequence[np.ndarray],
    outputs: tuple[Sequence[Value], Sequence[Value]],
    values: Callable[[Program, list[np.ndarray]], Sequence[Value]],
    near: Callable[[float], Sequence[list[np.ndarray]]],
    *,
    left_only: bool = False,
) -> Undefined | None:
    """An element that is undefined on one side, on an open set around these inputs, or None.

    outputs: of both programs there, in certified numbers; values: (program, inputs) -> outputs;
    near: inputs around these, at most so far away (none: no set is open);
    left_only: whether the right may be undefined where it likes.
    """
    for number, left, where in one_sided(*outputs, left_only=left_only):
        program = programs[0 if left else 1]
        healed, found = _healed(program, inputs)
        where = where & known(healed[number])
        if all(map(_is_read, found)) or not where.any():
            continue
        at_all = where
        for scale in SCALES:
            inputs_there = near(scale)
            where = at_all & bool(inputs_there)
            for there in inputs_there:
                if where.any():
                    where = where & _there(programs, there, number, left, values)
            if where.any():
                break
        # A NaN that is selected is a value at a single point too.
        index = _first(where if where.any() else at_all)
        cause = _named(program, inputs, found, number, index)
        if cause is not None and (where.any() or cause.violation.is_constant):
            return Undefined(number, index, left, _sentence(cause, index))
    return None


def violations(
    program: Program, inputs: Sequence[np.ndarray]
) -> tuple[list[str], list[np.ndarray]]:
    """What functions are certainly asked for that they have no value of, at these inputs; and where
    the outputs would have a value if they had: nothing else (an overflow, say) is in the way.

    A read out of bounds, which a proof assumes not to happen, is in the way of all.
    """
    outputs, found = _healed(program, inputs)
    inside = not any(_is_read(one) for one in found)
    return [_sentence(one, ()) for one in found], [known(value) & inside for value in outputs]


def _is_read(found: _Found) -> bool:
    return found.equation is not None and found.equation.primitive in _READS


def _first(where: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(where)[0])


def _there(
    programs: tuple[Program, Program],
    inputs: list[np.ndarray],
    number: int,
    left: bool,
    values: Callable[[Program, list[np.ndarray]], Sequence[Value]],
) -> np.ndarray:
    """Where the output is undefined, by violations, on the given side alone."""
    one, two = (known(values(program, inputs)[number]) for program in programs)
    healed, _ = _healed(programs[0 if left else 1], inputs)
    return ((~one & two) if left else (one & ~two)) & known(healed[number])


def _healed(
    program: Program, inputs: Sequence[np.ndarray], keep: int | None = None
) -> tuple[list[Value], list[_Found]]:
    """The outputs with all violations healed but one, and the violations."""
    healing, found = Healing(keep), list[_Found]()

    def observe(equation: Equation, _: list[Value], results: list[Value]) -> None:
        found.extend(_Found(v, equation) for v in healing.found[len(found) :])

    lifted = [
        lift(healing, array, var.dtype) for array, var in zip(inputs, program.inputs, strict=True)
    ]
    with np.errstate(all="ignore"):
        outputs = evaluate(program, healing, lifted, observe)
    found.extend(_Found(v, None) for v in healing.found[len(found) :])
    return outputs, found


def _named(
    program: Program,
    inputs: Sequence[np.ndarray],
    found: list[_Found],
    number: int,
    index: tuple[int, ...],
) -> _Found | None:
    """The first violation without which the element would have a value; None for a read out of
    bounds, or if it is none of the first few."""
    for keep, one in enumerate(found[:_MOST]):
        outputs, _ = _healed(program, inputs, keep)
        if not known(outputs[number])[index]:
            return None if _is_read(one) else one
    return None


def around(
    program: Program, inputs: Sequence[np.ndarray], scale: float = 1.0
) -> list[list[np.ndarray]]:
    """Inputs near these, in every direction: every number moves each time, but for booleans."""
    rng = np.random.default_rng(0)
    near = []
    for _ in range(_NEARBY_COARSE if any(map(_is_coarse, program.inputs)) else _NEARBY):
        moved = []
        for v, x in zip(program.inputs, inputs, strict=True):
            if is_integer(v.dtype):
                x = _other_integers(v, x, rng)
            elif is_kind(v.dtype, np.complexfloating):
                parts = [_other_floats(v, part, rng, scale) for part in (x.real, x.imag)]
                x = fit(v, parts[0] + 1j * parts[1])
            elif is_kind(v.dtype, np.inexact):
                x = fit(v, _other_floats(v, x, rng, scale))
            moved.append(x)
        near.append(moved)
    return near


def _is_coarse(v: Var) -> bool:
    """Whether two numbers that were equal are often equal after both have moved."""
    if is_integer(v.dtype):
        return True
    return is_kind(v.dtype, np.inexact) and float(jnp.finfo(v.dtype).eps) > _FINE


def _other_integers(v: Var, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    step = rng.integers(1, 4, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    wide = x.astype(np.float64)
    there = fit(v, wide + step)
    # At the end of the range there is nothing but on the other side. (Beyond 2**53 steps of a
    # float are too small: a number that did not move at all is as far as one can tell.)
    return np.asarray(np.where(there == x, fit(v, wide - step), there))


def _other_floats(v: Var, x: np.ndarray, rng: np.random.Generator, scale: float) -> np.ndarray:
    """By a step of the format at least, within its range."""
    info = jnp.finfo(v.dtype)
    size = np.maximum(np.abs(x), 2.0**-6) * max(_STEP * scale, 4 * float(info.eps))
    size = np.maximum(size, 4 * float(info.smallest_subnormal))
    step = size * rng.uniform(0.25, 1, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    there = x + step
    outside = (there > float(info.max)) | (there < float(info.min))
    return np.asarray(np.where(outside, x - step, there))


def _sentence(cause: _Found, index: tuple[int, ...]) -> str:
    source = "" if cause.equation is None else cause.equation.source
    return cause.violation.at(index) + (f" at {source}" if source else "")
