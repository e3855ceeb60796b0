"""What a proof would cost, before it is begun: the products of numbers in matrix products and
convolutions, which are most of it where there are many.

A proof that would take longer than the seconds that are left, by far, is not begun: the verdict is
unknown at once, by name and number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from verify.limits import budget
from verify.programs import Equation, Program, inner_programs

_A_PRODUCT = 0.3  # units of work (`budget.py`): three products of limbs for each of ten residues
_SMALL = 1e9  # products; what takes fewer is begun


def refuse(programs: Sequence[Program]) -> None:
    """Raises `budget.OutOfTime` where the seconds are not enough for the products of a proof."""
    counted = [products(program) for program in programs]
    total = sum(count for count, _ in counted)
    if total < _SMALL:
        return
    _, worst = max(counted, key=lambda found: found[0])
    where = f" ({worst.primitive}{f' at {worst.source}' if worst.source else ''})" if worst else ""
    with budget.doing(f"a proof of {total:.1e} products{where}"):
        budget.check(_A_PRODUCT * total)


def products(program: Program) -> tuple[float, Equation | None]:
    """How many products of numbers a program takes, and the equation that takes most of them.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> program = trace(lambda x, y: x @ y + 1, jnp.ones((4, 5)), jnp.ones((5, 6)))
    >>> count, equation = products(program)
    >>> count, equation.primitive
    (120.0, 'dot_general')
    """
    total, most, worst = 0.0, 0.0, None
    for equation in program.equations:
        inside = [products(inner) for inner in inner_programs(equation)]
        count = float(equation.params.get("length", 1)) * sum(found for found, _ in inside)
        count += own(equation)
        total += count
        if count > most:
            most, worst = count, next((e for found, e in inside if e is not None), equation)
    return total, worst


def own(equation: Equation) -> float:
    """Those of the equation itself, without the bodies that it holds."""
    name = equation.primitive
    size = float(sum(math.prod(v.shape) for v in equation.outputs))
    if name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        return size * math.prod(equation.inputs[0].shape[i] for i in contracted)
    if name == "conv_general_dilated":
        kernel = equation.inputs[1].shape
        out = kernel[equation.params["dimension_numbers"].rhs_spec[0]]
        return size * math.prod(kernel) / max(out, 1)
    return 0.0
