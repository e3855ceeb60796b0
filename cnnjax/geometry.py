"""Where a window lands: padding, output size, receptive field. Integers only, no arrays.

One axis of a layer slides a window of ``k`` taps, ``dilation`` apart, by ``stride`` over ``size``
inputs with ``low`` and ``high`` cells of padding. With ``e = (k - 1) dilation + 1`` (the cells
the dilated window spans) there are

    output = (size + low + high - e) // stride + 1

outputs, and output ``i`` reads the inputs ``i stride - low + j dilation``, ``0 <= j < k``.

Receptive fields follow Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
Neural Networks" (Distill, 2019, equations 2 and 3): field, stride and padding of a chain of
layers, and the union of fields where branches meet.

Sizes may also be symbolic dimensions of ``jax.export.symbolic_shape``; what can then not be
decided (does the window fit?) is not checked. Not here: transposed convolutions as receptive
fields (their stride is a fraction), negative padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import jax
from jax import export

Pads = tuple[tuple[int, int], ...]
Padding = str | int | Sequence[int] | Sequence[Sequence[int]]

PADDINGS = ("SAME", "SAME_LOWER", "VALID")
FORMS = '"SAME", "SAME_LOWER", "VALID", an int, a pair (low, high), or one pair an axis'


def per_axis(
    value: int | Sequence[int], axes: int, *, name: str, least: int = 1
) -> tuple[int, ...]:
    """Give one int for each of ``axes`` axes: an int stands for all of them.

    Symbolic dimensions count as ints of unknown size.

    Errors: TypeError where something is not an int, ValueError for a wrong count or a value
    below ``least``; ``name`` opens the message.

    >>> per_axis(2, 3, name="conv: stride")
    (2, 2, 2)
    >>> per_axis((2, 0), 2, name="conv: stride")
    Traceback (most recent call last):
        ...
    ValueError: conv: stride must be at least 1 on every axis, got (2, 0)
    """
    if _is_int(value):
        values: tuple[Any, ...] = (value,) * axes
    elif isinstance(value, Sequence) and not isinstance(value, str):
        values = tuple(value)
    else:
        raise TypeError(f"{name} must be an int or {axes} ints, got {value!r}")
    if not all(_is_int(v) for v in values):
        raise TypeError(f"{name} must be an int or {axes} ints, got {value!r}")
    if len(values) != axes:
        raise ValueError(f"{name} must be an int or {axes} ints, got {len(values)}: {value!r}")
    if any(isinstance(v, Integral) and v < least for v in values):
        raise ValueError(f"{name} must be at least {least} on every axis, got {value!r}")
    return tuple(int(v) if isinstance(v, Integral) else v for v in values)


def extent(window: int, dilation: int = 1) -> int:
    """Cells that ``window`` taps span when they lie ``dilation`` apart.

    >>> extent(3), extent(3, dilation=4)
    (3, 9)
    """
    return (window - 1) * dilation + 1


def pads(
    padding: Padding,
    size: Sequence[int],
    window: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    *,
    caller: str = "pads",
) -> Pads:
    """Resolve any form of padding to (low, high) for each axis of ``size``.

    ``"SAME"`` gives ``ceil(size / stride)`` outputs with the smallest padding that does, and the
    odd cell high (``"SAME_LOWER"``: low), as in TensorFlow and JAX: it depends on the size. PyTorch
    ports pad 224 with a window of 7 and stride 2 by (3, 3), this gives (2, 3). ``"VALID"`` pads
    nothing, an int pads every side alike, a pair is (low, high) of every axis - not one int an
    axis as in PyTorch - and a sequence of pairs names each axis.

    Errors: TypeError or ValueError for any other form, a wrong number of pairs, negative padding
    (slice the image instead).

    >>> pads("SAME", (224, 224), 7, stride=2)
    ((2, 3), (2, 3))
    >>> pads("SAME_LOWER", (224, 224), 7, stride=2)
    ((3, 2), (3, 2))
    >>> pads(1, (8, 8), 3), pads((1, 2), (8, 8), 3), pads(((0, 1), (2, 3)), (8, 8), 3)
    (((1, 1), (1, 1)), ((1, 2), (1, 2)), ((0, 1), (2, 3)))
    """
    axes = len(size)
    window = per_axis(window, axes, name=f"{caller}: window")
    stride = per_axis(stride, axes, name=f"{caller}: stride")
    dilation = per_axis(dilation, axes, name=f"{caller}: dilation")
    if isinstance(padding, str):
        if padding == "VALID":
            return ((0, 0),) * axes
        if padding not in PADDINGS:
            raise ValueError(f"{caller}: padding must be {FORMS}; got {padding!r}")
        totals = [
            _at_least_zero((_ceil_div(n, s) - 1) * s + extent(k, d) - n)
            for n, k, s, d in zip(size, window, stride, dilation, strict=True)
        ]
        halves = [(total // 2, total - total // 2) for total in totals]
        return tuple(halves if padding == "SAME" else [(high, low) for low, high in halves])
    return _explicit(padding, axes, caller)


def _explicit(padding: Any, axes: int, caller: str) -> Pads:
    """Padding given as numbers."""
    if _is_int(padding):
        pairs: list[Any] = [(padding, padding)] * axes
    elif not isinstance(padding, Sequence):
        raise TypeError(f"{caller}: padding must be {FORMS}; got {padding!r}")
    elif len(padding) == 2 and all(_is_int(p) for p in padding):
        pairs = [tuple(padding)] * axes
    else:
        pairs = list(padding)
        if not all(
            isinstance(p, Sequence) and len(p) == 2 and all(_is_int(v) for v in p) for p in pairs
        ):
            raise TypeError(f"{caller}: padding must be {FORMS}; got {padding!r}")
        if len(pairs) != axes:
            raise ValueError(
                f"{caller}: padding has {len(pairs)} pairs for {axes} axes: {padding!r}"
            )
    if any(isinstance(p, Integral) and p < 0 for pair in pairs for p in pair):
        raise ValueError(
            f"{caller}: padding must not be negative, got {padding!r}; slice the image to crop it"
        )
    pairs = [[int(p) if isinstance(p, Integral) else p for p in pair] for pair in pairs]
    return tuple((low, high) for low, high in pairs)


def ceil_pads(
    size: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    pads: Pads,
    *,
    caller: str = "ceil_pads",
) -> Pads:
    """`pads`, with as much more behind each axis as rounding the number of outputs up takes.

    PyTorch's ``ceil_mode``: a last window that begins within the image or the padding before it
    may stick out; one that would begin behind the image is left out.

    Errors: ValueError where a size is symbolic.

    >>> ceil_pads((5, 6), (2, 2), (2, 2), ((0, 0), (0, 0)))
    ((0, 1), (0, 0))
    >>> ceil_pads((5,), (1,), (3,), ((0, 0),))  # a second window would begin behind the image
    ((0, 0),)
    """
    more = []
    for n, k, s, (low, high) in zip(size, window, stride, pads, strict=True):
        if not all(isinstance(v, int) for v in (n, low, high)):
            raise ValueError(f"{caller}: ceil_mode needs image sizes that are known, got {size}")
        room = n + low + high - k
        rest = -room % s
        # Where the window that sticks out would begin, counted from the image's first element.
        more.append((low, high + rest if room + rest - low < n else high))
    return tuple(more)


def output_size(
    size: Sequence[int],
    window: int | Sequence[int],
    stride: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
    pads: Sequence[Sequence[int]] | None = None,
    *,
    caller: str = "output_size",
) -> tuple[int, ...]:
    """Count the outputs along each axis; ``pads`` is what `pads` returns, None for none.

    Errors: ValueError where the window does not fit into the padded image even once.

    >>> output_size((100, 100), 5, pads=((2, 2), (2, 2)))
    (100, 100)
    >>> output_size((25, 25), 2, stride=2)
    (12, 12)
    """
    axes = len(size)
    window = per_axis(window, axes, name=f"{caller}: window")
    stride = per_axis(stride, axes, name=f"{caller}: stride")
    dilation = per_axis(dilation, axes, name=f"{caller}: dilation")
    if pads is None:
        pads = ((0, 0),) * axes
    sizes = []
    for axis, (n, k, s, d, (low, high)) in enumerate(
        zip(size, window, stride, dilation, pads, strict=True)
    ):
        room = n + low + high - extent(k, d)
        if isinstance(room, int) and room < 0:
            raise ValueError(
                f"{caller}: window {k} (dilation {d}, spans {extent(k, d)}) does not fit into "
                f"spatial axis {axis} of size {n} with padding ({low}, {high})"
            )
        sizes.append(room // s + 1)
    return tuple(sizes)


def _is_int(value: Any) -> bool:
    if isinstance(value, Integral):
        return not isinstance(value, bool)
    return export.is_symbolic_dim(value)


def _ceil_div(n: int, d: int) -> int:
    return (n + d - 1) // d


def _at_least_zero(n: int) -> int:
    # A symbolic dimension cannot be compared, only kept as an expression.
    return max(n, 0) if isinstance(n, int) else jax.core.max_dim(n, 0)


@dataclass(frozen=True)
class ReceptiveField:
    """Which inputs an output depends on, along one axis: output ``i`` sees the ``field`` inputs
    from ``i stride - padding`` on.

    The empty network is ``ReceptiveField()``. Fields compose with `then` and join with `merge`.

    >>> two = ReceptiveField().then(5, padding=2).then(5, padding=2)
    >>> two
    ReceptiveField(field=9, stride=1, padding=4)
    >>> two.inputs(0)
    (-4, 5)
    """

    field: int = 1
    stride: int = 1
    padding: int = 0

    def then(
        self, window: int, *, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> ReceptiveField:
        """Add a layer after this one; ``padding`` is its low padding (Araujo et al., eq. 2)."""
        return ReceptiveField(
            field=self.field + (extent(window, dilation) - 1) * self.stride,
            stride=self.stride * stride,
            padding=self.padding + padding * self.stride,
        )

    def inputs(self, first: int, last: int | None = None) -> tuple[int, int]:
        """Give the half-open range of inputs that outputs ``first..last`` (inclusive) see.

        Outside 0..size it reads padding.
        """
        last = first if last is None else last
        return first * self.stride - self.padding, last * self.stride - self.padding + self.field


def merge(*branches: ReceptiveField) -> ReceptiveField:
    """Join branches of one input that are added or concatenated: the smallest field with all.

    For aligned branches this is the largest field (Araujo et al., "arbitrary computation graphs").
    Errors: ValueError where strides differ - such branches have no common output grid.

    >>> merge(ReceptiveField(3, 2, 1), ReceptiveField(7, 2, 3))
    ReceptiveField(field=7, stride=2, padding=3)
    """
    if not branches:
        raise ValueError("merge: needs at least one branch")
    strides = {branch.stride for branch in branches}
    if len(strides) > 1:
        raise ValueError(f"merge: branches must have one stride, got {sorted(strides)}")
    padding = max(branch.padding for branch in branches)
    end = max(branch.field - branch.padding for branch in branches)
    return ReceptiveField(field=end + padding, stride=strides.pop(), padding=padding)
