"""Programs over several devices: a value is one value a device, of any inner algebra.

Inside `shard_map` every device runs the same program on its own block. `Mesh` runs all of them in
lock step: an equation is applied to each device's values in turn, and a collective (`psum`,
`ppermute`, ...) sees them all (`primitives/collectives.py`). Loops and branches that hold
collectives are evaluated over the mesh as a whole; this algebra's operations are the inner ones,
device by device.

Devices are numbered in row-major order of the mesh's axes. Values that are the same object on
several devices are computed once, which also shows that they are replicated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Algebra, Value
from verify.dtypes import DType


@dataclass(frozen=True, eq=False)
class Sharded:
    """One value a device, of equal shapes and dtypes."""

    parts: tuple[Value, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.parts[0].shape)

    @property
    def dtype(self) -> DType:
        return self.parts[0].dtype

    @property
    def concrete(self) -> np.ndarray | None:
        """The constant that all devices hold, if it is one and the same."""
        first = self.parts[0].concrete
        if first is None:
            return None
        for part in self.parts[1:]:
            if part is not self.parts[0] and (
                part.concrete is None or not np.array_equal(first, part.concrete)
            ):
                return None
        return first


class Mesh(Algebra[Value]):
    """The algebra of sharded values over named axes: `axes` maps their names to their sizes."""

    def __init__(self, inner: Algebra[Value], axes: Mapping[str, int]) -> None:
        self.inner, self.axes = inner, dict(axes)
        sizes = tuple(self.axes.values())
        self.devices = int(np.prod(sizes))
        self.places = np.arange(self.devices).reshape(sizes)  # by position in the mesh

    def over(self, inner: Algebra[Value]) -> Mesh:
        """The same mesh over another algebra."""
        return Mesh(inner, self.axes)

    def groups(
        self, names: Sequence[str], index_groups: Sequence[Sequence[int]] | None = None
    ) -> list[list[int]]:
        """The devices that work together in a collective over these axes, each group in order of
        the position along them (the first name varies slowest); `index_groups` divides each."""
        order = [list(self.axes).index(name) for name in names]
        rest = [i for i in range(self.places.ndim) if i not in order]
        size = int(np.prod([self.places.shape[i] for i in order]))
        rows = self.places.transpose(*rest, *order).reshape(-1, size)
        if index_groups is None:
            return [[int(d) for d in row] for row in rows]
        return [[int(row[i]) for i in group] for row in rows for group in index_groups]

    def each(self, function: Callable[..., Value], *operands: Value) -> Sharded:
        """`function` of each device's operands; once for devices that hold the same objects."""
        (result,) = self.each_of_several(lambda *mine: (function(*mine),), *operands)
        return result

    def each_of_several(
        self, function: Callable[..., Sequence[Value]], *operands: Value
    ) -> list[Sharded]:
        """The same for a function that has several results."""
        known: dict[tuple[int, ...], Sequence[Value]] = {}
        results = []
        for device in range(self.devices):
            mine = [x.parts[device] if isinstance(x, Sharded) else x for x in operands]
            key = tuple(map(id, mine))
            if key not in known:
                known[key] = function(*mine)
            results.append(known[key])
        return [Sharded(tuple(column)) for column in zip(*results, strict=True)]

    # -- the operations of `algebras/base.py` ----------------------------------------------------

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Sharded:
        return Sharded((self.inner.lift(array, dtype),) * self.devices)

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        return self.each(lambda part: self.inner.reshape(part, shape), x)

    def pick(self, operands: Sequence[Value], index: np.ndarray) -> Value:
        return self.each(lambda *parts: self.inner.pick(list(parts), index), *operands)

    def select(self, which: Value, cases: Sequence[Value]) -> Value:
        return self.each(lambda w, *parts: self.inner.select(w, list(parts)), which, *cases)

    def function(
        self,
        name: str,
        args: Sequence[Value],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Value:
        return self.each(
            lambda *parts: self.inner.function(name, list(parts), shape, dtype, params), *args
        )

    def compare(self, op: str, a: Value, b: Value) -> Value:
        return self.each(lambda x, y: self.inner.compare(op, x, y), a, b)

    def cast(self, x: Value, dtype: DType) -> Value:
        return self.each(lambda part: self.inner.cast(part, dtype), x)

    def winner(self, x: Value, *, last: bool = False) -> Value:
        return self.each(lambda part: self.inner.winner(part, last=last), x)

    def neg(self, a: Value) -> Value:
        return self.each(self.inner.neg, a)

    def add(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.add, a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.sub, a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.mul, a, b)

    def div(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.div, a, b)

    def dot(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.dot, a, b)

    def sum(self, x: Value) -> Value:
        return self.each(self.inner.sum, x)

    def prod(self, x: Value) -> Value:
        return self.each(self.inner.prod, x)

    def maximum(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.maximum, a, b)

    def max(self, x: Value) -> Value:
        return self.each(self.inner.max, x)

    def logical_not(self, a: Value) -> Value:
        return self.each(self.inner.logical_not, a)

    def logical_and(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.logical_and, a, b)

    def logical_or(self, a: Value, b: Value) -> Value:
        return self.each(self.inner.logical_or, a, b)


def shard(mesh: Mesh, x: Value, spec: Sequence[tuple[str, ...]]) -> Sharded:
    """Each device's block of x; `spec` names, for each dimension, the mesh axes that divide it."""
    counts = [_number(mesh, (0,) * len(mesh.axes), names)[1] for names in spec]
    if all(count == 1 for count in counts):
        return Sharded((x,) * mesh.devices)
    index = np.arange(int(np.prod(x.shape)), dtype=np.int64).reshape(x.shape)
    blocks: dict[tuple[int, ...], Value] = {}
    parts = []
    for position in _positions(mesh):
        block = tuple(_number(mesh, position, names)[0] for names in spec)
        if block not in blocks:
            cut = tuple(_cut(n, b, c) for n, b, c in zip(x.shape, block, counts, strict=True))
            blocks[block] = mesh.inner.pick([x], index[cut])
        parts.append(blocks[block])
    return Sharded(tuple(parts))


def _cut(size: int, block: int, blocks: int) -> slice:
    step = size // blocks
    return slice(block * step, (block + 1) * step)


def _positions(mesh: Mesh) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(n) for n in mesh.axes.values())))


