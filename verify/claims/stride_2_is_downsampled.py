"""A strided convolution is a convolution of stride 1 and then downsampling, from the right pixel.

    strided[i] reads x[i s + j - low_s],    stride-1[i] reads x[i + j - low_1],    0 <= j < k

so that strided = stride-1[offset::s] where offset = low_1 - low_s: equal padding means offset 0,
but "SAME" chooses its padding by the stride. Which offset that is in terms of size, kernel and
stride is not typed in here: `offset_rule.py` learns it from the verdicts of the sweep.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TypedDict, Unpack

import jax

from cnnjax import conv, relu
from cnnjax.geometry import Padding
from verify.claims.claim import Cell, Claim, Size, Sweep, Tick, Variant
from verify.claims.offset_rule import learn
from verify.claims.programs import equal, equal_gradients, f32, source
from verify.dtypes import Function
from verify.equivalence import equivalent


class Slid(TypedDict, total=False):
    """How a kernel slides, but for the stride."""

    padding: Padding
    dilation: int


def strided(x: jax.Array, kernel: jax.Array, stride: int = 2, **how: Unpack[Slid]) -> jax.Array:
    """The convolution that moves `stride` pixels at a time."""
    return conv(x, kernel, stride=stride, **how)


def downsampled(
    x: jax.Array, kernel: jax.Array, stride: int = 2, offset: int = 0, **how: Unpack[Slid]
) -> jax.Array:
    """The convolution of stride 1, of which every `stride`-th pixel is kept, from `offset` on."""
    return conv(x, kernel, **how)[offset::stride, offset::stride]


def pair(stride: int, offset: int, **how: Unpack[Slid]) -> tuple[Function, Function]:
    """The two programs for one stride and offset."""

    def left(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return strided(x, kernel, stride, **how)

    def right(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return downsampled(x, kernel, stride, offset, **how)

    return left, right


# name: (size, kernel, stride, offset, padding, whether they are equal)
VARIANTS: dict[str, tuple[int, int, int, int, Padding, bool]] = {
    "valid-even": (6, 3, 2, 0, "VALID", True),
    "valid-odd": (7, 3, 2, 0, "VALID", True),
    "explicit": (6, 3, 2, 0, (1, 1), True),
    "explicit-unequal": (6, 3, 2, 0, (2, 1), True),
    "same-odd-offset-0": (7, 3, 2, 0, "SAME", True),
    "same-odd-offset-1": (7, 3, 2, 1, "SAME", False),
    "same-even-offset-0": (6, 3, 2, 0, "SAME", False),
    "same-even-offset-1": (6, 3, 2, 1, "SAME", True),
    "same-even-kernel-4-offset-0": (6, 4, 2, 0, "SAME", True),
    "same-even-kernel-4-offset-1": (6, 4, 2, 1, "SAME", False),
    "same-lower-even-offset-0": (6, 3, 2, 0, "SAME_LOWER", True),
    "same-lower-even-kernel-4-offset-1": (6, 4, 2, 1, "SAME_LOWER", True),
    "stride-3-valid": (8, 3, 3, 0, "VALID", True),
    "stride-3-same": (8, 3, 3, 1, "SAME", True),
    "stride-4-valid": (9, 2, 4, 0, "VALID", True),
}
WITH_GRADIENTS = (
    "valid-even",
    "explicit",
    "same-odd-offset-0",
    "same-even-offset-1",
    "same-even-kernel-4-offset-0",
    "stride-3-same",
)

NOTE = (f32(100, 100, 3), f32(5, 5, 3, 32))


def _variants() -> Iterator[Variant]:
    for name, (size, kernel, stride, offset, padding, holds) in VARIANTS.items():
        left, right = pair(stride, offset, padding=padding)
        examples = f32(size, size, 2), f32(kernel, kernel, 2, 1)
        about = (
            f"padding {padding}, size {size}, kernel {kernel}, stride {stride}, from pixel {offset}"
        )
        yield equal(
            name,
            f"Strided {'is' if holds else 'is not'} stride 1 and then downsampled: {about}.",
            left,
            right,
            *examples,
            expected="proved" if holds else "refuted",
        )
        if name in WITH_GRADIENTS:
            yield equal_gradients(
                f"{name}-gradients",
                f"The gradients in image and kernel are the same too: {about}.",
                left,
                right,
                *examples,
            )

    def layer(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return relu(conv(x, kernel, bias, stride=2, padding="VALID"))

    def downsampled_layer(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
        return relu(conv(x, kernel, bias, padding="VALID"))[::2, ::2]

    yield equal(
        "bias-and-relu",
        "With bias and ReLU between convolution and downsampling it is the same too.",
        layer,
        downsampled_layer,
        f32(6, 6, 2),
        f32(3, 3, 2, 2),
        f32(2),
    )
    dilated = pair(2, 0, padding="VALID", dilation=2)
    yield equal(
        "dilated",
        "A kernel with holes (dilation 2), VALID padding, size 8, kernel 3, from pixel 0.",
        *dilated,
        f32(8, 8, 2),
        f32(3, 3, 2, 1),
    )
    for offset, expected in ((0, False), (1, True)):
        left, right = pair(2, offset, padding="SAME")
        yield equal(
            f"note-same-offset-{offset}",
            f"The note's first layer, 100x100x3 with 32 kernels of 5x5 and SAME padding, from "
            f"pixel {offset}.",
            left,
            right,
            *NOTE,
            expected="proved" if expected else "refuted",
            size="full",
        )
    yield equal_gradients(
        "note-same-offset-1-gradients",
        "The same gradients in image and kernels at the note's size, from pixel 1.",
        *pair(2, 1, padding="SAME"),
        *NOTE,
        size="full",
    )


Paddings = Sequence[str | tuple[int, int]]
Grid = tuple[Sequence[int], Sequence[int], Sequence[int], Paddings]
AXES = ("size", "kernel", "stride", "padding", "offset")
GRIDS: dict[Size, Grid] = {
    "small": (range(5, 9), range(1, 5), (2, 3, 4), ("SAME", "SAME_LOWER", "VALID", (1, 2))),
    "full": (
        range(4, 13),
        range(1, 8),
        (2, 3, 4),
        ("SAME", "SAME_LOWER", "VALID", (1, 1), (0, 3), (2, 1)),
    ),
}


def grid(size: Size) -> list[tuple[int, int, int, Padding, int]]:
    """Every (size, kernel, stride, padding, offset) at which both convolutions exist."""
    sizes, kernels, strides, paddings = GRIDS[size]
    return [
        (n, k, s, padding, offset)
        for n, k, s, padding in itertools.product(sizes, kernels, strides, paddings)
        if padding in ("SAME", "SAME_LOWER") or n + sum(_added(padding)) >= k
        for offset in range(s)
    ]


def _added(padding: str | tuple[int, int]) -> tuple[int, int]:
    return (0, 0) if isinstance(padding, str) else padding


def sweep(size: Size, tick: Tick) -> Sweep:
    """Settles every cell of the grid, and learns from the verdicts alone where the claim holds."""
    places = grid(size)
    cells = []
    for n, k, s, padding, offset in places:
        both = pair(s, offset, padding=padding)
        verdict = equivalent(*both, f32(n, n, 2), f32(k, k, 2, 1))
        cells.append(Cell((n, k, s, padding, offset), verdict))
        tick(len(cells), len(places))
    rule, exact = learn(cells)
    return Sweep(AXES, tuple(cells), rule, exact)


CLAIM = Claim(
    id="stride-2-is-downsampled",
    korean=(
        "stride 2로 conv연산해서 feature map 만드는거랑, 그냥 일반적으로 conv연산 (stride = 1)한 "
        "다음에 pooling layer에서 pooling 안하고 downsampling한 거랑 완전히 동일하다."
    ),
    english=(
        "Making a feature map with a convolution of stride 2 is exactly the same as an ordinary "
        "convolution (stride = 1) followed by downsampling, without pooling, in the pooling layer."
    ),
    statement=source(strided, downsampled),
    conclusion=(
        "True where both convolutions pad alike: VALID and explicit padding, every stride, keeping "
        "the pixels from the first on; gradients too. SAME pads by the stride, so for the note's "
        "100x100 and a 5x5 kernel it is false from pixel 0 and true from pixel 1: with stride 2, "
        "even sizes and odd kernels need offset 1, everything else offset 0; with SAME_LOWER it is "
        "even sizes and even kernels that need offset 1. The sweep finds the rule for every stride."
    ),
    variants=tuple(_variants()),
    sweep=sweep,
)
