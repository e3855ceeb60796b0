"""What integers are divided by: whether XLA may come to divide by a zero while it compiles.

XLA works out what it knows, with the machine's own division: an integer x / 0 or x rem 0 ends the
process (SIGFPE). It may come to know nearly everything: x * 0 as well, and what a branch or a loop
is given. So a divisor has to be an input of the program, of which nothing is known, or numbers that
are seen not to be 0. Anything else counts as one that may be 0: this says no rather too often.
"""

from __future__ import annotations

import numpy as np

from verify.dtypes import DType, is_integer
from verify.programs import Atom, Const, Equation, Program, Var, inner_programs
from verify.programs.catalogue import Fact, having

_MOVES = having(Fact.MOVES, but=Fact.SEVERAL | Fact.INDEXED)


def are_harmless(program: Program) -> bool:
    """Whether XLA certainly divides no integer by zero while it compiles the program.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> n = jnp.arange(3)
    >>> are_harmless(trace(lambda n: n // 2, n)), are_harmless(trace(lambda n: n // (n * 0), n))
    (True, False)
    """
    if not any(_divides(equation) for equation in program.every_equation()):
        return True
    return _are_harmless(program, program.inputs)


def _are_harmless(program: Program, unknown: tuple[Var, ...]) -> bool:
    """`unknown`: the variables of which XLA knows nothing."""
    made = {v: equation for equation in program.equations for v in equation.outputs}
    for equation in program.equations:
        if _divides(equation) and not _is_harmless(equation.inputs[1], made, unknown):
            return False
        if not all(_are_harmless(body, ()) for body in inner_programs(equation)):
            return False
    return True


def _divides(equation: Equation) -> bool:
    dtype = equation.outputs[0].dtype if equation.primitive in ("div", "rem") else None
    return isinstance(dtype, np.dtype) and is_integer(dtype)


_Made = dict[Var, Equation]


def _is_harmless(
    atom: Atom, made: _Made, unknown: tuple[Var, ...], into: tuple[DType, ...] = ()
) -> bool:
    """Whether an integer is one that XLA does not know, or not 0, once it is converted to the
    dtypes `into`, one after the other."""
    if isinstance(atom, Const):
        numbers = np.asarray(atom.value)
        for dtype in into:
            numbers = numbers.astype(dtype)
        return bool((numbers != 0).all())
    if atom in unknown:
        return True
    equation = made.get(atom)
    if equation is None:
        return False
    operands = equation.inputs
    if equation.primitive == "convert_element_type":
        return _is_harmless(operands[0], made, unknown, (atom.dtype, *into))
    if equation.primitive in _MOVES:
        return _is_harmless(operands[0], made, unknown, into)
    if equation.primitive == "max":
        return not into and any(_are_positive(bound) for bound in operands)
    if equation.primitive == "select_n":  # JAX's `n % d` is of such a d
        guarded = () if into else _not_zero_where_chosen(operands, made)
        return all(x in guarded or _is_harmless(x, made, unknown, into) for x in operands[1:])
    return False


def _not_zero_where_chosen(operands: tuple[Atom, ...], made: _Made) -> tuple[Atom, ...]:
    """The d of a choice `select(d == 0, d, ...)`."""
    which, first = operands[:2]
    equation = made.get(which) if isinstance(which, Var) else None
    if equation is None or equation.primitive != "eq" or equation.inputs[0] is not first:
        return ()
    zero = equation.inputs[1]
    is_zero = isinstance(zero, Const) and not np.asarray(zero.value).any()
    return (first,) if is_zero and operands[2] is not first else ()


def _are_positive(atom: Atom) -> bool:
    return isinstance(atom, Const) and bool((np.asarray(atom.value) > 0).all())
