"""Numbers of a program whose bits it looks at: these stand for the float that they are.

No other literal is concerned: a dropout mask makes floats of random bits, and 0.1 beside it may
still have been rounded.
"""

from __future__ import annotations

import numpy as np

from verify.constants.literals import constants, is_inexact, parts, significands
from verify.programs import Program, Var, inner_programs
from verify.programs.catalogue import Fact, having

_LOOK = having(Fact.SEES_BITS) | having(Fact.SEES_DIGITS)


def seen(program: Program) -> set[float]:
    """The significands of constants that may reach an operand whose bits are looked at.

    >>> import jax, jax.numpy as jnp
    >>> from verify.programs import trace
    >>> seen(trace(lambda x: 0.3 * x + jax.lax.reduce_precision(0.75 * x, 5, 2), 1.0))
    {0.75}
    """
    if program.primitives().isdisjoint(_LOOK):
        return set()
    found: set[float] = set()
    needed: set[Var] = set()
    for equation in reversed(program.equations):
        bodies = inner_programs(equation)
        looks = equation.primitive in _LOOK
        looks |= any(not body.primitives().isdisjoint(_LOOK) for body in bodies)
        if not looks and needed.isdisjoint(equation.outputs):
            continue
        needed.update(atom for atom in equation.inputs if isinstance(atom, Var))
        atoms = [atom for atom in equation.inputs if is_inexact(atom)]
        for body in bodies:  # whatever is in there: a loop hands its values on
            atoms += [atom for atom, _ in constants(body)]
        for atom in atoms:
            for values, _ in parts(atom):
                found.update(np.unique(significands(values)).tolist())
    return found
