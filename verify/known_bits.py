"""The bits of constants that a program computes: those of the machine's numbers, not of the reals.

`evaluate` works out what is done to constants over the reals: (1e8 + 1) - 1e8 is 1 there, and 0 in
float32; max(0, -0) is a zero there, of whatever sign. Who looks at bits, or at the sign of a zero,
sees what the machine makes of these constants. So before an equation that looks, its operands that
are computed constants are compared with what JAX makes of them in the program's own dtypes:

* they are the same: nothing is to be said;
* they are others: nothing is proved, and a search sees JAX's;
* JAX cannot be asked (a loop has changed them): the proof assumes `OF_BITS`.

What a loop, a branch or another body is given is compared where it is given, if anything in there
looks.

Numbers that the program holds, and that are only moved, are what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import jax
import numpy as np

from verify.algebras.base import Algebra, Unsupported, V, Value
from verify.algebras.extended import lift, plain
from verify.dtypes import DType
from verify.primitives.indexing import OF_BITS
from verify.programs import (
    Atom,
    Const,
    Equation,
    Program,
    Var,
    inner_programs,
    leading_to,
    run_with_jax,
)
from verify.programs.catalogue import Fact, having
from verify.trust import dangers

_BITS = having(Fact.SEES_BITS) | having(Fact.ORDERS_ZEROS)
# These look at the sign of a zero, and at nothing else that a real number does not have.
_ZEROS = having(Fact.SEES_ZERO_SIGN)
_LOOK = _BITS | _ZEROS
_BODY = having(Fact.BODY)  # which may look


def as_seen(
    program: Program, equation: Equation, operands: list[Value], algebra: Algebra[V], body: bool
) -> list[Value]:
    """The operands of an equation of the program, with constants as the machine has them if the
    equation looks at their bits. `body`: whether the program is one of another's.

    Raises `Unsupported` in a proof, where a constant is another over the reals.
    """
    names = {equation.primitive}
    if equation.primitive in _BODY:
        names.update(*(inner.primitives() for inner in inner_programs(equation)))
    if names.isdisjoint(_LOOK):
        return operands
    zeros = names.isdisjoint(_BITS)
    pairs = zip(equation.inputs, operands, strict=True)
    return [_as_seen(program, zeros, *pair, algebra, body) for pair in pairs]


def _as_seen(
    program: Program, zeros: bool, atom: Atom, value: Value, algebra: Algebra[V], body: bool
) -> Value:
    """One operand. `zeros`: only the signs of zeros are looked at."""
    if not isinstance(atom, Var) or not _is_inexact(atom.dtype) or value.concrete is None:
        return value
    over_the_reals = np.asarray(value.concrete)
    if zeros and not _parts_equal_zero(over_the_reals):
        return value
    if over_the_reals.shape != atom.shape or (not body and atom in program.inputs):
        return value
    base = plain(algebra)
    computed = by_the_machine(program, atom)
    if computed is None:
        if zeros:  # of whose signs the functions say themselves what they assume
            return value
        base.assume(OF_BITS)
        base.partial = True
        return value
    if _same(over_the_reals, computed):
        return value
    if base.assumes:
        raise Unsupported(
            f"the bits of a constant that is another in {atom.dtype} than over the reals"
        )
    return lift(algebra, computed)


def by_the_machine(program: Program, var: Var) -> np.ndarray | None:
    """What JAX makes of a variable in its own dtype, one equation after the other; None where it
    depends on the program's inputs, or on what is not to be run here.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> program = trace(lambda x: x + (jnp.full(2, 1e8) + 1 - 1e8), 0.0)
    >>> by_the_machine(program, program.equations[-1].inputs[1])
    array([0., 0.], dtype=float32)
    """
    found = _FOUND.setdefault(program, {})
    if var not in found:
        for equation in leading_to(program.equations, [var]):
            if equation.outputs[0] not in found:
                found.update(zip(equation.outputs, _run(equation, found), strict=True))
    return found.get(var)


_FOUND: WeakKeyDictionary[Program, dict[Var, np.ndarray | None]] = WeakKeyDictionary()


def _run(equation: Equation, found: dict[Var, np.ndarray | None]) -> Sequence[np.ndarray | None]:
    nothing = [None] * len(equation.outputs)
    known = [x.value if isinstance(x, Const) else found.get(x) for x in equation.inputs]
    values = [value for value in known if value is not None]
    if len(values) < len(known) or not dangers.harmless(dangers.alone(equation)):
        return nothing
    try:
        return run_with_jax(equation, values)
    except Exception:  # a collective, say, means nothing outside its mesh
        return nothing


def _is_inexact(dtype: DType) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, np.inexact))


def _parts(array: np.ndarray) -> list[np.ndarray]:
    if np.iscomplexobj(array):
        return [array.real.astype(np.float64), array.imag.astype(np.float64)]
    return [array.astype(np.float64)]


def _parts_equal_zero(array: np.ndarray) -> bool:
    return any(bool((part == 0).any()) for part in _parts(array))


def _same(ours: np.ndarray, computed: np.ndarray) -> bool:
    """Equal numbers with equal signs, or both NaN."""
    for a, b in zip(_parts(ours), _parts(computed), strict=True):
        equal = (a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b))
        if not equal.all():
            return False
    return True
