"""Value numbering: equal operations of equal operands are one value, within and across programs.

Programs are written by hand, and compute the same thing twice: `(x - m) * (x - m)`. A law that asks
whether two operands are the same value should not miss that, so both programs of a question are
rewritten first: each value is computed once, and what no output needs is not computed at all. Two
programs whose outputs get the same numbers are the same program but for the names; that needs no
algebra, and no rule for any of its primitives.

Numbers are exact: structure is compared, not hashed. Operations that do more than compute
(callbacks that write, references, stateful random numbers) are never the same, not even as
themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

import jax
import numpy as np

from verify.dtypes import Array
from verify.programs import Atom, Const, Equation, Program, Var, inner_programs, leading_to
from verify.programs.catalogue import Fact, having

Number = int

_COMMUTE = having(Fact.COMMUTES)
_STATEFUL = having(Fact.STATEFUL)


@dataclass
class Numbers:
    """The numbers that values have so far. What is compared by identity is kept alive."""

    known: dict[Hashable, Number] = field(default_factory=dict)
    alive: list[object] = field(default_factory=list)
    stateful: bool = False  # whether anything in the programs is

    def of(self, key: Hashable) -> Number:
        return self.known.setdefault(key, len(self.known))

    def constant(self, atom: Const) -> Number:
        if atom.mutable:
            self.stateful = True
            return self.unique(atom)
        return self.of(("constant", self.array(atom.value)))

    def unique(self, value: object) -> Number:
        self.alive.append(value)
        return self.of(("only", len(self.alive)))

    def array(self, value: Array | np.generic) -> Hashable:
        dtype = value.dtype
        if jax.dtypes.issubdtype(dtype, jax.dtypes.extended):
            value = jax.random.key_data(
                np.asarray(value) if isinstance(value, np.generic) else value
            )
        data = np.asarray(value)
        return (str(dtype), data.shape, data.tobytes())

    def parameter(self, value: object) -> Hashable:
        """Equal for parameters that mean the same, as far as can be told."""
        if isinstance(value, Program):
            return self.body(value)
        if isinstance(value, np.ndarray | np.generic | jax.Array):
            return ("array", self.array(value))
        if isinstance(value, float | complex):  # -0.0 is not 0.0, and a NaN is itself
            return (type(value), repr(value))
        if isinstance(value, tuple | list):
            return (type(value), *map(self.parameter, value))
        if isinstance(value, Mapping):
            return (type(value), *((k, self.parameter(v)) for k, v in sorted(value.items())))
        self.alive.append(value)
        if dataclasses.is_dataclass(value) and type(value).__module__.startswith("jax"):
            fields = (getattr(value, one.name) for one in dataclasses.fields(value))
            return (type(value), *map(self.parameter, fields))
        # Functions are the same if they are one object, whatever they say of being equal.
        if isinstance(value, type) or not callable(value):
            try:
                hash(value)
            except TypeError:
                return (type(value), id(value))
            return (type(value), value)
        return (type(value), id(value))

    def body(self, program: Program) -> Hashable:
        """A loop's body, or a branch: its operations in order, over numbers of its own."""
        inner: dict[Var, Hashable] = {v: ("input", i) for i, v in enumerate(program.inputs)}

        def name(atom: Atom) -> Hashable:
            if isinstance(atom, Var):
                return inner[atom]
            return ("mutable", id(atom)) if atom.mutable else self.array(atom.value)

        lines: list[Hashable] = [(v.shape, str(v.dtype)) for v in program.inputs]
        for position, equation in enumerate(program.equations):
            lines.append((self.operation(equation), *map(name, equation.inputs)))
            inner.update({v: (position, i) for i, v in enumerate(equation.outputs)})
        return (*lines, *map(name, program.outputs))

    def operation(self, equation: Equation) -> Hashable:
        """What it does, whatever its operands are."""
        self.stateful |= equation.primitive in _STATEFUL
        return (
            equation.primitive,
            id(equation._bind),
            *self.parameters(equation),
            *((v.shape, str(v.dtype)) for v in equation.outputs),
        )

    def parameters(self, equation: Equation) -> tuple[Hashable, ...]:
        names = sorted(equation.params)
        named = ((name, self.parameter(equation.params[name])) for name in names)
        return (equation.partitionable, *named)


def normalised(left: Program, right: Program) -> tuple[Program, Program, bool]:
    """Both programs with every value computed once, and whether they are the same program.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> f, g = (trace(h, 1.0) for h in (lambda x: (x + 1) * (1 + x), lambda x: (x + 1) ** 2))
    >>> one, two, same = normalised(f, g)
    >>> [e.primitive for e in one.equations], [e.primitive for e in two.equations], same
    (['add', 'mul'], ['add', 'integer_pow'], False)
    >>> normalised(f, f)[2]
    True
    """
    numbers = Numbers()
    (one, first), (two, second) = (_numbered(program, numbers) for program in (left, right))
    return one, two, first == second and not numbers.stateful


def _numbered(program: Program, numbers: Numbers) -> tuple[Program, list[Number]]:
    """The program with every value computed once, and its outputs' numbers."""
    number: dict[Var, Number] = {v: numbers.of(("input", i)) for i, v in enumerate(program.inputs)}
    kept: dict[Number, Atom] = {number[v]: v for v in reversed(program.inputs)}
    equations: list[Equation] = []

    def numbered(atom: Atom) -> Number:
        return number[atom] if isinstance(atom, Var) else numbers.constant(atom)

    def once(atom: Atom) -> Atom:
        return kept.get(number[atom], atom) if isinstance(atom, Var) else atom

    for equation in program.equations:
        operands = [numbered(atom) for atom in equation.inputs]
        if is_stateful(equation):
            numbers.stateful = True
            results = [numbers.unique(v) for v in equation.outputs]
        else:
            if equation.primitive in _COMMUTE:
                operands.sort()
            key = (numbers.operation(equation), *operands)
            results = [numbers.of((i, key)) for i in range(len(equation.outputs))]
        number.update(zip(equation.outputs, results, strict=True))
        if not results or any(n not in kept for n in results):
            kept.update(zip(results, equation.outputs, strict=True))
            equations.append(replace(equation, inputs=tuple(map(once, equation.inputs))))
    outputs = tuple(map(once, program.outputs))
    # And those that do more than compute.
    wanted = leading_to(equations, outputs, always=is_stateful)
    rewritten = replace(program, equations=tuple(wanted), outputs=outputs)
    return rewritten, [numbered(atom) for atom in program.outputs]


def is_stateful(equation: Equation) -> bool:
    """Whether it does more than compute, or something in it does."""
    atoms = (*equation.inputs, *equation.outputs)
    return (
        equation.primitive in _STATEFUL
        or any(atom.mutable for atom in atoms)
        or any(
            not _STATEFUL.isdisjoint(inner.primitives()) or inner.is_stateful()
            for inner in inner_programs(equation)
        )
    )
