"""Numbers of what arrays hold, and how moving an array makes another one of it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from verify.programs.contents.moves import Shape, regrouped, squeezed
from verify.programs.ir import Atom, Const, Equation, Var
from verify.programs.value_numbers import Number, Numbers


@dataclass
class Contents:
    """The numbers of what the values of several programs hold."""

    numbers: Numbers = field(default_factory=Numbers)
    shapes: dict[Number, Shape] = field(default_factory=dict)  # without dimensions of size one
    placed: dict[Number, tuple[Number, Shape]] = field(default_factory=dict)
    reshaped: dict[Number, Number] = field(default_factory=dict)

    def atom(self, atom: Atom, found: Mapping[Var, Number]) -> Number:
        return found[atom] if isinstance(atom, Var) else self._constant(atom)

    def made(self, key: Hashable, shape: Shape) -> Number:
        number = self.numbers.of(key)
        self.shapes[number] = shape
        return number

    def place(self, number: Number, shape: Shape, dims: Shape) -> Number:
        """Of an array of `shape` in which a value's dimensions stand at `dims`, repeated along the
        others. (A transposition is one that repeats nothing.)"""
        if dims == tuple(range(len(shape))):
            return number
        if number in self.placed:
            number, before = self.placed[number]
            dims = tuple(dims[i] for i in before)
            if dims == tuple(range(len(shape))):
                return number
        placed = self.made(("placed", number, shape, dims), shape)
        self.placed[placed] = (number, dims)
        return placed

    def order(self, number: Number) -> tuple[Number, Shape]:
        """The value that this one is, but for the order of its dimensions, and where they stand."""
        root, dims = self.placed.get(number, (number, ()))
        if len(dims) == len(self.shapes[number]):
            return root, dims
        return number, tuple(range(len(self.shapes[number])))

    def repeats(self, number: Number) -> bool:
        """Whether it is a value repeated along other dimensions."""
        return number in self.placed and self.order(number)[0] == number

    def reshape(self, number: Number, shape: Shape) -> Number:
        """The elements of a value in their order, in another shape."""
        if number in self.placed:
            root, dims = self.placed[number]
            kept = regrouped(self.shapes[number], shape, dims)
            if kept is not None:
                return self.place(self.reshape(root, kept.root), shape, kept.dims)
        number = self.reshaped.get(number, number)
        if self.shapes[number] == shape:
            return number
        other = self.made(("reshaped", number, shape), shape)
        self.reshaped[other] = number
        return other

    def simplest(self, several: Sequence[Number], shape: Shape) -> Shape:
        """Of the shapes that values of `shape` had before they were given this one, that of fewest
        dimensions."""
        before = (self.shapes[self.reshaped[n]] for n in several if n in self.reshaped)
        return min((shape, *before), key=lambda one: (len(one), one))

    def _constant(self, atom: Const) -> Number:
        if atom.mutable:
            return self.made(("only", self.numbers.constant(atom)), squeezed(atom.shape))
        value, shape = atom.value, squeezed(atom.shape)
        if shape and isinstance(value, np.ndarray) and value.size:
            first = value.reshape(-1)[:1]
            if first.tobytes() * value.size == value.tobytes():
                return self.place(self._constant(Const(first.reshape(()))), shape, ())
        held = value.reshape(shape) if isinstance(value, np.ndarray) else value
        return self.made(("constant", self.numbers.array(held)), shape)

    def made_by(
        self, equation: Equation, operands: Sequence[Number], *how: Hashable, shape: Shape
    ) -> Number:
        """A result of `shape` of an operation that `how` says, whatever shapes its equation has."""
        (result,) = equation.outputs
        key = ("by", equation.primitive, id(equation._bind), str(result.dtype), how, *operands)
        return self.made(key, shape)
