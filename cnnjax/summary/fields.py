"""Which inputs an element of an intermediate array reads: affine intervals, one an input axis.

Element i = (i_0, i_1, ...) of an array reads, along one axis of the input x, at most the indices

    start + sum_a stride_a i_a   to   start + sum_a stride_a i_a + size - 1

Convolution and pooling widen `size` and multiply `stride`; an axis that is summed over, or mixed
in a way that is not affine, gives up its stride and adds its whole reach to `size`. What cannot
be followed exactly is followed as an interval that contains it: a field is never too small.
Where a mean over the image meets the image again, every element reads everything; the strides
then only say which axis of the array lies along which axis of x (`whole`).

Outside 0..n-1 a field reads padding: `size` is what the literature calls the receptive field,
not clipped to the image. Source: Araujo, Norris and Sim, "Computing receptive fields of
convolutional neural networks", Distill 2019.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

Shape = Sequence[int]


@dataclass(frozen=True)
class Field:
    """What the elements of one array read along one axis of x; strides by axis of the array.

    Fractions, because a transposed convolution moves by parts of an input pixel: element i then
    reads the whole numbers from start + ... to start + ... + size - 1.

    `whole`: every element reads from start to start + size - 1; nothing moves with the strides.
    """

    start: Fraction
    size: Fraction
    strides: Mapping[int, Fraction]
    whole: bool = False

    def window(
        self, axis: int, first: int | Fraction, reach: int | Fraction, stride: int | Fraction
    ) -> "Field":
        """Element t along `axis` now reads the old elements from first + stride t on, the last
        of them `reach` further."""
        step = self.strides.get(axis)
        if step is None:
            return self
        strides = {**self.strides, axis: step * stride}
        if self.whole:
            return replace(self, strides=strides)
        start = self.start + step * first + min(step * reach, Fraction(0))
        return Field(start, self.size + abs(step * reach), strides)

    def collapse(self, axes: Iterable[int], shape: Shape) -> "Field":
        """Every element now reads what all elements along `axes` read."""
        field = self
        for axis in axes:
            if axis in field.strides:
                field = field.window(axis, 0, shape[axis] - 1, 0)
        return replace(field, strides={a: s for a, s in field.strides.items() if a not in axes})

    def rename(self, axes: Mapping[int, int]) -> "Field":
        """Move axes to their new places; those not mentioned must be without stride."""
        return replace(self, strides={axes[a]: s for a, s in self.strides.items()})


Flow = tuple[Field, ...]  # one Field for every axis of x


def of_input(shape: Shape) -> Flow:
    """x reads itself."""
    return tuple(Field(Fraction(0), Fraction(1), {axis: Fraction(1)}) for axis in range(len(shape)))


def collapse(flow: Flow, axes: Iterable[int], shape: Shape) -> Flow:
    axes = tuple(axes)
    return tuple(field.collapse(axes, shape) for field in flow)


def keep(flow: Flow, axes: Mapping[int, int], shape: Shape) -> Flow:
    """Axes go to new places as `axes` says; the others are collapsed."""
    gone = [axis for axis in range(len(shape)) if axis not in axes]
    return tuple(field.rename(axes) for field in collapse(flow, gone, shape))


def everywhere(flow: Flow, shape: Shape) -> Flow:
    """The flow when nothing is known about who reads what: everyone reads everything."""
    return collapse(flow, range(len(shape)), shape)


def aligned(flow: Flow, like: Flow) -> Flow:
    """The collapsed `flow` of an array whose axes lie along x as those of `like`."""
    return tuple(
        replace(field, strides=other.strides, whole=True)
        for field, other in zip(flow, like, strict=True)
    )


def join(flows: Sequence[Flow], shape: Shape) -> Flow:
    """The smallest fields that contain those of all branches, for arrays of one `shape`."""
    return tuple(_join(fields, shape) for fields in zip(*flows, strict=True))


def _join(fields: Sequence[Field], shape: Shape) -> Field:
    whole = any(field.whole or field.strides != fields[0].strides for field in fields)
    strides = [field.strides for field in fields if field.strides]
    if whole:
        fields = [field.collapse(range(len(shape)), shape) for field in fields]
    start = min(field.start for field in fields)
    end = max(field.start + field.size for field in fields)
    same = bool(strides) and all(other == strides[0] for other in strides)
    return Field(start, end - start, strides[0] if same else {}, whole)


def reshape(flow: Flow, old: Shape, new: Shape) -> Flow:
    """Follow axes through a reshape: kept, split, merged again; anything else is collapsed."""
    if 0 in old:
        return everywhere(flow, old)
    flow = collapse(flow, [axis for axis, n in enumerate(old) if n == 1], old)
    for group, targets in groups(old, new):
        flow = tuple(_regroup(field, group, targets, old, new) for field in flow)
    # `_regroup` marks its new axes as negative so that groups do not meet each other's names.
    return tuple(
        replace(field, strides={-1 - axis: s for axis, s in field.strides.items()})
        for field in flow
    )


def groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """The finest consecutive groups of axes with equal products, axes of size one left out."""
    olds = [axis for axis, n in enumerate(old) if n != 1]
    news = [axis for axis, n in enumerate(new) if n != 1]
    found = []
    while olds:
        group, targets = [olds.pop(0)], [news.pop(0)]
        left, right = old[group[0]], new[targets[0]]
        while left != right:
            if left < right:
                group.append(olds.pop(0))
                left *= old[group[-1]]
            else:
                targets.append(news.pop(0))
                right *= new[targets[-1]]
        found.append((group, targets))
    return found


def _regroup(field: Field, group: list[int], targets: list[int], old: Shape, new: Shape) -> Field:
    # An element of the group has one running number; affine in it means affine in any split.
    step = field.strides.get(group[-1], Fraction(0))
    weight, affine = step, True
    for axis in reversed(group):
        affine = affine and field.strides.get(axis, Fraction(0)) == weight
        weight *= old[axis]
    if len(group) == len(targets) == 1:
        affine = True
    if not affine:
        return field.collapse(group, old)
    strides = {axis: s for axis, s in field.strides.items() if axis not in group}
    if step:
        for axis in reversed(targets):
            strides[-1 - axis] = step
            step *= new[axis]
    return replace(field, strides=strides)
