"""Where a program takes roots and logarithms of what is positive anyway, and divides by it.

A search for inputs at which a function has no value (`edges.py`) can find none there. Signs are
those of the operations: squares are not negative, exponentials are positive, and so are sums and
products of such numbers. Of what the catalogue does not
know nothing is known. Proves nothing: a sign that is
wrong would only lose a search.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.dtypes import is_kind
from verify.programs import Atom, Const, Equation, Program, Var, once_a_program
from verify.programs.catalogue import Fact, having

_ANY, _NONNEGATIVE, _POSITIVE = 0, 1, 2  # of all elements, wherever they have a value

_POSITIVE_ALWAYS = having(Fact.POSITIVE)
_NEVER_NEGATIVE = having(Fact.NOT_NEGATIVE)
_KEEPS_SIGN = having(Fact.KEEPS_SIGN)
# Sums that may be of nothing, as parts of windows and of paddings are.
_MAYBE_EMPTY = having(Fact.ADDS, Fact.KEEPS_SIGN, but=Fact.ELEMENTWISE | Fact.INDEXED)
_MAYBE_EMPTY -= {"reduce_sum", "cumsum"}

# What has no value beyond the edge, and the least sign of an operand that keeps it off.
_ROOM = {
    "sqrt": (0, _NONNEGATIVE),
    "log1p": (0, _NONNEGATIVE),
    "rsqrt": (0, _POSITIVE),
    "log": (0, _POSITIVE),
    "div": (1, _POSITIVE),
}


@once_a_program
def never_reached(program: Program) -> frozenset[int]:
    """The equations (their `id`) whose operand is never where the function has no value.

    >>> import jax, jax.numpy as jnp
    >>> from verify.programs import trace
    >>> program = trace(lambda x: jnp.sqrt(x * x) + 1 / (1 + jnp.exp(x)), jnp.zeros(3))
    >>> len(never_reached(program))
    2
    >>> len(never_reached(trace(lambda x: 1 / (1 + x), jnp.zeros(3))))
    0
    """
    signs: dict[Var, int] = {}
    found = set()

    def sign(atom: Atom) -> int:
        return _of_constant(atom) if isinstance(atom, Const) else signs.get(atom, _ANY)

    for equation in program.equations:
        operands = [sign(atom) for atom in equation.inputs]
        if equation.primitive in _ROOM:
            which, least = _ROOM[equation.primitive]
            if operands[which] >= least:
                found.add(id(equation))
        result = _sign(equation, operands)
        signs.update((v, result) for v in equation.outputs if is_kind(v.dtype, np.floating))
    return frozenset(found)


def _of_constant(constant: Const) -> int:
    dtype = constant.dtype
    if not isinstance(dtype, np.dtype) or not is_kind(dtype, np.number):
        return _ANY
    if is_kind(dtype, np.complexfloating):
        return _ANY
    array = np.asarray(constant.value).astype(np.float64)
    if not array.size or not (array >= 0).all():
        return _ANY
    return _POSITIVE if (array > 0).all() else _NONNEGATIVE


def _sign(equation: Equation, operands: Sequence[int]) -> int:
    name, inputs = equation.primitive, equation.inputs
    if name in _POSITIVE_ALWAYS:
        return _POSITIVE
    if name == "integer_pow" and equation.params["y"] % 2 == 0:
        return max(_NONNEGATIVE, operands[0])
    if name in _NEVER_NEGATIVE:
        return max(_NONNEGATIVE, operands[0] if name in _KEEPS_SIGN else _ANY)
    if name == "max":
        return max(operands)
    if name == "mul" and inputs[0] is inputs[1]:
        return max(_NONNEGATIVE, operands[0])
    if name in ("add", "add_any") and min(operands) >= _NONNEGATIVE:
        return max(operands)
    if name == "select_n":
        return min(operands[1:])
    if name == "clamp":
        return operands[0] if operands[2] >= operands[0] else _ANY
    if name not in _KEEPS_SIGN:
        return _ANY
    least = min(operands, default=_ANY)
    return min(least, _NONNEGATIVE) if name in _MAYBE_EMPTY else least
