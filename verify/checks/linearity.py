"""Where a program is not linear in some of its inputs: what reverse mode cannot transpose.

Only to name the user's line. What can be transposed is for JAX to say (`derivatives.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from verify.programs import Atom, Equation, Program
from verify.programs.catalogue import Fact, row


def nonlinear(program: Program, moving: Sequence[bool]) -> str:
    """The first operation that is not linear in the inputs that are `moving`: its name and line.
    Empty where all are, or it is not known.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> program = trace(lambda x, d: jnp.sin(x) * d / abs(d), 1.0, 1.0)
    >>> nonlinear(program, [True, False]).split(" ")[0], nonlinear(program, [False, True])[:3]
    ('sin', 'abs')
    """
    depends: set[Atom] = {v for v, moves in zip(program.inputs, moving, strict=True) if moves}
    for equation in program.equations:
        moved = [atom in depends for atom in equation.inputs]
        if not any(moved):
            continue
        inside = _inside(equation, moved)
        if inside is not None:
            if inside:
                return inside
        elif not _is_linear(equation, moved):
            where = f" at {equation.source}" if equation.source else ""
            return f"{equation.primitive}{where}"
        depends.update(equation.outputs)
    return ""


def _is_linear(equation: Equation, moved: Sequence[bool]) -> bool:
    known = row(equation.primitive)
    if Fact.BILINEAR in known.facts:
        return not all(moved[:2])
    if Fact.LINEAR in known.facts:
        return True
    return not any(m for i, m in enumerate(moved) if i not in known.linear_in)


def _inside(equation: Equation, moved: Sequence[bool]) -> str | None:
    """What is not linear in the bodies of a loop or the branches of a choice; None elsewhere."""
    params = equation.params
    if equation.primitive == "scan":
        return nonlinear(params["jaxpr"], moved)
    if equation.primitive == "while":
        before = params["cond_nconsts"]
        return nonlinear(params["body_jaxpr"], moved[before:])
    if equation.primitive == "cond":
        if moved[0]:
            return f"cond at {equation.source}"
        return next((found for b in params["branches"] if (found := nonlinear(b, moved[1:]))), "")
    return None
