"""An ONNX graph in the making, and what is known of its arrays.

JAX writes a broadcast wherever two shapes meet; ONNX's arithmetic broadcasts by itself. So an
array that JAX has stretched is kept as it was, with length 1 along the axes in `ones`, until an
operation needs all of it (`Graph.whole`).

Sizes are ints, or symbolic where the number of images is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cnnjax.export.inference import BATCH, ExportError

IMAGES, LOGITS = "images", "logits"
Shape = tuple[Any, ...]


@dataclass(frozen=True)
class Known:
    """An array that depends on no image; `value` broadcasts to `shape`."""

    value: np.ndarray
    shape: Shape

    @property
    def ones(self) -> frozenset[int]:
        return _ones(self.value.shape, self.shape)


@dataclass(frozen=True)
class Made:
    """The result of a node, of this shape but for the axes in `ones`, which have length 1."""

    name: str
    shape: Shape
    ones: frozenset[int] = frozenset()


Value = Known | Made


def _ones(real: Sequence[Any], shape: Sequence[Any]) -> frozenset[int]:
    pairs = zip(real, shape, strict=True)
    return frozenset(axis for axis, (n, m) in enumerate(pairs) if _is(n, 1) and not _is(m, 1))


def _is(size: Any, number: int) -> bool:
    return isinstance(size, int) and size == number


def dims(shape: Sequence[Any]) -> list[int]:
    """For `Reshape`: the size that is symbolic, if there is one, is what is left over."""
    if sum(not isinstance(n, int) for n in shape) > 1:
        raise ExportError(f"onnx: one size may depend on the number of images, got {shape}")
    return [n if isinstance(n, int) else -1 for n in shape]


@dataclass
class Graph:
    """Nodes in order, and the arrays that they read."""

    nodes: list[Any] = field(default_factory=list)
    arrays: list[Any] = field(default_factory=list)
    names: dict[bytes, str] = field(default_factory=dict)  # of equal arrays

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one result; its name."""
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, value: Any) -> str:
        """The name of an array; equal ones are kept once."""
        value = np.ascontiguousarray(value)
        key = repr((value.shape, value.dtype.str)).encode() + value.tobytes()
        if key not in self.names:
            self.names[key] = f"constant_{len(self.names)}"
            self.arrays.append(numpy_helper.from_array(value, self.names[key]))
        return self.names[key]

    def loose(self, value: Value) -> str:
        """An array for an operation that broadcasts by itself."""
        return self.constant(value.value) if isinstance(value, Known) else value.name

    def whole(self, value: Value) -> str:
        """An array with all of its elements."""
        name = self.loose(value)
        if not value.ones:
            return name
        parts = []
        for axis, size in enumerate(value.shape):
            if axis not in value.ones:
                parts.append(self.constant(np.array([1], np.int64)))
            elif isinstance(size, int):
                parts.append(self.constant(np.array([size], np.int64)))
            else:
                parts.append(self.batch(size))
        return self.node("Expand", name, self.node("Concat", *parts, axis=0))

    def batch(self, size: Any) -> str:
        """The number of images, as an array of one element."""
        if str(size) != BATCH:
            raise ExportError(f"onnx: a size is {size}, and can only be {BATCH} or a number")
        return self.node("Shape", IMAGES, start=0, end=1)

    def reshaped(self, name: str, shape: Sequence[Any]) -> str:
        return self.node("Reshape", name, self.constant(np.array(dims(shape), np.int64)))

    def transposed(self, name: str, order: Sequence[int]) -> str:
        if list(order) == list(range(len(order))):
            return name
        return self.node("Transpose", name, perm=list(order))

    def proto(self, result: str, image: Sequence[int], logits: Sequence[Any]) -> Any:
        """The graph from images (batch, *image) uint8 to logits float32."""
        self.nodes.append(helper.make_node("Identity", [result], [LOGITS], name=LOGITS))
        shape = [n if isinstance(n, int) else BATCH for n in logits]
        given = helper.make_tensor_value_info(IMAGES, TensorProto.UINT8, [BATCH, *image])
        found = helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, shape)
        return helper.make_graph(self.nodes, "cnnjax", [given], [found], self.arrays)
