"""What two programs have in common, taken for an input of what is left of each.

A training step with another way to write the optimiser has the old gradients; a network with
another head has the old body. The value numbers say so at once, however large they are. What is
left of both programs is small, and if it is the same whatever the common values are, so are the
programs.

Only what takes many products of numbers is worth it: of a value that becomes an input nothing is
known any more, neither its sign nor what it has to do with others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from verify.programs.contents import held
from verify.programs.contents.numbers import Contents
from verify.programs.ir import Atom, Equation, Program, Var, leading_to
from verify.programs.tracing import trace
from verify.programs.value_numbers import Number


@dataclass(frozen=True)
class Remains:
    """What is left of two programs. places: the inputs that it has of theirs, by number; the common
    values come after them."""

    left: Program
    right: Program
    places: tuple[int, ...]


def without_common(
    left: Program, right: Program, heavy: Callable[[Equation], bool]
) -> Remains | None:
    """Both programs without the values that both compute, as far as something `heavy` leads to
    them; None where there are none, or where something does more than compute.

    >>> import jax.numpy as jnp
    >>> x = jnp.ones((3, 3))
    >>> f, g = trace(lambda x: 2 * (x @ x), x), trace(lambda x: x @ x + x @ x, x)
    >>> rest = without_common(f, g, lambda equation: equation.primitive == "dot_general")
    >>> [[e.primitive for e in one.equations] for one in (rest.left, rest.right)], rest.places
    ([['mul'], ['add']], ())
    """
    contents = Contents()
    numbers = [held(program, contents) for program in (left, right)]
    if contents.numbers.stateful:
        return None
    both = set(numbers[0].values()) & set(numbers[1].values())
    inputs: dict[Number, Var] = {}
    sides = [
        _Side(program, found, both, heavy).rest(inputs)
        for program, found in zip((left, right), numbers, strict=True)
    ]
    if not inputs:
        return None
    read = [{a for e in one.equations for a in e.inputs} | set(one.outputs) for one in sides]
    places = tuple(
        i
        for i in range(len(left.inputs))
        if any(program.inputs[i] in used for program, used in zip(sides, read, strict=True))
    )
    one, two = (
        replace(side, inputs=(*(side.inputs[i] for i in places), *inputs.values()))
        for side in sides
    )
    return Remains(one, two, places)


class _Side:
    """One of the programs."""

    def __init__(
        self,
        program: Program,
        numbers: dict[Var, Number],
        both: set[Number],
        heavy: Callable[[Equation], bool],
    ) -> None:
        self.program, self.numbers = program, numbers
        behind: set[Var] = set()  # something heavy
        for equation in program.equations:
            if heavy(equation) or not behind.isdisjoint(equation.inputs):
                behind |= set(equation.outputs)
        self.common = {v for v in behind if numbers[v] in both}

    def rest(self, inputs: dict[Number, Var]) -> Program:
        """What is left of it; `inputs`: the common values, as they are found to be needed."""
        needed = leading_to(self.program.equations, self.program.outputs, self.common)
        read = [a for e in needed for a in e.inputs] + list(self.program.outputs)
        instead: dict[Var, Var] = {}
        moved: list[Equation] = []
        for v in read:
            if v not in self.common or v in instead or not isinstance(v, Var):
                continue
            known = inputs.setdefault(self.numbers[v], Var(v.shape, v.dtype))
            instead[v] = known
            if known.shape != v.shape:  # in dimensions of size one
                move = trace(lambda x, shape=v.shape: x.reshape(shape), known)
                names: dict[Var, Var] = {move.inputs[0]: known}
                moved += [_renamed(e, names) for e in move.equations]
                (out,) = move.outputs
                assert isinstance(out, Var)
                instead[v] = names.get(out, out)
        equations = (*moved, *(_renamed(e, instead) for e in needed))
        outputs = tuple(_now(a, instead) for a in self.program.outputs)
        return replace(self.program, equations=equations, outputs=outputs)


def _now(atom: Atom, instead: dict[Var, Var]) -> Atom:
    return instead.get(atom, atom) if isinstance(atom, Var) else atom


def _renamed(equation: Equation, instead: dict[Var, Var]) -> Equation:
    return replace(equation, inputs=tuple(_now(a, instead) for a in equation.inputs))
