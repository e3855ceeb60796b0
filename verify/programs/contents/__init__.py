"""What arrays hold, whatever their dimensions of size one: value numbering up to shapes.

`vmap` of a network that takes batches of one image does what the network does with the batch, in
arrays with one more dimension, of size 1, which every layer carries along. Layer by layer the
numbers are the same, in the same order. So a value's number here is not that of an array, but of
what it holds: of the array without its dimensions of size one. What only moves those dimensions, or
adds some, makes nothing new; what works along others is the same operation, wherever they stand.

Two values with one number and one shape are the same value. As in `value_numbers.py`, numbers are
exact, and nothing need be known of an operation: one without a form below is itself, of operands
of these shapes.
"""

from __future__ import annotations

from collections.abc import Mapping

from verify.programs.catalogue import Fact, having
from verify.programs.contents.forms import FORMS, each
from verify.programs.contents.moves import squeezed
from verify.programs.contents.numbers import Contents
from verify.programs.ir import Equation, Program, Var
from verify.programs.value_numbers import Number, is_stateful

__all__ = ["Contents", "held", "same"]

_ELEMENTWISE = having(Fact.ELEMENTWISE)
_BARRIER = "optimization_barrier"  # what it is given


def same(left: Program, right: Program) -> bool:
    """Whether two programs of the same inputs do the same, operation by operation, but for
    dimensions of size one.

    >>> import jax, jax.numpy as jnp
    >>> from verify.programs import trace
    >>> def norm(x): return x / jnp.sqrt((x * x).sum(1, keepdims=True))
    >>> x = jax.ShapeDtypeStruct((5, 3), jnp.float32)
    >>> each = trace(jax.vmap(lambda one: norm(one[None])[0]), x)
    >>> same(trace(norm, x), each), same(trace(lambda x: norm(-x), x), each)
    (True, False)
    """
    if left.is_symbolic() or right.is_symbolic():
        return False
    contents = Contents()
    one, two = (
        [(contents.atom(a, found), a.shape) for a in program.outputs]
        for program, found in ((program, held(program, contents)) for program in (left, right))
    )
    return one == two and not contents.numbers.stateful


def held(program: Program, contents: Contents) -> dict[Var, Number]:
    """What each variable holds. Inputs of one place and shape are one in all programs."""
    found: dict[Var, Number] = {}
    for place, v in enumerate(program.inputs):
        found[v] = contents.made(("input", place, v.shape, str(v.dtype)), squeezed(v.shape))
    for equation in program.equations:
        found.update(zip(equation.outputs, _results(equation, contents, found), strict=True))
    return found


def _results(equation: Equation, contents: Contents, found: Mapping[Var, Number]) -> list[Number]:
    if is_stateful(equation):
        contents.numbers.stateful = True
        return [
            contents.made(("only", contents.numbers.unique(v)), squeezed(v.shape))
            for v in equation.outputs
        ]
    operands = [contents.atom(atom, found) for atom in equation.inputs]
    if equation.primitive == _BARRIER:
        return operands
    form = each if equation.primitive in _ELEMENTWISE else FORMS.get(equation.primitive)
    one = len(equation.outputs) == 1
    number = form(contents, equation, operands) if one and form is not None else None
    if number is not None:
        return [number]
    shapes = (atom.shape for atom in equation.inputs)
    key = (contents.numbers.operation(equation), *zip(operands, shapes, strict=True))
    return [contents.made((i, key), squeezed(v.shape)) for i, v in enumerate(equation.outputs)]
