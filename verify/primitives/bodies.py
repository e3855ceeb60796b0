"""A scalar program applied to whole arrays: for scatters that carry a function of one element."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.programs import Atom, Const, Program, Var
from verify.programs.catalogue import Fact, having

_ELEMENTWISE = having(Fact.ELEMENTWISE)


def over_arrays(body: Program, shape: tuple[int, ...]) -> Program:
    """`body`, a program over scalars, as the program that does the same to arrays of `shape`."""
    wide: dict[Var, Var] = {}

    def widen(atom: Atom) -> Any:
        if atom.shape != ():
            raise Unsupported("a scatter whose body works on arrays")
        if isinstance(atom, Const):
            return Const(np.broadcast_to(atom.value, shape))
        return wide.setdefault(atom, Var(shape, atom.dtype))

    for equation in body.equations:
        if equation.primitive not in _ELEMENTWISE:
            raise Unsupported(f"{equation.primitive} in the body of a scatter")
    return Program(
        tuple(widen(v) for v in body.inputs),
        tuple(
            dataclasses.replace(
                equation,
                inputs=tuple(widen(atom) for atom in equation.inputs),
                outputs=tuple(widen(atom) for atom in equation.outputs),
            )
            for equation in body.equations
        ),
        tuple(widen(atom) for atom in body.outputs),
    )
