"""Inputs on which two functions differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.tree_util import KeyPath, keystr

from verify.dtypes import Number, is_array
from verify.shown import describe, pair

Record: TypeAlias = dict[str, Any]  # an object of JSON


@dataclass(frozen=True, eq=False)
class Counterexample:
    """Inputs on which the two functions differ, confirmed by certified evaluation.

    inputs: the same pytree as the examples, of concrete NumPy arrays. left, right: the value of the
    differing output element under each function. where: (output number, index of the element);
    None where the outputs differ in structure. explanation: one sentence that says why.
    """

    inputs: tuple[object, ...]
    left: Number | str
    right: Number | str
    where: tuple[int, tuple[int, ...]] | None
    explanation: str
    names: tuple[str, ...] = ()  # of the input arrays, in the order of the tree's leaves
    sides: tuple[str, str] = ("left", "right")  # what the two functions are called
    element_of: str = ""  # what the output is, where that is no output of a function: a gradient
    # The two programs, for drawings of what they do here; not in a pickle.
    programs: object = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        """The same inputs, and the same of them."""
        if not isinstance(other, Counterexample):
            return NotImplemented
        return self._written() == other._written()

    def __hash__(self) -> int:
        return hash((self.where, self.explanation, self.names))

    def _written(self) -> tuple[object, ...]:
        arrays = [(keystr(path), str(a.dtype), a.shape, a.tobytes()) for path, a in self.arrays()]
        values = [number_record(value) for value in (self.left, self.right)]
        return self.where, self.explanation, self.names, arrays, values

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "programs": None}

    def arrays(self) -> list[tuple[KeyPath[object], np.ndarray]]:
        """The arrays among the leaves of `inputs`, each with its path there."""
        leaves = jax.tree.leaves_with_path(self.inputs)
        return [(path, np.asarray(leaf)) for path, leaf in leaves if is_array(leaf)]

    def __str__(self) -> str:
        lines = []
        if self.where is not None:
            number, index = self.where
            place = f"output[{', '.join(map(str, index))}]" if index else "output"
            if number:
                place = f"output {number}, {place}"
            if self.element_of:
                place = f"{list(index)} of {self.element_of}" if index else self.element_of
            left, right = pair(self.left, self.right)
            lines.append(f"at {place}: {self.sides[0]} {left}, {self.sides[1]} {right}")
        arrays = [array for _, array in self.arrays()]
        names = self.names or [f"argument {i}" for i in range(len(arrays))]
        lines += [f"  {name} = {describe(a)}" for name, a in zip(names, arrays, strict=True)]
        if self.explanation:
            lines.append(self.explanation)
        return "\n".join(lines)


def array_record(array: np.ndarray) -> Record:
    """An array by its non-zero elements, as exact hexadecimal floats or integers."""
    places = np.flatnonzero(array)
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "nonzero": [[int(i), number_record(array.flat[i])] for i in places],
    }


def number_record(value: Number | str) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, complex | np.complexfloating):
        return [float(value.real).hex(), float(value.imag).hex()]
    return float(value).hex()
