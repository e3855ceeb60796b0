"""Which functions of a program are not defined everywhere, and whether they had a value.

A function is looked at whether or not a selection discards what it gives. A branch of `cond` that
is not taken is not looked at, so that an input where it is taken has to be found as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from verify.algebras.base import Value
from verify.algebras.extended import parts_of
from verify.algebras.numeric_value import Bounded
from verify.dtypes import all_finite, is_kind
from verify.evaluate import Observe
from verify.programs import Const, Equation, Program
from verify.programs.catalogue import Fact, having

# What is not defined everywhere: functions, zeros whose sign decides, bits that are no number.
_PARTIAL = having(Fact.PARTIAL) | having(Fact.SEES_ZERO_SIGN) | having(Fact.SEES_BITS)
_PARTIAL |= {"exp", "reduce_prod", "cumlogsumexp"}  # which overflow

Observer = Observe


class Domain:
    """Watches evaluations of two programs: was either of them defined, with all its branches?

    `counts`: whether the inputs are in general position. sqrt(-x x) has a value at 0, and a proof
    about that one point says nothing of what is computed elsewhere.
    """

    def __init__(self, left: Program, right: Program) -> None:
        self.waiting = {id(e) for p in (left, right) for e in in_branches(p)}
        self.counts = False
        self.found = False  # an input at which all that was evaluated had a value

    @property
    def inhabited(self) -> bool:
        return self.found and not self.waiting

    @contextmanager
    def watch(self) -> Iterator[Observer]:
        """What to call with each equation, while both programs are evaluated at one input."""
        inside, met = self.counts, set()

        def observe(equation: Equation, operands: list[Value], results: list[Value]) -> None:
            nonlocal inside
            if equation.primitive in _PARTIAL and inside:
                met.add(id(equation))
                inside = has_value(
                    equation,
                    [part.value for value in operands for part in parts_of(value, Bounded)],
                    [part.value for value in results for part in parts_of(value, Bounded)],
                )

        yield observe
        if inside:
            self.found = True
            self.waiting -= met


def in_branches(program: Program) -> Iterator[Equation]:
    """The partial functions in branches of `cond`."""
    for equation in program.every_equation():
        if equation.primitive == "cond":
            for branch in equation.params["branches"]:
                yield from (e for e in branch.every_equation() if e.primitive in _PARTIAL)


_CUT = frozenset(("log", "log1p", "log2", "rsqrt"))  # of complex numbers


def _on_a_cut(equation: Equation, operands: list[np.ndarray]) -> bool:
    """Whether the sign of a zero decides which branch of a function is taken."""
    if equation.primitive == "atan2":
        y, x = operands
    elif equation.primitive in _CUT and is_kind(equation.inputs[0].dtype, np.complexfloating):
        whole = np.iscomplexobj(operands[0])  # by JAX, else in parts
        x, y = (operands[0].real, operands[0].imag) if whole else operands[:2]
        x = x + 1 if equation.primitive == "log1p" else x
    else:
        return False
    return bool(((y == 0) & (x <= 0)).any())


def has_value(equation: Equation, operands: list[np.ndarray], results: list[np.ndarray]) -> bool:
    """Whether the function has one, element by element, as a function of reals."""
    if any(is_kind(y.dtype, np.inexact) and np.isnan(y).any() for y in results):
        return False
    if equation.primitive == "bitcast_convert_type":
        return all(map(all_finite, results))
    if _on_a_cut(equation, operands):
        return False
    if (
        equation.primitive != "pow"
        or len(operands) != 2
        or not is_kind(operands[0].dtype, np.floating)
    ):
        return True
    # Proofs read x**y as exp(y log x), which has no value where x is negative and y happens to be
    # a whole number; they read x**2 as x x.
    exponent = equation.inputs[1]
    if isinstance(exponent, Const) and (2 * np.asarray(exponent.value) % 1 == 0).all():
        return True
    return bool((operands[0] > 0).all())
