"""Walks a program over an algebra: one loop, the rules do the rest.

An equation whose operands do not depend on the program's inputs is evaluated once, concretely:
integers, booleans, random keys and bits by JAX itself (exact, with its own wrap-around), floats in
the numeric algebra, whose error bound says whether the result is exact. Only exact results count
as constants; others (1/3, sqrt(2), ...) are evaluated in the algebra at hand like everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast
from weakref import WeakKeyDictionary

import jax
import numpy as np

from verify.algebras import machine
from verify.algebras.base import Algebra, Unsupported, V, Value
from verify.algebras.extended import anything, lift, literal, over
from verify.algebras.mesh import Mesh
from verify.dtypes import DType, is_integer, is_kind
from verify.known_bits import as_seen
from verify.limits import budget, internal
from verify.primitives import RULES
from verify.primitives.collectives import is_joint
from verify.primitives.indexing import promises
from verify.primitives.registry import Context, Run
from verify.programs import Atom, Const, Equation, Program, Var, last_uses, run_with_jax
from verify.programs.catalogue import Fact, having
from verify.trust import dangers

_ELEMENT = 4  # units of work for an element of an operand or a result, whatever numbers are


Observe = Callable[[Equation, list[Value], list[Value]], None]


def evaluate(
    program: Program,
    algebra: Algebra[V],
    inputs: Sequence[Value],
    observe: Observe | None = None,
    body: bool = False,
) -> list[Value]:
    """The program's outputs, given values of `algebra` for its inputs, one an input, in order.

    `observe` is called with each equation, its operands and its results (for those that look
    inside). `body`: the program is that of a loop or a branch, and its inputs may be constants.
    Raises `Unsupported`, naming the primitive and the user's line, where a rule is missing.
    """
    environment: dict[Var, Value] = dict(zip(program.inputs, inputs, strict=True))
    uses = last_uses(program)

    def read(atom: Atom) -> Value:
        if isinstance(atom, Const):
            return literal(algebra, atom.value)
        return environment[atom]

    def run(
        inner: Program, values: Sequence[Value], other: Algebra[Value] | None = None
    ) -> list[Value]:
        return evaluate(inner, anything(algebra) if other is None else other, values, observe, True)

    for position, equation in enumerate(program.equations):
        try:
            operands = [read(atom) for atom in equation.inputs]
            operands = as_seen(program, equation, operands, algebra, body)
        except Unsupported as error:
            raise _located(error, equation) from None
        results = apply(equation, operands, algebra, run)
        environment.update(zip(equation.outputs, results, strict=True))
        if observe is not None:
            observe(equation, operands, results)
        for atom in uses.get(position, ()):  # free what no later equation reads
            environment.pop(atom, None)
    return [read(atom) for atom in program.outputs]


def apply(
    equation: Equation, operands: list[Value], algebra: Algebra[V], run: Run[Value]
) -> list[Value]:
    """One equation: folded if it is constant, else by its rule."""
    budget.spend(budget.EQUATION + _ELEMENT * equation.elements)
    joint = False
    if isinstance(algebra, Mesh):
        joint = is_joint(equation)
        if not joint:
            return _on_each_device(equation, operands, algebra, run)
    folded = None if joint else _fold(equation, operands, algebra)
    if folded is not None:
        return folded
    function = RULES.get(equation.primitive)
    try:
        if function is None:
            raise Unsupported(f"no rule for the primitive {equation.primitive!r}")
        context = Context(over(algebra, _dtypes(equation)), equation, run)
        result = function(context, *operands, **equation.params)
    except Unsupported as error:
        raise _located(error, equation) from None
    except Exception as error:
        internal.at(error, equation)
        raise
    return algebra.settled(operands, _several(result))


def _several(result: object) -> list[Value]:
    """The results of a rule, which returns one value, or several."""
    several = result if isinstance(result, tuple | list) else (result,)
    return cast(list[Value], list(several))


def _dtypes(equation: Equation) -> list[DType]:
    return [atom.dtype for atom in (*equation.inputs, *equation.outputs)]


def _on_each_device(
    equation: Equation, operands: list[Value], mesh: Mesh, run: Run[Value]
) -> list[Value]:
    """An equation inside `shard_map` that concerns each device alone."""

    def run_alone(
        body: Program, values: Sequence[Value], other: Algebra[Value] | None = None
    ) -> list[Value]:
        return run(body, values, mesh.inner if other is None else other)

    return list(
        mesh.each_of_several(
            lambda *parts: apply(equation, list(parts), mesh.inner, run_alone), *operands
        )
    )


def _located(error: Unsupported, equation: Equation) -> Unsupported:
    text = str(error)
    if " at " in text and text.endswith(")"):
        return error
    where = f" at {equation.source}" if equation.source else ""
    name = "" if equation.primitive in text else f"{equation.primitive}: "
    return type(error)(f"{name}{text}{where}")


_BODY = having(Fact.BODY)


def _fold(equation: Equation, operands: list[Value], algebra: Algebra[V]) -> list[Value] | None:
    """The results of an equation on constants only, or None if it is not one."""
    if equation.primitive in _BODY or any(v.concrete is None for v in operands):
        return None
    if algebra.by_rules and equation.primitive in RULES:
        return None
    values = [v.concrete for v in operands if v.concrete is not None]
    dtypes = [*(v.dtype for v in equation.outputs), *(x.dtype for x in operands)]
    numbers = any(_is_real(dtype) for dtype in dtypes) or equation.primitive in _QUICK
    by_jax = not numbers or equation.primitive in _BITS
    from verify.algebras.numeric import Numeric  # not at the top: numeric rules use this module

    if not by_jax and isinstance(algebra, Numeric):
        return None  # its own values carry exactness
    if promises(equation) and not numbers:
        return None  # JAX does not look whether they are kept
    if equation.primitive != "iota" and dangers.may_abort(dangers.alone(equation)):
        return None  # its rule does not end the process, and calls nothing of the user's
    if by_jax:
        own = [_in_own_format(v) for v in operands]
        values = [v for v in own if v is not None]
        if len(values) < len(own):
            return None
        try:
            computed = _by_jax(equation, values)
        except (TypeError, ValueError, NameError, NotImplementedError, ArithmeticError):
            return None  # for instance a collective, which means nothing outside its mesh
        return [lift(algebra, r) for r in computed]
    if equation.primitive == "reduce_precision" or _loses_digits(equation, values):
        return None  # what a constant loses has to be said
    numeric = Numeric()
    try:
        function = RULES[equation.primitive]
        context = Context(over(numeric, _dtypes(equation)), equation, _over(numeric))
        result = function(
            context,
            *[lift(numeric, v, x.dtype) for v, x in zip(values, operands, strict=True)],
            **equation.params,
        )
    except (Unsupported, KeyError):
        return None
    constants = [(part.concrete, part.dtype) for part in _several(result)]
    if any(array is None for array, _ in constants):
        return None
    return [lift(algebra, array, dtype) for array, dtype in constants if array is not None]


def _over(algebra: Algebra[V]) -> Run[Value]:
    def run(
        body: Program, values: Sequence[Value], other: Algebra[Value] | None = None
    ) -> list[Value]:
        return evaluate(body, algebra, values)

    return run


_FOLDED: WeakKeyDictionary[Equation, dict[object, list[np.ndarray]]] = WeakKeyDictionary()
_MOST_BYTES, _MOST_FOLDED = 4096, 64  # of operands that are remembered; operands of an equation


def _by_jax(equation: Equation, values: list[np.ndarray]) -> list[np.ndarray]:
    """What JAX makes of constants, remembered: a program is evaluated at hundreds of inputs, and
    its constants, the counters of its loops among them, are the same at all of them."""
    known = all(isinstance(v, np.ndarray) and v.nbytes <= _MOST_BYTES for v in values)
    if not known or equation.primitive not in RULES:
        return run_with_jax(equation, values)
    before = _FOLDED.setdefault(equation, {})
    key = tuple((v.dtype, v.shape, v.tobytes()) for v in values)
    if key not in before:
        results = run_with_jax(equation, values)
        if len(before) >= _MOST_FOLDED:
            return results
        before[key] = results
    return before[key]


def _loses_digits(equation: Equation, values: Sequence[np.ndarray]) -> bool:
    """Whether it makes integers floats that are others."""
    if equation.primitive != "convert_element_type":
        return False
    source, target = equation.inputs[0].dtype, equation.outputs[0].dtype
    if not (isinstance(source, np.dtype) and is_integer(source) and is_kind(target, np.floating)):
        return False
    return not machine.are_held(values[0], target)


def _in_own_format(value: Value) -> np.ndarray | None:
    """A constant in the program's dtype (floats are held as float64), None if it does not fit."""
    array, dtype = value.concrete, value.dtype
    if (
        array is not None
        and isinstance(dtype, np.dtype)
        and _is_real(dtype)
        and array.dtype != dtype
    ):
        with np.errstate(over="ignore"):
            narrow = array.astype(dtype)
        return narrow if np.array_equal(narrow.astype(array.dtype), array) else None
    return array


# What a loop does with its counter: JAX takes a millisecond to start each of them, the numeric
# rules (tested against JAX) a twentieth.
_QUICK = frozenset(
    (
        *("add", "sub", "mul", "neg", "lt", "le", "gt", "ge", "eq", "ne", "max", "min", "clamp"),
        *("select_n", "convert_element_type", "broadcast_in_dim", "reshape", "squeeze", "not"),
    )
)

# Bit patterns of constant floats are exact whatever the algebra.
_BITS = frozenset({"bitcast_convert_type", "random_bits", "iota"})


def _is_real(dtype: DType) -> bool:
    return jax.dtypes.issubdtype(dtype, np.inexact)