def _number(mesh: Mesh, position: tuple[int, ...], names: Sequence[str]) -> tuple[int, int]:
    """The number of a device along some axes together, and how many numbers there are."""
    axes, number, count = list(mesh.axes), 0, 1
    for name in names:
        size = mesh.axes[name]
        number, count = number * size + position[axes.index(name)], count * size
    return number, count


def unshard(
    mesh: Mesh, x: Sharded, spec: Sequence[tuple[str, ...]], shape: tuple[int, ...]
) -> tuple[Value, list[tuple[Value, Value]]]:
    """The array of all blocks, and the pairs of parts that stand for the same block.

    Such pairs come from axes that `spec` does not name: the parts ought to be equal there.
    """
    chosen: dict[tuple[int, ...], int] = {}
    doubts: list[tuple[Value, Value]] = []
    for device, position in enumerate(_positions(mesh)):
        block = tuple(_number(mesh, position, names)[0] for names in spec)
        first = chosen.setdefault(block, device)
        if x.parts[first] is not x.parts[device]:
            doubts.append((x.parts[first], x.parts[device]))
    if len(chosen) == 1:
        return x.parts[0], doubts
    blocks = list(chosen)
    counts = [_number(mesh, (0,) * len(mesh.axes), names)[1] for names in spec]
    size = int(np.prod(x.shape))
    index = np.empty(shape, np.int64)
    for number, block in enumerate(blocks):
        cut = tuple(_cut(n, b, c) for n, b, c in zip(shape, block, counts, strict=True))
        index[cut] = np.arange(number * size, (number + 1) * size).reshape(x.shape)
    return mesh.inner.pick([x.parts[chosen[block]] for block in blocks], index), doubts
