"""What a program makes of constants alone: literals may be that.

Beside `jnp.cos(jnp.outer(t, 10000 ** (-i / d)))`, in a function, a table that NumPy has worked out
beforehand holds the same cosines, rounded. No short formula has them; the program has. So a number
without a reading is read as an element of what a program computes without its inputs, where that
rounds to it, certainly: the numeric algebra has the errors. `tables.py` reads whole literals so.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
from collections.abc import Iterable, Mapping
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Meaningless, Unsupported, Value
from verify.algebras.complex import Pair
from verify.algebras.numeric_value import Bounded
from verify.constants.assigned import Assigned
from verify.constants.literals import constants, is_data, is_inexact, parts, rounded, significands
from verify.constants.readings import Made, Reading, Source
from verify.constants.tables import Array
from verify.evaluate import evaluate
from verify.primitives.fourier import transform_lengths
from verify.programs import Const, Equation, Program, Var, inner_programs, once_a_program, trace
from verify.programs.catalogue import Fact, having

_MOST = 2**20  # elements of an array
_FEW = 2**14  # ... that single numbers are looked for in
_LONGEST = 128  # of Fourier transforms
_IMPURE = having(Fact.STATEFUL) | having(Fact.CALLS_PYTHON) | having(Fact.COLLECTIVE)


def arrays(program: Program, assigned: Assigned, after: int) -> list[Array]:
    """What a program makes of constants, which are what they are `assigned`, after some rounds."""
    equations, literals = _constant(program)
    every = tuple(atom for e in equations for atom in e.outputs)
    values: dict[Var, Value] = {}

    def observe(equation: Equation, _: list[Value], results: list[Value]) -> None:
        values.update(zip(equation.outputs, results, strict=True))

    with contextlib.suppress(Unsupported, Meaningless):  # what comes before it is known
        evaluate(Program((), tuple(equations), every), assigned, [], observe)
    found = []
    for equation in equations:
        where = f" at {equation.source}" if equation.source else ""
        for var in equation.outputs:
            value = values.get(var)
            parts_of = {"": value}
            if isinstance(value, Pair):
                parts_of = {"real": value.re, "imag": value.im}
            for part, one in parts_of.items():
                if isinstance(one, Bounded) and one.error is not None:
                    source = Source(program, var, after, where, part)
                    found.append(Array(source, one.value, one.errors, literals[var]))
    return found


def transforms(programs: Iterable[Program]) -> list[Program]:
    """The matrices of the Fourier transforms in these programs, as programs."""
    lengths = {n for program in programs for n in transform_lengths(program)}
    return [_transform(n) for n in sorted(lengths) if n <= _LONGEST]


@functools.cache
def _transform(n: int) -> Program:
    return trace(lambda: jnp.fft.fft(jnp.eye(n, dtype=jnp.float32)))


def readings(
    made: Iterable[Array], halves: Mapping[float, float], known: Mapping[float, Reading]
) -> dict[float, Reading]:
    """Numbers that have no reading yet as elements of what is made. `halves`: all numbers, by
    significand, and how far from that each may be."""
    found: dict[float, Reading] = {}
    for array in made:
        ones = sorted(halves.keys() - known.keys() - found.keys() - array.literals)
        if not ones or array.values.size > _FEW:
            continue
        values, errors = array.values.reshape(-1), array.errors.reshape(-1)
        mantissas, exponents = np.frexp(np.where(np.isfinite(values), values, 0.0))
        for index, mantissa in enumerate(np.abs(mantissas).tolist()):
            if not mantissa:
                continue
            factor = Fraction(2) ** -int(exponents[index]) * (1 if values[index] > 0 else -1)
            error = errors[index] * float(abs(factor))
            near = bisect.bisect_left(ones, mantissa)
            for one in ones[max(near - 1, 0) : near + 1]:
                if abs(one - mantissa) + error < halves[one]:
                    made_so = Made(array.source, index, values[index], errors[index])
                    found.setdefault(one, Reading(factor, made=made_so))
    return found


@once_a_program
def _constant(program: Program) -> tuple[list[Equation], dict[Var, frozenset[float]]]:
    """The equations that depend on no input, and the rounded literals that lead to each result."""
    found: list[Equation] = []
    literals: dict[Var, frozenset[float]] = {}
    for equation in program.equations:
        bodies = inner_programs(equation)
        names = {equation.primitive}.union(*(body.primitives() for body in bodies))
        variables = [atom for atom in equation.inputs if isinstance(atom, Var)]
        if names & _IMPURE or any(var not in literals for var in variables):
            continue
        if sum(int(np.prod(v.shape)) for v in equation.outputs) > _MOST:
            continue
        own = [atom for atom in equation.inputs if is_inexact(atom)]
        own += [atom for body in bodies for atom, _ in constants(body)]
        if any(is_data(values) for atom in own for values, _ in parts(atom)):
            continue
        together = frozenset[float]().union(
            *map(_numbers, own), *(literals[var] for var in variables)
        )
        found.append(equation)
        literals.update(dict.fromkeys(equation.outputs, together))
    return found, literals


def _numbers(literal: Const) -> frozenset[float]:
    """The significands of those in it that may have been rounded."""
    ones = (significands(values[rounded(values, dtype)]) for values, dtype in parts(literal))
    return frozenset(one for several in ones for one in several.tolist())
