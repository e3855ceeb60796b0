"""What two programs have in common, taken for an input of what is left of each.

A training step with another way to write the optimiser has the old gradients; a network with
another head has the old body. The value numbers say so at once, however large they are. What is
left of both programs is small, and if it is the same whatever the common values are, so are the
programs.

Only what takes many products of numbers is worth it: of a value that becomes an input nothing is
known any more, neither its sign nor what it has to do with others.

An input is a number. So what a program makes of an infinity or a NaN of its own is not taken, nor
what an operation may make one of numbers; and of what may have no value somewhere (a quotient, a
root) it is said that it has been.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from verify.dtypes import all_finite
from verify.programs.catalogue import Fact, having
from verify.programs.contents import held
from verify.programs.contents.numbers import Contents
from verify.programs.ir import Atom, Const, Equation, Program, Var, inner_programs, leading_to
from verify.programs.tracing import trace
from verify.programs.value_numbers import Number

_PARTIAL, _COMPARES = having(Fact.PARTIAL), having(Fact.COMPARES)
_WINDOWS = frozenset(("reduce_window_max", "reduce_window_min"))
_LARGEST = having(Fact.ORDERS, Fact.CHOOSES, Fact.EXACT, but=Fact.ELEMENTWISE | Fact.COLLECTIVE)
_LARGEST -= _WINDOWS | {"select_and_gather_add"}
_BODIES = having(Fact.LOOP) | having(Fact.BRANCHES)
_NUMBERS = (
    having(Fact.ELEMENTWISE, but=Fact.SEES_BITS)
    | having(Fact.MOVES, but=Fact.COLLECTIVE)
    | having(Fact.ADDS, but=Fact.COLLECTIVE)
    | {"iota", "empty2"}
)


@dataclass(frozen=True)
class Remains:
    """What is left of two programs. places: the inputs that it has of theirs, by number; the common
    values come after them. partial: whether one of these may have no value somewhere."""

    left: Program
    right: Program
    places: tuple[int, ...]
    partial: bool


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
    asked = [
        _Side(program, found, both, heavy)
        for program, found in zip((left, right), numbers, strict=True)
    ]
    sides = [side.rest(inputs) for side in asked]
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
    return Remains(one, two, places, any(side.partial for side in asked))


class _Side:
    """One of the programs."""

    def __init__(
        self,
        program: Program,
        numbers: dict[Var, Number],
        both: set[Number],
        heavy: Callable[[Equation], bool],
    ) -> None:
        self.program, self.numbers, self.partial = program, numbers, False
        large = _behind(program, heavy)
        odd = _behind(program, lambda e: not _makes_numbers(e))
        self.open = _behind(program, lambda e: not _PARTIAL.isdisjoint(_primitives(e)))
        self.common = {v for v in large - odd if numbers[v] in both}

    def rest(self, inputs: dict[Number, Var]) -> Program:
        """What is left of it; `inputs`: the common values, as they are found to be needed."""
        needed = leading_to(self.program.equations, self.program.outputs, self.common)
        read = [a for e in needed for a in e.inputs] + list(self.program.outputs)
        instead: dict[Var, Var] = {}
        moved: list[Equation] = []
        for v in read:
            if v not in self.common or v in instead or not isinstance(v, Var):
                continue
            self.partial |= v in self.open
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


def _behind(program: Program, what: Callable[[Equation], bool]) -> set[Var]:
    """The values that such an equation leads to."""
    found: set[Var] = set()
    for equation in program.equations:
        if not found.isdisjoint(equation.inputs) or what(equation):
            found |= set(equation.outputs)
    return found


def _primitives(equation: Equation) -> set[str]:
    inner = (program.primitives() for program in inner_programs(equation))
    return {equation.primitive}.union(*inner)


def _makes_numbers(equation: Equation) -> bool:
    """Whether its results are numbers and truth values, where it has a value at all: there are no
    infinities and NaN that it is given as constants, or makes of bits, or of nothing."""
    if not all(isinstance(v.dtype, np.dtype) for v in equation.outputs):
        return False
    if equation.primitive in _COMPARES:  # truth values, whatever is compared
        return True
    constants = [a.value for a in equation.inputs if isinstance(a, Const)]
    neutral = {"max": -np.inf, "min": np.inf}.get(equation.primitive)
    if len(constants) == 1 and neutral is not None and (constants[0] == neutral).all():
        return True  # the other operand
    if not _are_numbers(equation.inputs):
        return False
    if equation.primitive in _LARGEST:
        return all(math.prod(a.shape) for a in equation.inputs)
    if equation.primitive in _WINDOWS:
        return _has_no_empty_window(equation)
    if equation.primitive in _BODIES:
        return all(
            _are_numbers(program.outputs) and all(map(_makes_numbers, program.equations))
            for program in inner_programs(equation)
        )
    return equation.primitive in _NUMBERS


def _are_numbers(atoms: Iterable[Atom]) -> bool:
    """Whether the constants among them are: no keys, no infinities and NaN."""
    constants = (a for a in atoms if isinstance(a, Const))
    return all(isinstance(c.dtype, np.dtype) and all_finite(np.asarray(c.value)) for c in constants)


def _has_no_empty_window(equation: Equation) -> bool:
    """Whether no window lies in the padding alone, or between elements."""
    params, (operand, *_) = equation.params, equation.inputs
    dilated = (*(params["base_dilation"] or ()), *(params["window_dilation"] or ()))
    sizes = zip(params["window_dimensions"], params["padding"], operand.shape, strict=True)
    return all(n == 1 for n in dilated) and all(
        size > 0 and max(low, high) < window for window, (low, high), size in sizes
    )


def _now(atom: Atom, instead: dict[Var, Var]) -> Atom:
    return instead.get(atom, atom) if isinstance(atom, Var) else atom


def _renamed(equation: Equation, instead: dict[Var, Var]) -> Equation:
    return replace(equation, inputs=tuple(_now(a, instead) for a in equation.inputs))
