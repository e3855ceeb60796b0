"""Proposals of sums of products: dot products, ragged ones, convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import (
    INTEGERS,
    Proposal,
    Source,
    generator,
    like,
)

X = np.ones((2, 3), np.float32)
IMAGE, KERNEL = np.ones((1, 1, 4, 4), np.float32), np.ones((1, 1, 2, 2), np.float32)


@generator("dot_general")
def _dot_general(r: Source, name: str) -> Proposal:
    """Contracting and batch axes anywhere, in any order; the result of any dtype."""
    batch, terms = r.shape(0, 2, 3), r.shape(0, 2, 3)
    sides, places = [], []
    for _ in range(2):
        free = r.shape(0, 2, 3)
        labels = [("b", i, n) for i, n in enumerate(batch)]
        labels += [("t", i, n) for i, n in enumerate(terms)]
        labels += [("f", i, n) for i, n in enumerate(free)]
        labels = list(r.shuffled(labels))
        sides.append(tuple(n for _, _, n in labels))
        where = {(kind, i): axis for axis, (kind, i, _) in enumerate(labels)}
        places.append(
            (
                tuple(where["t", i] for i in range(len(terms))),
                tuple(where["b", i] for i in range(len(batch))),
            )
        )
    dtype = r.dtype()
    other = dtype if r.flag(0.85) else r.dtype()
    (left_sum, left_batch), (right_sum, right_batch) = places
    params = like(name, _product, X)
    params["dimension_numbers"] = ((left_sum, right_sum), (left_batch, right_batch))
    params["preferred_element_type"] = r.one_of([None, dtype, r.dtype()])
    params["precision"] = r.one_of([None, None, lax.Precision.HIGHEST])
    return r.bind(name, [r.operand(sides[0], dtype), r.operand(sides[1], other)], **params)


def _product(x: Any) -> Any:
    return x @ x.T


@generator("ragged_dot_general")
def _ragged(r: Source, name: str) -> Proposal:
    """A free, a summed or a batch axis that is cut; the groups the same for all or not; sizes of
    any sum, below zero too."""
    batch, terms, free, other = (r.shape(0, 2, 3) for _ in range(4))
    groups = r.number(0 if r.flag(0.1) else 1, 3)
    left = r.shuffled([*_named("b", batch), *_named("t", terms), *_named("f", free)])
    kind = r.one_of("ffttb")
    cuts = [axis for axis, (k, _, _) in enumerate(left) if k == kind]
    cut = r.one_of(cuts) if cuts else 0
    own = [("g", 0, groups)] if kind == "f" or r.flag(0.1) else []
    right = r.shuffled([*_named("b", batch), *_named("t", terms), *_named("n", other), *own])
    (left_sum, left_batch), (right_sum, right_batch) = (
        [
            tuple(axes.index((k, i, n)) for i, n in enumerate(sizes))
            for k, sizes in (("t", terms), ("b", batch))
        ]
        for axes in (left, right)
    )
    number = left[cut][1] if left else 0
    outer = {
        "f": (*batch, *(n for k, _, n in left[:cut] if k == "f")),
        "t": (*batch, *terms[:number]),
        "b": batch[:number],
    }[kind]
    params = like(name, _by_experts, X)
    params["ragged_dot_dimension_numbers"] = lax.RaggedDotDimensionNumbers(
        ((left_sum, right_sum), (left_batch, right_batch)),
        (cut,),
        tuple(axis for axis, (k, _, _) in enumerate(right) if k == "g"),
    )
    dtype = r.dtype()
    params["preferred_element_type"] = r.one_of([None, dtype, r.dtype()])
    length = left[cut][2] if left else 0
    sizes = ((*outer, groups) if r.flag(0.4) else (groups,), r.dtype(INTEGERS), length)
    operands = [
        r.operand(tuple(n for _, _, n in axes), dtype if r.flag(0.9) else None)
        for axes in (left, right)
    ]
    operands.append(r.operand(sizes[0], sizes[1], numbers.indices(sizes[2])))
    return r.bind(name, operands, **params)


def _named(kind: str, sizes: Sequence[int]) -> list[tuple[str, int, int]]:
    return [(kind, i, n) for i, n in enumerate(sizes)]


def _by_experts(x: Any) -> Any:
    return lax.ragged_dot(x, x.reshape(1, 3, 2), np.array([1]))


@generator("conv_general_dilated")
def _convolution(r: Source, name: str) -> Proposal:
    """Dimension numbers in any order, strides, dilations, negative padding, both groups."""
    rank = r.number(0, 2)
    groups, batch_groups = r.one_of([(1, 1), (1, 1), (2, 1), (3, 1), (1, 2), (1, 3), (2, 2)])
    channels, features = r.number(0 if r.flag(0.05) else 1, 2), r.number(1, 2)
    batch = r.number(1, 2) * batch_groups
    window = r.several(rank, 1, 3)
    image = tuple(r.number(0 if r.flag(0.05) else 1, 5) for _ in range(rank))
    lhs = (batch, channels * groups, *image)
    rhs = (features * groups * batch_groups, channels, *window)
    specs = [r.shuffled(range(rank + 2)) if r.flag(0.7) else tuple(range(rank + 2)) for _ in "iko"]

    def laid(shape: Sequence[int], spec: Sequence[int]) -> tuple[int, ...]:
        found = [0] * len(shape)
        for size, axis in zip(shape, spec, strict=True):
            found[axis] = size
        return tuple(found)

    params = like(name, _conv, IMAGE, KERNEL)
    params |= {
        "window_strides": r.several(rank, 1, 3),
        "padding": tuple((r.number(-1, 3), r.number(-1, 3)) for _ in range(rank)),
        "lhs_dilation": r.several(rank, 1, 3) if r.flag() else (1,) * rank,
        "rhs_dilation": r.several(rank, 1, 3) if r.flag() else (1,) * rank,
        "dimension_numbers": lax.ConvDimensionNumbers(*specs),
        "feature_group_count": groups,
        "batch_group_count": batch_groups,
    }
    dtype = r.dtype()
    params["preferred_element_type"] = r.one_of([None, None, dtype, r.dtype()])
    negative = any(side < 0 for pair in params["padding"] for side in pair)
    return r.bind(
        name,
        [r.operand(laid(lhs, specs[0]), dtype), r.operand(laid(rhs, specs[1]), dtype)],
        risky=negative,
        **params,
    )


def _conv(x: Any, w: Any) -> Any:
    return lax.conv(x, w, (1, 1), "SAME")
