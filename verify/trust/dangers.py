"""Which programs XLA may abort on, and with it the process that compiles them, or that may not end.

`harmless(program)` says of which programs none of that is to be feared. What is known of: a window
of all ones with negative padding; an integer that XLA knows, divided by a zero that it knows
(`divisors.py`); numbers of less than a byte. All others are run elsewhere (`child.py`).
"""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from verify.dtypes import DType, is_integer, is_kind, limits
from verify.primitives import RULES
from verify.programs import Equation, Program, Var, once_a_program
from verify.trust import divisors


def harmless(program: Program) -> bool:
    """Whether XLA is not known to abort on programs like this one, and they certainly end:
    conservative.

    >>> import jax, jax.numpy as jnp
    >>> from verify.programs import trace
    >>> harmless(trace(jnp.cumsum, jnp.zeros(3)))
    True
    >>> pool = lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, (1,), (1,), ((-1, 0),))
    >>> harmless(trace(pool, jnp.zeros(3)))
    False
    """
    return not may_abort(program) and ends(program)


def ends(program: Program) -> bool:
    """Whether it certainly ends: there is no `while` in it."""
    return "while" not in program.primitives()


def may_abort(program: Program) -> bool:
    """Whether XLA might end the process that compiles it."""
    equations = list(program.every_equation())
    if not all(_is_usual(equation) for equation in equations):
        return True
    if not divisors.are_harmless(program):
        return True
    windows = any(
        "window_dimensions" in e.params or "window_strides" in e.params for e in equations
    )
    cuts = any(
        low < 0 or high < 0
        for e in equations
        if e.primitive == "pad"
        for low, high, _ in e.params["padding_config"]
    )
    return windows and cuts  # XLA folds a padding into a window


@once_a_program
def some_may_abort(program: Program) -> bool:
    """Whether XLA might end the process where the equations are compiled one by one: then it knows
    no operand, but those of the equations in bodies and branches."""
    return any(may_abort(alone(equation)) for equation in program.equations)


def _is_usual(equation: Equation) -> bool:
    if equation.primitive not in RULES and equation.primitive not in _WITHOUT_RULES:
        return False  # a callback, a kernel of the user's own
    if any(_is_narrow(atom.dtype) for atom in (*equation.inputs, *equation.outputs)):
        return False
    padding = equation.params.get("padding", ())
    pairs = padding if isinstance(padding, tuple | list) else ()
    if any(low < 0 or high < 0 for low, high in pairs):
        return False
    dilated = equation.params.get("base_dilation", ())
    return all(n == 1 for n in dilated)


_WITHOUT_RULES = frozenset(
    ("iota", "iota_2x32_shape", "lu_pivots_to_permutation", "empty", "zeros_like", "pjit", "jit")
)


def _is_narrow(dtype: DType) -> bool:
    """Integers of less than a byte, and floats of six bits."""
    if not isinstance(dtype, np.dtype):
        return False
    if is_kind(dtype, np.floating):
        return jnp.finfo(dtype).bits == 6
    return is_integer(dtype) and limits(dtype)[1] < 127


def alone(equation: Equation) -> Program:
    """A program of this equation, all of whose operands are inputs."""
    inputs = tuple(Var(tuple(atom.shape), atom.dtype) for atom in equation.inputs)
    return Program(inputs, (replace(equation, inputs=inputs),), equation.outputs)
