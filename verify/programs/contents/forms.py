"""What operations do to what arrays hold: a form for each that is the same along other dimensions.

A form answers with the result's number, or None where the operation is none but itself. Two
equations with one number must hold the same: so a form leaves nothing out that decides a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from verify.programs.catalogue import Fact, having
from verify.programs.contents.numbers import Contents, Shape, squeezed
from verify.programs.ir import Equation
from verify.programs.value_numbers import Number

_NOTHING = having(Fact.ELEMENTWISE, Fact.MOVES)  # copies
_CASTS = having(Fact.CASTS, but=Fact.SEES_DIGITS)
_COMMUTE = having(Fact.COMMUTES)

Form = Callable[[Contents, Equation, list[Number]], Number | None]


def _kept(shape: Sequence[int]) -> list[int]:
    """The dimensions that are left without those of size one."""
    return [i for i, n in enumerate(shape) if n != 1]


def _among(dims: Sequence[int], shape: Sequence[int]) -> Shape:
    """Where dimensions of `shape` stand among those that are left; those of size one nowhere."""
    kept = _kept(shape)
    return tuple(kept.index(int(d)) for d in dims if int(d) in kept)


def each(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    """Element by element; scalars stand at every place, and dimensions of size one repeat."""
    (result,) = equation.outputs
    shape = squeezed(result.shape)
    if any(not _fits(atom.shape, result.shape) for atom in equation.inputs):
        return None
    unchanged = equation.inputs[0].dtype == result.dtype
    if equation.primitive in _NOTHING or (
        unchanged and equation.primitive == "convert_element_type"
    ):
        return operands[0]
    wide = [
        contents.place(number, shape, _among(_kept(atom.shape), result.shape))
        for atom, number in zip(equation.inputs, operands, strict=True)
    ]
    first = contents.simplest(wide, shape)
    wide = [contents.reshape(number, first) for number in wide]
    if equation.primitive in _COMMUTE:
        wide.sort()
    how = contents.numbers.parameters(equation)
    return contents.reshape(contents.made_by(equation, wide, how, shape=first), shape)


def _fits(shape: Sequence[int], result: Sequence[int]) -> bool:
    """Whether an operand of this shape stands in an elementwise result of that one."""
    if not shape:
        return True
    return len(shape) == len(result) and all(
        n in (1, m) for n, m in zip(shape, result, strict=True)
    )


def _rearranged(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    """In another shape, the elements in their order."""
    if equation.params.get("dimensions") is not None and equation.primitive == "reshape":
        return None
    return contents.reshape(operands[0], squeezed(equation.outputs[0].shape))


def _repeated(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    if len(operands) != 1:
        return None
    (operand,), (result,) = equation.inputs, equation.outputs
    places = [int(d) for d in equation.params["broadcast_dimensions"]]
    dims = _among([places[i] for i in _kept(operand.shape)], result.shape)
    return contents.place(operands[0], squeezed(result.shape), dims)


def _transposed(contents: Contents, equation: Equation, operands: list[Number]) -> Number:
    (operand,), (result,) = equation.inputs, equation.outputs
    permutation = [int(d) for d in equation.params["permutation"]]
    dims = _among([permutation.index(i) for i in _kept(operand.shape)], result.shape)
    return contents.place(operands[0], squeezed(result.shape), dims)


def _counted(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    """0, 1, 2, ... along one dimension."""
    (result,) = equation.outputs
    along = _among([equation.params["dimension"]], result.shape)
    if operands or not along:
        return None
    (size,) = (squeezed(result.shape)[i] for i in along)
    line = contents.made(("iota", str(result.dtype), size), (size,))
    return contents.place(line, squeezed(result.shape), along)


def _folded(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    """Along axes."""
    (operand,), (result,) = equation.inputs, equation.outputs
    axes = _among(equation.params["axes"], operand.shape)
    if not axes:
        return operands[0] if operand.dtype == result.dtype else None
    return contents.made_by(equation, operands, tuple(sorted(axes)))


def _along(name: str, *others: str, alone: bool = True) -> Form:
    """Along the dimension that a parameter names; `alone`: if of size one, nothing happens."""

    def form(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
        if len(operands) != 1 or len(equation.outputs) != 1:
            return None
        asked = equation.params[name]
        axes = asked if isinstance(asked, tuple) else (asked,)
        dims = _among(axes, equation.inputs[0].shape)
        if not dims:
            return operands[0] if alone else None
        how = tuple(contents.numbers.parameter(equation.params[other]) for other in others)
        return contents.made_by(equation, operands, tuple(sorted(dims)), how)

    return form


def _joined(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    (result,) = equation.outputs
    dims = _among([equation.params["dimension"]], result.shape)
    if not dims:  # one operand has something in it, if any has
        return None
    sizes = tuple(int(a.shape[equation.params["dimension"]]) for a in equation.inputs)
    return contents.made_by(equation, operands, dims, sizes)


def _stacked(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    """Along a dimension that is new."""
    dims = _among([equation.params["axis"]], equation.outputs[0].shape)
    return contents.made_by(equation, operands, dims) if dims else None


def _by_dimension(*names: str, still: tuple[Any, ...]) -> Form:
    """What parameters say of each dimension of the first operand; nothing, where it is `still`.
    Dimensions of size one count as no others only if nothing is done along them."""

    def form(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
        shape = equation.inputs[0].shape
        given = (equation.params.get(name) for name in names)
        every = [
            (none,) * len(shape) if said is None else said
            for said, none in zip(given, still, strict=True)
        ]
        each = list(zip(*map(_plain, every), strict=True))
        if any(each[i] != still for i, n in enumerate(shape) if n == 1):
            return None
        return contents.made_by(equation, operands, tuple(each[i] for i in _kept(shape)))

    return form


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else int(value)


def _cut_out(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    params, (operand,), (result,) = equation.params, equation.inputs, equation.outputs
    if operand.shape == result.shape:
        return operands[0]
    if 0 in result.shape:
        return None
    kept = _kept(operand.shape)
    strides = params["strides"] or (1,) * len(operand.shape)
    named = (params["start_indices"], params["limit_indices"], strides)
    return contents.made_by(equation, operands, *(tuple(int(x[i]) for i in kept) for x in named))


def _multiplied(contents: Contents, equation: Equation, operands: list[Number]) -> Number:
    """As a batch of products of two matrices: what is left of an operand is one dimension."""
    params, (left, right) = equation.params, equation.inputs
    (ours, theirs), (one, two) = params["dimension_numbers"]
    contracted = sorted(zip(_among(ours, left.shape), _among(theirs, right.shape), strict=True))
    batch = list(zip(_among(one, left.shape), _among(two, right.shape), strict=True))
    others = {k: v for k, v in params.items() if k not in ("dimension_numbers", "out_sharding")}
    matrices, sizes = [], []
    for side, number in enumerate(operands):
        first, last = ([pair[side] for pair in pairs] for pairs in (batch, contracted))
        shape = contents.shapes[number]
        free = [i for i in range(len(shape)) if i not in (*first, *last)]
        order = [*first, *free, *last] if side == 0 else [*first, *last, *free]
        wide = tuple(shape[i] for i in order)
        moved = contents.place(number, wide, tuple(map(order.index, range(len(order)))))
        groups = ([*first], free, last) if side == 0 else ([*first], last, free)
        flat = tuple(math.prod(shape[i] for i in group) for group in groups)
        matrices.append(contents.reshape(moved, squeezed(flat)))
        sizes.append(flat)
    whole = squeezed((sizes[0][0], sizes[0][1], sizes[1][2]))
    how = (*sizes, contents.numbers.parameter(others))
    product = contents.made_by(equation, matrices, how, shape=whole)
    return contents.reshape(product, squeezed(equation.outputs[0].shape))


_WINDOW = ("window_dimensions", "window_strides", "padding", "base_dilation", "window_dilation")
_STILL = (1, 1, (0, 0), 1, 1)
_windowed = _by_dimension(*_WINDOW, still=_STILL)

FORMS: dict[str, Form] = {
    "reshape": _rearranged,
    "squeeze": _rearranged,
    "expand_dims": _rearranged,
    "broadcast_in_dim": _repeated,
    "transpose": _transposed,
    "iota": _counted,
    "reduce_sum": _folded,
    "reduce_prod": _folded,
    "reduce_max": _folded,
    "reduce_min": _folded,
    "reduce_and": _folded,
    "reduce_or": _folded,
    "reduce_xor": _folded,
    "argmax": _along("axes", alone=False),
    "argmin": _along("axes", alone=False),
    "cumsum": _along("axis", "reverse"),
    "cumprod": _along("axis", "reverse"),
    "cummax": _along("axis", "reverse"),
    "cummin": _along("axis", "reverse"),
    "cumlogsumexp": _along("axis", "reverse"),
    "rev": _along("dimensions"),
    "sort": _along("dimension", "is_stable", "num_keys"),
    "concatenate": _joined,
    "stack": _stacked,
    "pad": _by_dimension("padding_config", still=((0, 0, 0),)),
    "slice": _cut_out,
    "dot_general": _multiplied,
    "reduce_window_sum": _windowed,
    "reduce_window_max": _windowed,
    "reduce_window_min": _windowed,
}
