"""Receptive fields: which pixels one output depends on, from the program, beside the formula.

    field = 1 + sum over the layers l of (k_l - 1) d_l prod(strides of the layers before l)

(Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
2019, equation 2). How a statement about a field is settled: `seen_pixels.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax

from cnnjax import conv, max_pool, relu
from cnnjax.geometry import ReceptiveField, extent
from verify.claims.claim import Cell, Claim, Size, Sweep, Tick, Variant
from verify.claims.programs import f32, seed_for, source
from verify.claims.seen_pixels import Box, seeing_only, sees_exactly
from verify.verdict import Status, Verdict


@dataclass(frozen=True)
class Stack:
    """Equal layers on top of one another: convolution and ReLU, max-pooling between layers."""

    layers: int = 2
    kernel: int = 5
    stride: int = 1
    dilation: int = 1
    pool: int = 1  # the window; 1 is no pooling

    @property
    def pad(self) -> int:
        """Half of what the kernel spans, on every side: "SAME" for odd kernels and stride 1."""
        return (extent(self.kernel, self.dilation) - 1) // 2

    @property
    def kernels(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """The shapes of the kernels; two channels are enough, channels do not move windows."""
        return (f32(self.kernel, self.kernel, 2, 2),) * self.layers


def network(x: jax.Array, kernels: tuple[jax.Array, ...], stack: Stack) -> jax.Array:
    """The program that is asked."""
    for number, kernel in enumerate(kernels):
        if number > 0 and stack.pool > 1:
            x = max_pool(x, stack.pool)
        x = conv(x, kernel, stride=stack.stride, dilation=stack.dilation, padding=stack.pad)
        x = relu(x)
    return x


def formula(stack: Stack) -> ReceptiveField:
    """The formula's answer, layer by layer."""
    field = ReceptiveField()
    for number in range(stack.layers):
        if number > 0 and stack.pool > 1:
            field = field.then(stack.pool, stride=stack.pool)
        field = field.then(
            stack.kernel, stride=stack.stride, dilation=stack.dilation, padding=stack.pad
        )
    return field


def one_output(stack: Stack, position: int) -> Callable[..., jax.Array]:
    """The network's output at one position on the diagonal."""

    def output(x: jax.Array, kernels: tuple[jax.Array, ...]) -> jax.Array:
        return network(x, kernels, stack)[position, position, 0]

    return output


def away_from_the_border(stack: Stack) -> tuple[int, int]:
    """A position whose field lies on the image with pixels to spare, and the size of the image."""
    field = formula(stack)
    position = field.padding // field.stride + 1
    first, end = field.inputs(position)
    return position, end + first


def settle(stack: Stack) -> Verdict:
    """Whether an output sees exactly the pixels that the formula says."""
    output, box, examples = _question(stack)
    return sees_exactly(output, box, *examples)


def _question(
    stack: Stack, side: int | None = None
) -> tuple[Callable[..., jax.Array], Box, tuple[object, ...]]:
    """An output, a box and examples: side x side pixels in the middle of the formula's field."""
    position, size = away_from_the_border(stack)
    box = _box(formula(stack).inputs(position), side)
    return one_output(stack, position), box, (f32(size, size, 2), stack.kernels)


def _box(field: tuple[int, int], side: int | None) -> Box:
    first, end = field
    if side is not None:
        first += (end - first - side) // 2
        end = first + side
    return slice(first, end), slice(first, end)


# name: (what is asked, the layers, side of the field, expected)
_ASKED: dict[str, tuple[str, Stack, int, Status]] = {
    "one-layer": ("One layer of 5x5 kernels sees 5x5", Stack(layers=1), 5, "proved"),
    "two-layers": ("5x5 after 5x5 sees 9x9", Stack(), 9, "proved"),
    "three-layers": ("Three layers of 5x5 see 13x13", Stack(layers=3), 13, "proved"),
    "pooled-9": (
        "With the note's own 2x2 pooling between the layers, 9x9 is not what is seen",
        Stack(pool=2),
        9,
        "refuted",
    ),
    "pooled-14": ("With 2x2 pooling in between it sees 14x14", Stack(pool=2), 14, "proved"),
    "three-layers-pooled": (
        "Three layers of 5x5 with 2x2 pooling between them see 32x32",
        Stack(layers=3, pool=2),
        32,
        "proved",
    ),
    "stride-2": ("5x5 after 5x5 with stride 2 sees 13x13", Stack(stride=2), 13, "proved"),
    "dilation-2": ("5x5 after 5x5 with dilation 2 spans 17x17", Stack(dilation=2), 17, "proved"),
    "stride-9": ("With stride 2, 9x9 is not what is seen", Stack(stride=2), 9, "refuted"),
}


