"""A trained model as an ONNX file, from the program that JAX traces of it.

The program is that of plain `lax` (`lowerings.plain_only`), traced for any number of images; what
depends on parameters alone is computed here, the rest becomes nodes, one rule a primitive
(`rules.py`, `elementwise.py`,
`windows.py`). The graph does the arithmetic of the program in the program's order, so
that the certified bound of the program's rounding (`verify.rounding`) speaks of it too, as long as
the runtime's own operations are as exact as XLA's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from cnnjax.export.inference import images_of, logits_of
from cnnjax.lowerings import plain_only
from cnnjax.summary.layers import scope_of
from cnnjax.summary.rules import ELEMENTWISE
from verify.programs import Atom, Equation, Program, Reading, Var, bind, make_as_given, read

try:
    from onnx import checker, helper

    from cnnjax.export import elementwise, windows  # noqa: F401 (they register their rules)
    from cnnjax.export.graph import IMAGES, Graph, Known, Made, Value
    from cnnjax.export.rules import RULES, NoRule, unknown
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "onnx":
        raise
    raise ImportError('export: ONNX needs onnx: pip install "cnnjax[onnx]"', name="onnx") from error

if TYPE_CHECKING:
    from cnnjax.checkpoint import SavedModel

OPSET, IR = 18, 8  # of 2022: every runtime reads them
# Scopes name the layer in an error.
READING = Reading(platform="cpu", whole=frozenset(), origins=True)
_LATER = ("broadcast_in_dim", "dim_as_value")  # never folded: stretched, or the number of images


def to_onnx(saved: SavedModel) -> bytes:
    """The file: input `images` (batch, H, W, C) uint8, output `logits` (batch, classes) float32.

    Raises ExportError for an operation that has no rule.
    """
    images = images_of(saved)
    function = logits_of(saved)
    with plain_only():
        traced = make_as_given(function, images)
    graph = Graph()
    given = Made(IMAGES, tuple(images.shape))
    (result,) = _Walk(graph).program(read(traced, READING), [given])
    file = helper.make_model(
        graph.proto(graph.whole(result), saved.model.image, result.shape),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="cnnjax",
        doc_string=f"{saved.model.name}: uint8 images to logits, preprocessing included",
    )
    helper.set_model_props(
        file,
        {
            "classes": json.dumps(list(saved.classes), ensure_ascii=False),
            "model": saved.model.name,
            "config": json.dumps(dict(saved.model.config)),
        },
    )
    checker.check_model(file, full_check=True)
    return bytes(file.SerializeToString())


class _Walk:
    """Writes the nodes of a program into a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def program(self, program: Program, given: Sequence[Value]) -> list[Value]:
        env: dict[Var, Value] = dict(zip(program.inputs, given, strict=True))

        def read(atom: Atom) -> Value:
            return env[atom] if isinstance(atom, Var) else _known(atom.value)

        for equation in program.equations:
            results = self.equation(equation, list(map(read, equation.inputs)))
            env.update(zip(equation.outputs, results, strict=True))
        return list(map(read, program.outputs))

    def equation(self, equation: Equation, operands: list[Value]) -> list[Value]:
        name = equation.primitive
        known = name not in _LATER and all(isinstance(v, Known) for v in operands)
        if known and (results := _folded(equation, operands)) is not None:
            return results
        if name not in RULES:
            raise unknown(equation, scope_of(equation), "")
        try:
            return RULES[name](self.graph, equation, operands)
        except NoRule as error:
            raise unknown(equation, scope_of(equation), str(error)) from error


def _known(array: Any) -> Known:
    value = np.asarray(array)
    return Known(value, value.shape)


def _folded(equation: Equation, operands: Sequence[Any]) -> list[Value] | None:
    """The results of what depends on no image; None where they have no size yet."""
    shapes = [tuple(var.shape) for var in equation.outputs]
    if equation.primitive in ELEMENTWISE:  # of arrays that are not stretched
        ranks = {value.value.ndim for value in operands} - {0}
        alike = [value.value for value in operands if value.value.ndim] or [np.zeros(())]
        if len(ranks) <= 1:
            size = np.broadcast_shapes(*(array.shape for array in alike))
            arrays = [
                v.value if v.value.ndim == 0 else np.broadcast_to(v.value, size) for v in operands
            ]
            (found,) = bind(equation, list(map(jax.numpy.asarray, arrays)))
            return [Known(np.asarray(found), shapes[0])]
    if not all(isinstance(n, int) for shape in shapes for n in shape):
        return None
    arrays = [np.broadcast_to(value.value, value.shape) for value in operands]
    return [_known(result) for result in bind(equation, list(map(jax.numpy.asarray, arrays)))]
