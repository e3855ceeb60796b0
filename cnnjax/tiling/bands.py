"""Axes that are read by a table: resizing.

`jax.image.resize` multiplies an axis of the image by a matrix of weights, most of them zero, or
gathers rows whose numbers it computes. Where these numbers depend on nothing, they are known before
anything is evaluated, and so is what each position of the result reads: the rows between the first
and the last weight of its column that is not zero, or the row of its number.

Other products and gathers read all positions at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import numpy as np

from cnnjax.tiling.spans import Span
from verify.programs import Atom, Const, Equation, Var, bind

_LARGEST = 1 << 24  # elements of an array that is looked into


@dataclass(frozen=True)
class Band:
    """Position i along axis `place` of the result reads the positions `first[i]` to `last[i]` of
    axis `axis` of operand number `operand`; of a product's other operand, the same of `other`."""

    operand: int
    axis: int
    place: int
    first: np.ndarray
    last: np.ndarray
    other: int | None = None

    def span(self, span: Span | None, length: int) -> Span | None:
        """What the positions in a span read; every element of it exists."""
        if span is None:
            return None
        rows = span.first[:, None] + np.arange(span.size)
        first, end = self.first[rows].min(1), self.last[rows].max(1) + 1
        size = int((end - first).max())
        if size >= length:
            return None
        return Span(span.along, np.minimum(first, length - size), size, span.needed, span.source)


@dataclass
class Values:
    """What arrays of a program are that depend on no input; found when it is asked for."""

    made: dict[Var, Equation] = field(default_factory=dict)
    found: dict[Var, np.ndarray | None] = field(default_factory=dict)
    bands: dict[Equation, Band | None] = field(default_factory=dict)

    def of(self, atom: Atom) -> np.ndarray | None:
        """The value, or None where it is not known."""
        if isinstance(atom, Const):
            return None if isinstance(atom.value, jax.core.Tracer) else np.asarray(atom.value)
        if atom not in self.found:
            self.found[atom] = None
            step = self.made.get(atom)
            if step is not None and max(np.prod(v.shape) for v in step.outputs) <= _LARGEST:
                given = [self.of(operand) for operand in step.inputs]
                if all(value is not None for value in given):
                    with jax.ensure_compile_time_eval():
                        results = bind(step, [jax.numpy.asarray(array) for array in given])
                    self.found.update(zip(step.outputs, map(np.asarray, results), strict=True))
        return self.found[atom]

    def band(self, step: Equation) -> Band | None:
        """The table by which an equation reads an axis, if it does."""
        if step not in self.bands:
            name = step.primitive
            rule = {"dot_general": _product, "gather": _rows}.get(name)
            self.bands[step] = None if rule is None else rule(step, self)
        return self.bands[step]


def _product(step: Equation, values: Values) -> Band | None:
    """A matrix of known weights, by which one axis is contracted."""
    contracted, batch = step.params["dimension_numbers"]
    if batch[0] or len(contracted[0]) != 1:
        return None
    for operand in (0, 1):
        other = 1 - operand
        if len(step.inputs[other].shape) != 2 or values.of(step.inputs[operand]) is not None:
            continue
        weights = values.of(step.inputs[other])
        if weights is None or not np.isfinite(weights).all():  # zero times what is left out
            continue
        (axis,), (row,) = contracted[operand], contracted[other]
        used = np.asarray(weights != 0) if row == 0 else np.asarray(weights != 0).T
        some = used.any(0)
        first = np.where(some, used.argmax(0), 0)
        last = np.where(some, len(used) - 1 - used[::-1].argmax(0), 0)
        if (last - first).min() + 1 == len(used):  # all positions at once
            continue
        # The free axes of the first operand come before those of the second.
        place = 0 if operand else len(step.outputs[0].shape) - 1
        return Band(operand, axis, place, first, last, other=row)
    return None


def _rows(step: Equation, values: Values) -> Band | None:
    """Rows along one axis, by known numbers, each of which is there."""
    numbers, sizes = step.params["dimension_numbers"], step.params["slice_sizes"]
    index = values.of(step.inputs[1])
    if index is None or index.ndim != 2 or index.shape[1] != 1 or numbers.operand_batching_dims:
        return None
    (axis,) = numbers.start_index_map
    if tuple(numbers.collapsed_slice_dims) != (axis,) or not _whole(sizes, step, axis):
        return None
    rows = index[:, 0].astype(np.int64)
    if not len(rows) or rows.min() < 0 or rows.max() >= step.inputs[0].shape[axis]:
        return None
    rank = len(step.outputs[0].shape)
    (place,) = (i for i in range(rank) if i not in numbers.offset_dims)
    return Band(0, axis, place, rows, rows)


def _whole(sizes: Sequence[int], step: Equation, axis: int) -> bool:
    shape = step.inputs[0].shape
    return all(n == (1 if i == axis else shape[i]) for i, n in enumerate(sizes))
