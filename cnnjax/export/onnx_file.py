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
from jax.extend import core

from cnnjax.export.inference import images_of, logits_of
from cnnjax.lowerings import branch_of, plain_only
from cnnjax.summary.layers import join_scopes, scope_of
from cnnjax.summary.rules import ELEMENTWISE
from cnnjax.summary.walk import CALLS, inner_program

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
PLATFORM = "cpu"
_LATER = ("broadcast_in_dim", "dim_as_value")  # never folded: stretched, or the number of images


def to_onnx(saved: SavedModel) -> bytes:
    """The file: input `images` (batch, H, W, C) uint8, output `logits` (batch, classes) float32.

    Raises ExportError for an operation that has no rule.
    """
    images = images_of(saved)
    function = logits_of(saved)
    with plain_only():
        closed = jax.make_jaxpr(lambda x: function(x))(images)
    graph = Graph()
    given = Made(IMAGES, tuple(images.shape))
    (result,) = _Walk(graph).program(closed, [given], "")
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

    def program(self, closed: Any, given: Sequence[Value], scope: str) -> list[Value]:
        jaxpr, consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
        env: dict[Any, Value] = {}
        known = [_known(array) for array in consts]
        env.update(zip([*jaxpr.constvars, *jaxpr.invars], [*known, *given], strict=True))

        def read(atom: Any) -> Value:
            if isinstance(atom, core.Literal):  # a number of Python's, perhaps
                return _known(np.asarray(atom.val, getattr(atom.aval, "dtype", None)))
            return env[atom]

        for eqn in jaxpr.eqns:
            inner = join_scopes(scope, scope_of(eqn))
            results = self.equation(eqn, [read(atom) for atom in eqn.invars], inner)
            env.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def equation(self, eqn: Any, operands: list[Value], scope: str) -> list[Value]:
        name = eqn.primitive.name
        if name in CALLS:
            return self.program(inner_program(eqn), operands, scope)
        if name == "platform_index":
            return [_known(np.int32(branch_of(eqn.params["platforms"], PLATFORM)))]
        if (platforms := eqn.params.get("branches_platforms")) is not None:
            branch = eqn.params["branches"][branch_of(platforms, PLATFORM)]
            return self.program(branch, operands[1:], scope)
        known = name not in _LATER and all(isinstance(v, Known) for v in operands)
        if known and (results := _folded(eqn, operands)) is not None:
            return results
        if name not in RULES:
            raise unknown(eqn, scope, "")
        try:
            return RULES[name](self.graph, eqn, operands)
        except NoRule as error:
            raise unknown(eqn, scope, str(error)) from error


def _known(array: Any) -> Known:
    value = np.asarray(array)
    return Known(value, value.shape)


def _folded(eqn: Any, operands: Sequence[Any]) -> list[Value] | None:
    """The results of what depends on no image; None where they have no size yet."""
    shapes = [tuple(var.aval.shape) for var in eqn.outvars]
    params = eqn.primitive.get_bind_params(eqn.params)
    if eqn.primitive.name in ELEMENTWISE:  # of arrays that are not stretched
        ranks = {value.value.ndim for value in operands} - {0}
        alike = [value.value for value in operands if value.value.ndim] or [np.zeros(())]
        if len(ranks) <= 1:
            size = np.broadcast_shapes(*(array.shape for array in alike))
            arrays = [
                v.value if v.value.ndim == 0 else np.broadcast_to(v.value, size) for v in operands
            ]
            found = np.asarray(eqn.primitive.bind(*map(jax.numpy.asarray, arrays), **params))
            return [Known(found, shapes[0])]
    if not all(isinstance(n, int) for shape in shapes for n in shape):
        return None
    arrays = [np.broadcast_to(value.value, value.shape) for value in operands]
    results = eqn.primitive.bind(*map(jax.numpy.asarray, arrays), **params)
    results = results if eqn.primitive.multiple_results else [results]
    return [_known(result) for result in results]
