"""How each primitive passes receptive fields on: one rule a family.

A rule takes the equation and the flow of every operand (None for one that does not depend on x;
at least one does) and returns the flow of every result. Primitives without a rule get the
conservative one: every result reads whatever any operand reads.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from cnnjax.rules import registrar
from cnnjax.summary.fields import Flow, aligned, everywhere, join, keep, reshape
from verify.programs import Equation

Rule = Callable[[Equation, Sequence[Flow | None]], list[Flow]]

RULES: dict[str, Rule] = {}
rule = registrar(RULES)

# Element i of the result reads element i of each operand (or a scalar).
ELEMENTWISE_NAMES = """
    abs acos acosh add add_any and asin asinh atan atan2 atanh cbrt ceil clamp convert_element_type
    copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow
    is_finite le lgamma log log1p logistic lt max min mul name ne neg nextafter not or pow
    reduce_precision rem round rsqrt select_n shift_left shift_right_arithmetic
    shift_right_logical sign sin sinh sqrt square stop_gradient sub tan tanh xor
"""
ELEMENTWISE = frozenset(ELEMENTWISE_NAMES.split())
# Result k is operand k.
POSITIONAL = frozenset(
    ("optimization_barrier", "device_put", "sharding_constraint", "reshard", "mesh_cast")
)
REDUCTIONS = frozenset(
    f"reduce_{name}" for name in ("sum", "max", "min", "prod", "and", "or", "xor")
) | {"argmax", "argmin", "reduce"}
POOLS = frozenset(("reduce_window", "reduce_window_max", "reduce_window_min", "reduce_window_sum"))


def flows_of(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    """The flow of each result of `equation`."""
    name = equation.primitive
    if name in ELEMENTWISE:
        return [elementwise(equation, flows)]
    if name in POSITIONAL and None not in flows:
        return [flow for flow in flows if flow is not None]
    if name in REDUCTIONS:
        return reduction(equation, flows)
    if name in POOLS:
        return pool(equation, flows)
    return RULES.get(name, unknown)(equation, flows)


def unknown(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    """Every result reads everything; one shaped as an operand keeps the places of its axes."""
    given = [
        (atom.shape, flow)
        for atom, flow in zip(equation.inputs, flows, strict=True)
        if flow is not None
    ]
    reached = join([everywhere(flow, size) for size, flow in given], ())
    likes = {tuple(size): flow for size, flow in reversed(given)}
    places = [likes.get(tuple(atom.shape), reached) for atom in equation.outputs]
    return [aligned(reached, like) for like in places]


def elementwise(equation: Equation, flows: Sequence[Flow | None]) -> Flow:
    given = [flow for flow in flows if flow is not None]  # a scalar's flow has no strides
    return join(given, equation.outputs[0].shape)


def reduction(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    axes = equation.params["axes"] if "axes" in equation.params else equation.params["dimensions"]
    old = equation.inputs[0].shape
    kept = [axis for axis in range(len(old)) if axis not in axes]
    places = {axis: i for i, axis in enumerate(kept)}
    given = [keep(flow, places, old) for flow in flows if flow is not None]
    return [join(given, equation.outputs[0].shape)] * len(equation.outputs)


def pool(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    params = equation.params
    flow = flows[0]
    if flow is None or any(other is not None for other in flows[1:]):
        return unknown(equation, flows)
    for axis, taps in enumerate(params["window_dimensions"]):
        flow = slide(
            flow,
            axis,
            taps,
            stride=params["window_strides"][axis],
            low=params["padding"][axis][0],
            dilation=params["window_dilation"][axis],
            base=params["base_dilation"][axis],
        )
    return [flow] * len(equation.outputs)


def slide(
    flow: Flow, axis: int, taps: int, *, stride: int, low: int, dilation: int, base: int
) -> Flow:
    """A window along one axis, after `base - 1` zeros between elements and `low` before them."""
    first, reach = Fraction(-low, base), Fraction((taps - 1) * dilation, base)
    return tuple(field.window(axis, first, reach, Fraction(stride, base)) for field in flow)


@rule("conv_general_dilated")
def conv(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    flow, kernel = flows
    if flow is None or kernel is not None:
        return unknown(equation, flows)
    params, old = equation.params, equation.inputs[0].shape
    lhs, rhs, out = params["dimension_numbers"]
    for i, axis in enumerate(lhs[2:]):
        flow = slide(
            flow,
            axis,
            equation.inputs[1].shape[rhs[2 + i]],
            stride=params["window_strides"][i],
            low=params["padding"][i][0],
            dilation=params["rhs_dilation"][i],
            base=params["lhs_dilation"][i],
        )
    axes = dict(zip(lhs[2:], out[2:], strict=True))
    if params["batch_group_count"] == 1:
        axes[lhs[0]] = out[0]
    return [keep(flow, axes, old)]


@rule("dot_general")
def dot(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    contracting, batch = equation.params["dimension_numbers"]
    place = len(batch[0])
    results = []
    for side, (atom, flow) in enumerate(zip(equation.inputs, flows, strict=True)):
        axes = {axis: i for i, axis in enumerate(batch[side])}
        for axis in range(len(atom.shape)):
            if axis not in axes and axis not in contracting[side]:
                axes[axis] = place
                place += 1
        if flow is not None:
            results.append(keep(flow, axes, atom.shape))
    return [join(results, equation.outputs[0].shape)]


@rule("transpose")
def transpose(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    axes = {axis: i for i, axis in enumerate(equation.params["permutation"])}
    return [keep(only(flows), axes, equation.inputs[0].shape)]


@rule("reshape")
def reshaped(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    return [reshape(only(flows), equation.inputs[0].shape, equation.outputs[0].shape)]


@rule("squeeze", "expand_dims")
def squeeze(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    return reshaped(equation, flows)


@rule("broadcast_in_dim")
def broadcast(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    old, new = equation.inputs[0].shape, equation.outputs[0].shape
    axes = {
        axis: place
        for axis, place in enumerate(equation.params["broadcast_dimensions"])
        if old[axis] == new[place]
    }
    return [keep(only(flows[:1]), axes, old)]


@rule("rev")
def rev(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    flow, old = only(flows), equation.inputs[0].shape
    for axis in equation.params["dimensions"]:
        flow = moved(flow, axis, old[axis] - 1, -1)
    return [flow]


@rule("slice")
def slice_(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    flow, params = only(flows), equation.params
    strides = params["strides"] or (1,) * len(params["start_indices"])
    for axis, (start, stride) in enumerate(zip(params["start_indices"], strides, strict=True)):
        flow = moved(flow, axis, start, stride)
    return [flow]


@rule("dynamic_slice")
def dynamic_slice(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    """Where it starts is not known, so each element reads the reach of all starts."""
    flow = flows[0]
    if flow is None or any(other is not None for other in flows[1:]):
        return unknown(equation, flows)
    sizes = zip(equation.inputs[0].shape, equation.outputs[0].shape, strict=True)
    for axis, (old, new) in enumerate(sizes):
        flow = slide(flow, axis, old - new + 1, stride=1, low=0, dilation=1, base=1)
    return [flow]


@rule("pad")
def pad(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    flow = flows[0]
    if flow is None or flows[1] is not None:
        return unknown(equation, flows)
    for axis, (low, _, interior) in enumerate(equation.params["padding_config"]):
        flow = slide(flow, axis, 1, stride=1, low=low, dilation=1, base=interior + 1)
    return [flow]


@rule("split")
def split(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    flow, axis, start, parts = only(flows), equation.params["axis"], 0, []
    for size in equation.params["sizes"]:
        parts.append(moved(flow, axis, start, 1))
        start += size
    return parts


@rule("concatenate")
def concatenate(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    axis, start, parts = equation.params["dimension"], 0, []
    for atom, flow in zip(equation.inputs, flows, strict=True):
        if flow is not None:
            # Counted from the joined array's first element, which lies `start` before ours.
            parts.append(moved(flow, axis, -start, 1))
        start += atom.shape[axis]
    return [join(parts, equation.outputs[0].shape)]


@rule("stack")
def stack(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    """Operands side by side along a new axis."""
    axis, old = equation.params["axis"], equation.inputs[0].shape
    axes = {i: i + (i >= axis) for i in range(len(old))}
    given = [keep(flow, axes, old) for flow in flows if flow is not None]
    return [join(given, equation.outputs[0].shape)]


@rule("unstack")
def unstack(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    axis, old = equation.params["axis"], equation.inputs[0].shape
    axes = {i: i - (i > axis) for i in range(len(old)) if i != axis}
    return [keep(moved(only(flows), axis, k, 0), axes, old) for k in range(old[axis])]


@rule("gather")
def gather(equation: Equation, flows: Sequence[Flow | None]) -> list[Flow]:
    """Axes that are taken whole keep their places; what is indexed can come from anywhere."""
    flow, old, sizes = flows[0], equation.inputs[0].shape, equation.params["slice_sizes"]
    numbers = equation.params["dimension_numbers"]
    if flow is None or flows[1] is not None:
        return unknown(equation, flows)
    dropped = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    kept = [axis for axis in range(len(old)) if axis not in dropped]
    places = dict(zip(kept, numbers.offset_dims, strict=True))
    whole = {axis: place for axis, place in places.items() if sizes[axis] == old[axis]}
    return [keep(flow, whole, old)]


def moved(flow: Flow, axis: int, first: int, stride: int) -> Flow:
    """Element t along `axis` is the old element first + stride t."""
    return tuple(field.window(axis, first, 0, stride) for field in flow)


def only(flows: Sequence[Flow | None]) -> Flow:
    (flow,) = flows
    assert flow is not None, "an equation is followed only if one operand depends on x"
    return flow