# name: (what is asked, pooling, position, side of the field, expected)
_NOTE: dict[str, tuple[str, int, int, int, Status]] = {
    "note-9": ("The note's layers 1 and 2, no pooling: 9x9 of 100x100x3", 1, 50, 9, "proved"),
    "note-pooled-9": ("With the note's pooling 9x9 is not what is seen", 2, 25, 9, "refuted"),
    "note-pooled-14": ("With the note's pooling it is 14x14 of 100x100x3", 2, 25, 14, "proved"),
}


def _variants() -> Iterator[Variant]:
    for name, (says, stack, side, expected) in _ASKED.items():
        yield _variant(name, says, expected, *_question(stack, side))
    at_the_corner = one_output(Stack(), 0), _box((0, 5), 5), (f32(12, 12, 2), Stack().kernels)
    says = "At the corner of the image 9x9 is cut to the 5x5 pixels that exist"
    yield _variant("corner", says, "proved", *at_the_corner)
    kernels = f32(5, 5, 3, 32), f32(5, 5, 32, 64)
    for name, (says, pool, position, side, expected) in _NOTE.items():
        stack = Stack(pool=pool)
        box = _box(formula(stack).inputs(position), side)
        examples = f32(100, 100, 3), kernels
        yield _variant(name, says, expected, one_output(stack, position), box, examples, "full")


def _variant(
    name: str,
    says: str,
    expected: Status,
    output: Callable[..., jax.Array],
    box: Box,
    examples: tuple[object, ...],
    size: Size = "small",
) -> Variant:
    seed = seed_for(expected)

    def asked() -> Verdict:
        return sees_exactly(output, box, *examples, seed=seed)

    right = seeing_only(box, output)
    return Variant(name, f"{says}.", expected, asked, size, left=output, right=right)


AXES = ("layers", "kernel", "stride", "dilation", "pooling")
GRIDS: dict[Size, tuple[tuple[int, ...], ...]] = {
    "small": ((2,), (3, 5), (1, 2), (1, 2), (1, 2)),
    "full": ((1, 2, 3), (1, 3, 5, 7), (1, 2), (1, 2), (1, 2, 3)),
}


def sweep(size: Size, tick: Tick) -> Sweep:
    """The dependence of an output, from the program, beside the formula, over a grid."""
    stacks = [Stack(*values) for values in itertools.product(*GRIDS[size])]
    cells = []
    for stack in stacks:
        at = (stack.layers, stack.kernel, stack.stride, stack.dilation, stack.pool)
        cells.append(Cell(at, settle(stack)))
        tick(len(cells), len(stacks))
    return Sweep(AXES, tuple(cells), *rule(cells))


def rule(cells: list[Cell]) -> tuple[str, bool]:
    """In how many cells the program's field is the formula's."""
    wrong = sum(cell.verdict.status != "proved" for cell in cells)
    agree = f"not in {wrong} of {len(cells)} cells" if wrong else f"in all {len(cells)} cells"
    return (
        "The program sees what the formula says, 1 + sum over layers of (kernel - 1) x dilation x "
        f"strides of the layers before (poolings are layers too): {agree}.",
        not wrong,
    )


CLAIM = Claim(
    id="receptive-field",
    korean=(
        "Layer2가 보는 patch는 layer1에서 출력받은 5x5짜리 feature map임. "
        "---> 9x9 영역을 보는 효과! == Receptive field"
    ),
    english=(
        "The patch that layer 2 sees is a 5x5 piece of the feature map that it got from layer 1 "
        "[which saw 5x5 itself]. ---> The effect of seeing an area of 9x9! == Receptive field"
    ),
    statement=source(network, formula, seeing_only),
    conclusion=(
        "True for the convolutions alone: 5x5 after 5x5 sees 9x9 (a third layer 13x13). With the "
        "note's own 2x2 pooling in between it sees 14x14, and a third layer 32x32: a stride, and "
        "pooling is one, multiplies what the layers after it add. At the border the field is cut."
    ),
    variants=tuple(_variants()),
    sweep=sweep,
)
