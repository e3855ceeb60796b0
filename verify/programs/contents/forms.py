"""What operations do to what arrays hold: a form for each that is the same along other dimensions.

A form answers with the result's number, or None where the operation is none but itself. Two
equations with one number must hold the same: so a form leaves nothing out that decides a number.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from verify.programs.catalogue import Fact, having
from verify.programs.contents.matrices import multiplied
from verify.programs.contents.moves import Shape, among, inverse, kept, ranks, squeezed
from verify.programs.contents.numbers import Contents
from verify.programs.ir import Equation
from verify.programs.value_numbers import Number

_NOTHING = having(Fact.ELEMENTWISE, Fact.MOVES)  # copies
_CASTS = having(Fact.CASTS, but=Fact.SEES_DIGITS)
_COMMUTE = having(Fact.COMMUTES)

Form = Callable[[Contents, Equation, list[Number]], Number | None]


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
        contents.place(number, shape, among(kept(atom.shape), result.shape))
        for atom, number in zip(equation.inputs, operands, strict=True)
    ]
    first = contents.simplest(wide, shape)
    wide = [contents.reshape(number, first) for number in wide]
    wide, dims = _in_one_order(contents, wide)
    if equation.primitive in _COMMUTE:
        wide.sort()
    how, inner = contents.numbers.parameters(equation), tuple(first[d] for d in dims)
    made = contents.made_by(equation, wide, how, shape=inner)
    return contents.reshape(contents.place(made, first, dims), shape)


def _in_one_order(contents: Contents, several: list[Number]) -> tuple[list[Number], Shape]:
    """Values of as many dimensions, with these in the order in which one of the values was made,
    and where they stand."""
    orders = [contents.order(n) for n in several if not contents.repeats(n)]
    if not orders:
        return several, tuple(range(len(contents.shapes[several[0]])))
    _, dims = min(orders)
    back = inverse(dims)
    found = []
    for n in several:
        shape = contents.shapes[n]
        found.append(contents.place(n, tuple(shape[d] for d in dims), back))
    return found, dims


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
    dims = among([places[i] for i in kept(operand.shape)], result.shape)
    return contents.place(operands[0], squeezed(result.shape), dims)


def _transposed(contents: Contents, equation: Equation, operands: list[Number]) -> Number:
    (operand,), (result,) = equation.inputs, equation.outputs
    places = inverse([int(d) for d in equation.params["permutation"]])
    dims = among([places[i] for i in kept(operand.shape)], result.shape)
    return contents.place(operands[0], squeezed(result.shape), dims)


def _counted(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    """0, 1, 2, ... along one dimension."""
    (result,) = equation.outputs
    along = among([equation.params["dimension"]], result.shape)
    if operands or not along:
        return None
    (size,) = (squeezed(result.shape)[i] for i in along)
    line = contents.made(("iota", str(result.dtype), size), (size,))
    return contents.place(line, squeezed(result.shape), along)


def _along_each(
    contents: Contents,
    equation: Equation,
    operands: list[Number],
    does: Sequence[Hashable],
    sizes: Sequence[int | None],
    *how: Hashable,
) -> Number:
    """What `does` says of each dimension of the first operand, in whatever order they are; `sizes`
    are those of the result, None where a dimension is gone."""
    root, dims = contents.order(operands[0])
    left = [d for d in dims if sizes[d] not in (None, 1)]
    done = tuple(does[d] for d in dims)
    inner, outer = ([sizes[d] or 0 for d in order] for order in (left, sorted(left)))
    made = contents.made_by(equation, [root, *operands[1:]], done, how, shape=tuple(inner))
    return contents.place(made, tuple(outer), ranks(left))


def _along(name: str, *others: str, alone: bool = True, gone: bool = False) -> Form:
    """Along the dimensions that a parameter names. `alone`: if they are of size one, nothing
    happens; `gone`: they are no dimensions of the result."""

    def form(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
        if len(operands) != 1 or len(equation.outputs) != 1:
            return None
        (operand,), (result,) = equation.inputs, equation.outputs
        asked = equation.params[name]
        dims = among(asked if isinstance(asked, tuple) else (asked,), operand.shape)
        if not dims:
            return operands[0] if alone and operand.dtype == result.dtype else None
        how = tuple(contents.numbers.parameter(equation.params[other]) for other in others)
        shape = squeezed(operand.shape)
        sizes = [None if gone and d in dims else n for d, n in enumerate(shape)]
        does = [d in dims for d in range(len(shape))]
        return _along_each(contents, equation, operands, does, sizes, how)

    return form


def _joined(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    (result,) = equation.outputs
    axis = int(equation.params["dimension"])
    along = among([axis], result.shape)
    if not along:  # one operand has something in it, if any has
        return None
    lengths, shape = tuple(int(a.shape[axis]) for a in equation.inputs), squeezed(result.shape)
    if 1 in lengths:
        return contents.made_by(equation, operands, along, lengths, shape=shape)
    ordered, dims = _in_one_order(contents, operands)
    inner = tuple(shape[d] for d in dims)
    made = contents.made_by(equation, ordered, dims.index(along[0]), lengths, shape=inner)
    return contents.place(made, shape, dims)


def _stacked(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    """Along a dimension that is new: it comes first."""
    (result,) = equation.outputs
    along = among([equation.params["axis"]], result.shape)
    if not along:
        return None
    ordered, dims = _in_one_order(contents, operands)
    inner = (len(operands), *contents.shapes[ordered[0]])
    made = contents.made_by(equation, ordered, shape=inner)
    places = (along[0], *(d + (d >= along[0]) for d in dims))
    return contents.place(made, squeezed(result.shape), places)


def _by_dimension(*names: str, still: tuple[Any, ...]) -> Form:
    """What parameters say of each dimension of the first operand; nothing, where it is `still`.
    Dimensions of size one count as no others only if nothing is done along them."""

    def form(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
        shape, (result,) = equation.inputs[0].shape, equation.outputs
        given = (equation.params.get(name) for name in names)
        every = [
            (none,) * len(shape) if said is None else said
            for said, none in zip(given, still, strict=True)
        ]
        does = list(zip(*map(_plain, every), strict=True))
        if any(does[i] != still for i, n in enumerate(shape) if n == 1):
            return None
        sizes = [result.shape[i] for i in kept(shape)]
        return _along_each(contents, equation, operands, [does[i] for i in kept(shape)], sizes)

    return form


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else int(value)


def _cut_out(contents: Contents, equation: Equation, operands: list[Number]) -> Number | None:
    params, (operand,), (result,) = equation.params, equation.inputs, equation.outputs
    if operand.shape == result.shape:
        return operands[0]
    if 0 in result.shape:
        return None
    strides = params["strides"] or (1,) * len(operand.shape)
    named = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    does = [tuple(map(int, said)) for said in named]
    left = kept(operand.shape)
    sizes = [result.shape[i] for i in left]
    return _along_each(contents, equation, operands, [does[i] for i in left], sizes)


_WINDOW = ("window_dimensions", "window_strides", "padding", "base_dilation", "window_dilation")
_STILL = (1, 1, (0, 0), 1, 1)
_windowed = _by_dimension(*_WINDOW, still=_STILL)
_folded = _along("axes", gone=True)

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
    "argmax": _along("axes", alone=False, gone=True),
    "argmin": _along("axes", alone=False, gone=True),
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
    "dot_general": multiplied,
    "reduce_window_sum": _windowed,
    "reduce_window_max": _windowed,
    "reduce_window_min": _windowed,
}
