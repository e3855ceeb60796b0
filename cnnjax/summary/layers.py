"""What counts as a layer, what it is called and what it costs."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cnnjax.models.model import BATCH_STATS
from cnnjax.summary.fields import Flow
from cnnjax.summary.rules import POOLS
from verify.programs import Equation

GLOBAL_POOL = "global pool"
POOL_KINDS = {"reduce_window_max": "max pool", "reduce_window_sum": "avg pool"}
GLOBAL_POOLS = frozenset(("reduce_sum", "reduce_max", "reduce_min"))


@dataclass(eq=False)
class Layer:
    """A row in the making.

    `scope` is the `jax.named_scope` around it, `path` that of its first parameter; either may be
    empty. `leaves` are the parameters it reads first.
    """

    kind: str
    scope: str
    path: str
    output: tuple[int, ...]
    flow: Flow
    multiply_adds: int = 0
    leaves: list[int] = field(default_factory=list)
    shown: bool = True
    unfolded: bool = False


def kind_of(equation: Equation, flows: Sequence[Flow | None], spatial: set[int]) -> str:
    """The kind of layer an equation is, "" if none; adds the axes a window slides over."""
    name = equation.primitive
    if name == "conv_general_dilated":
        if flows[0] is not None:
            spatial |= axes_read(flows[0], equation.params["dimension_numbers"][0][2:])
        return "conv"
    if name in POOLS:
        slid = [axis for axis, n in enumerate(equation.params["window_dimensions"]) if n > 1]
        if flows[0] is None or not slid:
            return ""
        spatial |= axes_read(flows[0], slid)
        return POOL_KINDS.get(name, "pool")
    if name == "dot_general":
        return "dense" if None in flows else "matmul"
    if name in GLOBAL_POOLS and flows[0] is not None:
        gone = axes_read(flows[0], equation.params["axes"])
        return GLOBAL_POOL if spatial and spatial <= gone else ""
    return ""


def axes_read(flow: Flow, axes: Sequence[int]) -> set[int]:
    """The axes of x that one moves along when moving along `axes`."""
    return {i for i, x_axis in enumerate(flow) if set(axes) & set(x_axis.strides)}


def multiply_adds(equation: Equation) -> int:
    """Multiplications of a convolution or matrix product, zeros of the padding included."""
    outputs = math.prod(equation.outputs[0].shape)
    if equation.primitive == "conv_general_dilated":
        kernel = equation.inputs[1].shape
        return outputs * math.prod(kernel) // kernel[equation.params["dimension_numbers"][1][0]]
    if equation.primitive == "dot_general":
        (contracting, _), _ = equation.params["dimension_numbers"]
        return outputs * math.prod(equation.inputs[0].shape[axis] for axis in contracting)
    return 0


def restore_batch(equation: Equation, layer: Layer | None, spatial: int) -> None:
    """A reshape of the batch axes alone, right after a convolution, ends that layer.

    A convolution has one batch axis, so layers fold theirs into one and unfold the result.
    """
    if layer is None or layer.kind != "conv" or layer.unfolded or equation.primitive != "reshape":
        return
    old, new, kept = tuple(equation.inputs[0].shape), tuple(equation.outputs[0].shape), spatial + 1
    if layer.output == old and old[-kept:] == new[-kept:]:
        layer.output, layer.unfolded = new, True


def for_parameters(layers: Sequence[Layer], before: Layer | None, scope: str) -> Layer | None:
    """The layer that parameters of an elementwise step belong to: a bias to its convolution.

    That is the layer before it, unless a scope of its own says otherwise; None asks for a new one.
    """
    if before is not None and (not scope or scope == before.scope or not before.scope):
        return before
    return next((layer for layer in reversed(layers) if scope and layer.scope == scope), None)


def scope_of(equation: Equation) -> str:
    """The `jax.named_scope`s around an equation, those around the calls that it is in included; ""
    where there are none. Under `vmap` or `grad` JAX has `vmap(conv1)`."""
    scope = ""
    for origin in equation.origin.outwards() if equation.origin else ():
        scope = join_scopes(re.sub(r"\w+\(|\)", "", origin.scope), scope)
    return scope


def join_scopes(outer: str, inner: str) -> str:
    return f"{outer}/{inner}" if outer and inner else outer or inner


def names(layers: Sequence[Layer]) -> list[str]:
    """One name a layer, each once: the path of its parameters, its scope, or kind and number."""
    scopes = [layer.scope for layer in layers if not parent(layer.path)]
    found: list[str] = []
    numbers: dict[str, int] = {}
    for layer in layers:
        numbers[layer.kind] = numbers.get(layer.kind, 0) + 1
        numbered = f"{layer.kind} {numbers[layer.kind]}"
        name = parent(layer.path) or layer.scope
        if not name or name in found or (not parent(layer.path) and scopes.count(name) > 1):
            name = join_scopes(name, numbered)
        found.append(name)
    return found


def parent(path: str) -> str:
    """The layer that a parameter is of: "batch_stats/bn1/mean" -> "bn1"."""
    return "/".join(part for part in path.split("/")[:-1] if part != BATCH_STATS)
