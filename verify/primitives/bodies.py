"""A scalar program applied to whole arrays: for scatters that carry a function of one element."""

from __future__ import annotations

import dataclasses

import numpy as np

from verify.algebras.base import Unsupported
from verify.programs import Atom, Const, Program, Var
from verify.programs.catalogue import Fact, having

_ELEMENTWISE = having(Fact.ELEMENTWISE)


def over_arrays(body: Program, shape: tuple[int, ...]) -> Program:
    """`body`, a program over scalars, as the program that does the same to arrays of `shape`."""
    wide: dict[Var, Var] = {}

    def variable(v: Var) -> Var:
        if v.shape != ():
            raise Unsupported("a scatter whose body works on arrays")
        return wide.setdefault(v, Var(shape, v.dtype))

    def widen(atom: Atom) -> Atom:
        if isinstance(atom, Var):
            return variable(atom)
        if atom.shape != ():
            raise Unsupported("a scatter whose body works on arrays")
        return Const(np.broadcast_to(atom.value, shape))

    for equation in body.equations:
        if equation.primitive not in _ELEMENTWISE:
            raise Unsupported(f"{equation.primitive} in the body of a scatter")
    return Program(
        tuple(variable(v) for v in body.inputs),
        tuple(
            dataclasses.replace(
                equation,
                inputs=tuple(widen(atom) for atom in equation.inputs),
                outputs=tuple(variable(v) for v in equation.outputs),
            )
            for equation in body.equations
        ),
        tuple(widen(atom) for atom in body.outputs),
    )
