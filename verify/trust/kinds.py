"""Kinds of equations: what need be compared with JAX once, and small equations that stand for them.

Two equations are of one kind if they have the same primitive (and rule), dtypes and parameters, but
for sizes and numbers above a few: an axis has 0, 1, 2 or more elements, a stride 1, 2, 3 or more.
Equations that work element by element are of one kind whatever their shapes are.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import jax
import numpy as np

from verify.primitives import RULES
from verify.programs import Equation, Param, Params, Program, Var, bind, once_a_program
from verify.programs.catalogue import Fact, having
from verify.trust import child

# What only moves elements: there a slice begins and ends at an end of an axis, or elsewhere.
MOVEMENT = having(Fact.MOVES, but=Fact.INDEXED)
_ELEMENTWISE = having(Fact.ELEMENTWISE, but=Fact.MOVES)
_MOST = 4  # numbers above are alike
_SIZES = 3  # sizes from here on are alike


def kind(equation: Equation) -> Hashable:
    """What tells an equation from those that need a comparison of their own."""
    name = equation.primitive
    dtypes = tuple(str(atom.dtype) for atom in (*equation.inputs, *equation.outputs))
    params = equation.params
    if is_elementwise(equation):
        forms: tuple[object, ...] = tuple(not atom.shape for atom in equation.inputs)
    elif name in MOVEMENT:
        forms = tuple(tuple(min(n, 2) for n in atom.shape) for atom in equation.inputs)
        params = {key: _place(equation, key) for key in params}
    else:
        forms = tuple(tuple(min(n, _SIZES) for n in atom.shape) for atom in equation.inputs)
    return name, RULES.get(name), dtypes, forms, _coarse(params)


def _place(equation: Equation, key: str) -> Param:
    """A parameter of an equation that moves elements: of places along an axis, which are at an end,
    and of sizes, which are 0, 1 or more. Axes are what they are."""
    value = equation.params[key]
    if key == "limit_indices":
        return tuple(at < n for at, n in zip(value, equation.inputs[0].shape, strict=True))
    if key in ("start_indices", "new_sizes", "shape", "sizes"):
        return tuple(min(int(n), 1 if key == "start_indices" else 2) for n in value)
    return value


def is_elementwise(equation: Equation) -> bool:
    return equation.primitive in _ELEMENTWISE and len(equation.outputs) == 1


def _coarse(value: object) -> Hashable:
    """A parameter without the differences between large numbers."""
    if value is None or isinstance(value, bool | str | np.dtype):
        return value
    if isinstance(value, int | np.integer):
        return max(-_MOST, min(int(value), _MOST))
    if isinstance(value, tuple | list):
        return tuple(map(_coarse, value))
    if isinstance(value, Program):
        return _of_body(value)
    if isinstance(value, dict | types.MappingProxyType):
        return tuple((key, _coarse(item)) for key, item in sorted(value.items()))
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype)
    if callable(value) and hasattr(value, "__qualname__"):
        return str(value.__qualname__)
    text = repr(value)
    return (type(value).__name__, "" if " at 0x" in text else text)


_NUMBERS: dict[Hashable, int] = {}  # one a kind of body: within others it is a name for it


@once_a_program
def _of_body(program: Program) -> int:
    whole = tuple(kind(equation) for equation in program.equations)
    return _NUMBERS.setdefault(whole, len(_NUMBERS))


# -- small equations of the same kind -------------------------------------------------------------


def elementwise(equation: Equation, size: int) -> Equation:
    """The same operation on vectors of this size; scalars stay."""
    shapes = [(size,) if atom.shape else () for atom in equation.inputs]
    inputs = _variables(equation, shapes)
    (output,) = equation.outputs
    shape = (size,) if any(shapes) else ()
    return replace(equation, inputs=inputs, outputs=(Var(shape, output.dtype),))


def small(equation: Equation) -> Equation | None:
    """An equation of the kind with small operands; None where no way is known to make one."""
    shrink = _SHRINK.get(equation.primitive)
    if shrink is None:
        return None
    shapes, changes = shrink(equation)
    return resized(equation, shapes, changes)


def resized(
    equation: Equation, shapes: Sequence[tuple[int, ...]], changes: dict[str, Param]
) -> Equation | None:
    """The equation on other shapes, with changed parameters; None where JAX refuses them."""
    bound = {**equation._bind_params, **changes}
    arguments = [
        jax.ShapeDtypeStruct(shape, atom.dtype)
        for shape, atom in zip(shapes, equation.inputs, strict=True)
    ]
    try:
        with child.own_types([equation]):
            found = jax.eval_shape(lambda *xs: bind(equation, xs, bound), *arguments)
    except Exception:  # whatever JAX has to say
        return None
    outputs = tuple(Var(tuple(y.shape), y.dtype) for y in jax.tree.leaves(found))
    if [v.dtype for v in outputs] != [v.dtype for v in equation.outputs]:
        return None
    return replace(
        equation,
        inputs=_variables(equation, shapes),
        outputs=outputs,
        params={**equation.params, **changes},
        _bind_params=bound,
    )


def _variables(equation: Equation, shapes: Sequence[tuple[int, ...]]) -> tuple[Var, ...]:
    pairs = zip(shapes, equation.inputs, strict=True)
    return tuple(Var(tuple(shape), atom.dtype) for shape, atom in pairs)


_Shrunk = tuple[list[tuple[int, ...]], dict[str, Param]]


def _least(n: int, most: int) -> int:
    return int(min(n, most))


def _shape(shape: Sequence[int], start: int = 3) -> tuple[int, ...]:
    """Axes of different sizes, where they are large enough."""
    return tuple(_least(n, start + axis) for axis, n in enumerate(shape))


def _axes(equation: Equation) -> _Shrunk:
    """Operations that name axes of operands of one shape."""
    return [_shape(atom.shape) for atom in equation.inputs], {}


def _broadcast(equation: Equation) -> _Shrunk:
    params = equation.params
    whole = _shape(params["shape"])
    (operand,) = equation.inputs
    wide = zip(operand.shape, params["broadcast_dimensions"], strict=True)
    given = tuple(1 if n == 1 else whole[axis] for n, axis in wide)
    return [given], {"shape": whole}


def _dot(equation: Equation) -> _Shrunk:
    left, right = (list(_shape(atom.shape, 2 + i)) for i, atom in enumerate(equation.inputs))
    for one, two in zip(*equation.params["dimension_numbers"][0], strict=True):
        right[two] = left[one]
    for one, two in zip(*equation.params["dimension_numbers"][1], strict=True):
        right[two] = left[one]
    return [tuple(left), tuple(right)], {}


def _concatenate(equation: Equation) -> _Shrunk:
    axis = equation.params["dimension"]
    shapes = []
    for number, atom in enumerate(equation.inputs):
        shape = list(_shape(atom.shape))
        shape[axis] = _least(atom.shape[axis], 1 + number % 3)
        shapes.append(tuple(shape))
    return shapes, {}


def _slice(equation: Equation) -> _Shrunk:
    params, (operand,) = equation.params, equation.inputs
    sizes, starts, limits, strides = [], [], [], []
    steps = params["strides"] or (1,) * len(operand.shape)
    rows = zip(operand.shape, params["start_indices"], params["limit_indices"], steps, strict=True)
    for axis, (n, start, limit, step) in enumerate(rows):
        size = _least(n, 6 + axis)
        first = start if size == n else _least(start, 2)
        last = limit if size == n else size - _least(n - limit, 1)
        sizes.append(size)
        starts.append(first)
        limits.append(last)
        strides.append(step if size == n else _least(step, 3))
    changes: dict[str, Param] = {"start_indices": tuple(starts), "limit_indices": tuple(limits)}
    return [tuple(sizes)], changes | {"strides": tuple(strides) if params["strides"] else None}


def _pad(equation: Equation) -> _Shrunk:
    config = [
        (max(-2, _least(low, 2)), max(-1, _least(high, 3)), _least(inside, 2))
        for low, high, inside in equation.params["padding_config"]
    ]
    return [_shape(equation.inputs[0].shape, 4), ()], {"padding_config": tuple(config)}


def _convolution(equation: Equation) -> _Shrunk:
    params, (image, kernel) = equation.params, equation.inputs
    numbers = params["dimension_numbers"]
    groups = _least(params["feature_group_count"], 3)
    batches = _least(params["batch_group_count"], 2)
    left, right = list(image.shape), list(kernel.shape)
    batch, feature, *space = numbers.lhs_spec
    out, inner, *window = numbers.rhs_spec
    left[batch] = batches * _least(left[batch] // params["batch_group_count"], 2)
    right[inner] = _least(right[inner], 2)
    left[feature] = groups * right[inner]
    each = max(params["feature_group_count"], params["batch_group_count"])
    right[out] = max(groups, batches) * _least(right[out] // each, 2)
    for axis, (i, j) in enumerate(zip(space, window, strict=True)):
        left[i], right[j] = _least(left[i], 6 + axis), _least(right[j], 2 + axis)
    changes: dict[str, Param] = {"feature_group_count": groups, "batch_group_count": batches}
    changes |= _windows(params, "window_strides", "lhs_dilation", "rhs_dilation")
    return [tuple(left), tuple(right)], changes


def _window(equation: Equation) -> _Shrunk:
    params = equation.params
    sizes = [_shape(atom.shape, 5) if atom.shape else () for atom in equation.inputs]
    changes = {"window_dimensions": tuple(_least(n, 3) for n in params["window_dimensions"])}
    names = ("window_strides", "base_dilation", "window_dilation")
    return sizes, changes | _windows(params, *(name for name in names if name in params))


def _windows(params: Params, *names: str) -> dict[str, Param]:
    changes: dict[str, Param] = {n: tuple(_least(v, 3) for v in params[n]) for n in names}
    padding = tuple((max(-2, _least(a, 2)), max(-2, _least(b, 2))) for a, b in params["padding"])
    return changes | {"padding": padding}


_BY_AXES = """
transpose rev reduce_sum reduce_prod reduce_max reduce_min reduce_and reduce_or reduce_xor
argmax argmin cumsum cumprod cummax cummin cumlogsumexp sort copy stop_gradient copy_p
"""
_SHRINK: dict[str, Callable[[Equation], _Shrunk]] = {
    **dict.fromkeys(_BY_AXES.split(), _axes),
    **dict.fromkeys(
        ("reduce_window_sum", "reduce_window_max", "reduce_window_min", "reduce_window"), _window
    ),
    "broadcast_in_dim": _broadcast,
    "dot_general": _dot,
    "concatenate": _concatenate,
    "slice": _slice,
    "pad": _pad,
    "conv_general_dilated": _convolution,
}
