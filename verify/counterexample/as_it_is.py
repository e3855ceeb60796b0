"""Is there an input at which the machine's floats are the real numbers, where their bits count?

A proof about `bitcast_convert_type`, `nextafter`, `reduce_precision`, or the sign of a zero, takes
what they look at for the real number, not rounded and with no negative zero. That may be true at no
input at all: (x * 0 + 1e8) + 1 - 1e8 is 1, and in float32 it is 0 whatever x is. So such a proof
counts only if some input is found at which JAX's result of every equation that leads there, in its
own dtype and from the operands' exact values, is exactly the real one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from verify.algebras.base import Meaningless, Unsupported, Value
from verify.algebras.extended import parts_of
from verify.algebras.numeric_value import Bounded
from verify.counterexample.confirm import Comparison, Inputs, values
from verify.counterexample.held import held
from verify.dtypes import DType, is_kind
from verify.limits import budget
from verify.programs import Equation, Program, Var, inner_programs, run_with_jax
from verify.programs.catalogue import Fact, having
from verify.trust import dangers

_KEEPS = having(Fact.SEES_DIGITS)  # whose result is looked at, not its operand alone
LOOKS = having(Fact.SEES_BITS) | having(Fact.ORDERS_ZEROS) | _KEEPS
_TRIED = 24


def somewhere_exact(comparison: Comparison, rng: np.random.Generator) -> bool:
    """Whether such an input was found. Small whole numbers are exact more often than others."""
    programs = (comparison.left, comparison.right)
    wanted = [_leading(program) for program in programs]
    with budget.apart():  # most of it is XLA's compilation
        for inputs in _simple(comparison, rng):
            moved = comparison.moved(held(comparison.left.inputs, inputs))
            if moved is None:
                continue
            try:
                if all(_exact(p, moved, w) for p, w in zip(programs, wanted, strict=True)):
                    return True
            except Unsupported:
                return False
    return False


def _simple(comparison: Comparison, rng: np.random.Generator) -> Iterator[Inputs]:
    variables = comparison.left.inputs
    for number in (1.0, 2.0, 0.0, -1.0):
        yield [np.full(v.shape, number) for v in variables]
    for size in (1, 2, 4, 8) * (_TRIED // 4):
        yield [rng.integers(-size, size + 1, v.shape).astype(np.float64) for v in variables]


def _leading(program: Program) -> set[int]:
    """The equations that lead to something that is looked at, those within loops and branches."""
    found: set[int] = set()
    needed: set[Var] = set()
    for equation in reversed(program.equations):
        inside = [e for inner in inner_programs(equation) for e in inner.every_equation()]
        looks = equation.primitive in LOOKS or any(e.primitive in LOOKS for e in inside)
        if looks:
            needed |= {atom for atom in equation.inputs if isinstance(atom, Var)}
        if equation.primitive in LOOKS - _KEEPS and not needed & set(equation.outputs):
            continue
        if looks or needed & set(equation.outputs):
            needed |= {atom for atom in equation.inputs if isinstance(atom, Var)}
            found |= {id(e) for e in (equation, *inside)}
    return found


def _exact(program: Program, inputs: Inputs, wanted: set[int]) -> bool:
    """Whether each of these equations is exact by JAX at these inputs."""
    exact = True

    def observe(equation: Equation, operands: list[Value], results: list[Value]) -> None:
        nonlocal exact
        if exact and id(equation) in wanted and not inner_programs(equation):
            exact = _one(equation, operands, results)

    try:
        values(program, inputs, observe)
    except Meaningless:
        return False
    return exact


def _one(equation: Equation, operands: list[Value], results: list[Value]) -> bool:
    """One equation of floats; others are exact by themselves."""
    inexact = [is_kind(v.dtype, np.inexact) for v in equation.outputs]
    looks = equation.primitive in LOOKS - _KEEPS
    known = [_own(x, atom.dtype) for x, atom in zip(operands, equation.inputs, strict=True)]
    given = [x for x in known if x is not None]
    if len(given) < len(known):
        return False
    if not any(inexact) or looks:
        return True
    alone = dangers.alone(equation)
    if not dangers.harmless(alone):
        return False
    theirs = run_with_jax(equation, given)
    for ours, his, v in zip(results, theirs, equation.outputs, strict=True):
        own = _own(ours, v.dtype)
        if own is None or own.tobytes() != np.asarray(his).astype(v.dtype).tobytes():
            return False
    return True


def _own(value: Value, dtype: DType) -> np.ndarray | None:
    """A certified value in its own dtype; None where it is not known exactly, or is not held. No
    zero is negative."""
    several = parts_of(value, Bounded)
    if not isinstance(dtype, np.dtype):
        return None
    if any(part.unknown.any() for part in several):
        return None
    if is_kind(dtype, np.inexact) and any((part.errors != 0).any() for part in several):
        return None
    arrays = [np.asarray(part.value) for part in several]
    whole = arrays[0] if len(arrays) == 1 else arrays[0] + 1j * arrays[1]
    with np.errstate(all="ignore"):
        found = np.asarray(whole).astype(dtype)
    if is_kind(dtype, np.inexact):
        found = np.asarray(found + 0)  # -0.0 is 0.0
        if not np.array_equal(found.astype(whole.dtype), whole):
            return None
    return found
