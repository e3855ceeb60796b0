"""Programs as plain data: a list of equations over variables.

Loops and branches keep their bodies as `Program`s among the parameters. Dimensions are whatever JAX
gives: integers, or expressions of `jax.export.symbolic_shape`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import jax
import numpy as np
from jax.tree_util import PyTreeDef

from verify.dtypes import DType
from verify.programs.origins import Origin

Result = TypeVar("Result")

Param: TypeAlias = Any  # JAX says nothing of what its primitives have for parameters
Params: TypeAlias = Mapping[str, Param]

_MUTABLE: tuple[type, ...] = tuple(
    getattr(jax, name) for name in ("Ref", "ArrayRef") if isinstance(getattr(jax, name, 0), type)
)


@dataclass(frozen=True, eq=False)
class Var:
    """A variable: an array of one shape and dtype. Compared by identity."""

    shape: tuple[int, ...]
    dtype: DType
    mutable: bool = False  # a `jax.Ref`: no value, but a place whose value changes


@dataclass(frozen=True, eq=False)
class Const:
    """A constant that the program holds: a literal or a captured array."""

    # Or a JAX array of typed random keys, a `jax.Ref`, or what was held (`reader.Reading`).
    value: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(getattr(self.value, "shape", ()))  # JAX's own scalars have none

    @property
    def dtype(self) -> DType:
        return self.value.dtype

    @property
    def mutable(self) -> bool:
        return is_mutable(self.value)


Atom = Var | Const


@dataclass(frozen=True, eq=False)
class Equation:
    """One primitive applied: `outputs = primitive(inputs; params)`."""

    primitive: str
    inputs: tuple[Atom, ...]
    outputs: tuple[Var, ...]
    params: Params
    source: str  # "file.py:12 (function)" of the user's line, "" if unknown
    _bind: Param = None  # JAX's primitive, to evaluate on concrete arrays
    _bind_params: Param = None
    partitionable: bool | None = None  # of what draws bits: which bits are a key's, see `_DRAWS`
    origin: Origin | None = None  # if it was asked for

    @functools.cached_property
    def elements(self) -> int:
        """Of all operands and results."""
        return sum(math.prod(atom.shape) for atom in (*self.inputs, *self.outputs))


@dataclass(frozen=True, eq=False)
class Program:
    """Inputs, equations in order, and outputs; the trees are those of the user's function."""

    inputs: tuple[Var, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Atom, ...]
    in_tree: PyTreeDef | None = None
    out_tree: PyTreeDef | None = None

    def every_equation(self) -> Iterator[Equation]:
        """All equations, those in loop bodies and branches included."""
        return iter(self._every)

    @functools.cached_property
    def _every(self) -> tuple[Equation, ...]:
        found: list[Equation] = []
        for equation in self.equations:
            found.append(equation)
            for value in equation.params.values():
                for inner in _programs_in(value):
                    found += inner._every
        return tuple(found)

    def primitives(self) -> frozenset[str]:
        """The names of all primitives, those in loop bodies and branches included."""
        return self._primitives

    @functools.cached_property
    def _primitives(self) -> frozenset[str]:
        return frozenset(equation.primitive for equation in self._every)

    def size(self) -> int:
        """How many array elements the equations compute, a loop's body counted once."""
        total = 0
        for equation in self.equations:
            total += sum(int(np.prod(v.shape)) for v in equation.outputs)
            for value in equation.params.values():
                total += sum(inner.size() for inner in _programs_in(value))
        return total

    def is_symbolic(self) -> bool:
        """Whether a dimension of an input is an expression of `jax.export.symbolic_shape`."""
        return any(not isinstance(n, int | np.integer) for v in self.inputs for n in v.shape)

    def is_stateful(self) -> bool:
        """Whether it reads or writes mutable arrays (`jax.new_ref`), of which no rule is known."""
        return any(atom.mutable for e in self.every_equation() for atom in (*e.inputs, *e.outputs))

    def constants(self) -> list[np.ndarray]:
        """Every constant in the program, literals included: where a search should aim."""
        found: list[np.ndarray] = []
        for equation in self.equations:
            found += [
                np.asarray(atom.value)
                for atom in equation.inputs
                if isinstance(atom, Const) and isinstance(atom.dtype, np.dtype)
                if not atom.mutable
            ]
            for value in equation.params.values():
                for inner in _programs_in(value):
                    found += inner.constants()
        return found


def once_a_program(f: Callable[[Program], Result]) -> Callable[[Program], Result]:
    """f, worked out once for each program, and kept as long as that lives."""
    known: WeakKeyDictionary[Program, Result] = WeakKeyDictionary()

    @functools.wraps(f)
    def remembered(program: Program) -> Result:
        if program not in known:
            known[program] = f(program)
        return known[program]

    return remembered


def _programs_in(value: object) -> list[Program]:
    if isinstance(value, Program):
        return [value]
    if isinstance(value, tuple | list):
        return [inner for item in value for inner in _programs_in(item)]
    return []


def last_uses(program: Program) -> dict[int, list[Var]]:
    """For each equation, the variables that nothing after it reads."""
    last: dict[Var, int] = {}
    for position, equation in enumerate(program.equations):
        for atom in equation.inputs:
            if isinstance(atom, Var):
                last[atom] = position
    for atom in program.outputs:
        if isinstance(atom, Var):
            last.pop(atom, None)
    uses: dict[int, list[Var]] = {}
    for var, position in last.items():
        uses.setdefault(position, []).append(var)
    return uses


def leading_to(
    equations: Sequence[Equation],
    wanted: Iterable[Atom],
    known: Set[Var] = frozenset(),
    always: Callable[[Equation], bool] = lambda equation: False,
) -> list[Equation]:
    """The equations that make what is wanted, in order, out of what is known and the inputs;
    `always`: those that are wanted whatever they make."""
    missing = {atom for atom in wanted if isinstance(atom, Var)} - known
    found: list[Equation] = []
    for equation in reversed(equations):
        if always(equation) or not missing.isdisjoint(equation.outputs):
            found.append(equation)
            missing |= {a for a in equation.inputs if isinstance(a, Var)} - known
    return found[::-1]


def part_of(program: Program, outputs: Iterable[Var]) -> Program:
    """The part of a program that leads to these of its variables, with its own inputs."""
    wanted = tuple(outputs)
    return Program(program.inputs, tuple(leading_to(program.equations, wanted)), wanted)


def inner_programs(equation: Equation) -> list[Program]:
    """The bodies of a loop, the branches of a choice."""
    return [inner for value in equation.params.values() for inner in _programs_in(value)]


def over(program: Program, arguments: Sequence[Atom]) -> Program:
    """A program over these instead of its inputs, which it then shares with the program that they
    are from: its equations say what a call computes, in the caller's variables.

    >>> from verify.programs import trace
    >>> program, x = trace(lambda x: x * x + 1, 2.0), Const(np.float32(3))
    >>> [[atom is x for atom in e.inputs] for e in over(program, [x]).equations]
    [[True, True], [False, False]]
    """
    known: dict[Var, Atom] = dict(zip(program.inputs, arguments, strict=True))

    def renamed(atoms: Sequence[Atom]) -> tuple[Atom, ...]:
        return tuple(known.get(a, a) if isinstance(a, Var) else a for a in atoms)

    equations = tuple(replace(e, inputs=renamed(e.inputs)) for e in program.equations)
    return Program((), equations, renamed(program.outputs))


def is_mutable(value: object) -> bool:
    """Whether a value is a mutable array, a `jax.Ref`."""
    return isinstance(value, _MUTABLE)
