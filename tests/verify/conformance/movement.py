"""Proposals of primitives that move elements: unsorted and negative parameters, empty axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax import lax

from tests.verify.conformance.proposals import Proposal, Source, generator, like

X = np.ones((2, 3), np.float32)


def _reshaped(x: Any) -> Any:
    return lax.reshape(x, (3, 2))


def _broadcast(x: Any) -> Any:
    return lax.broadcast_in_dim(x, (4, 2, 3), (1, 2))


@generator("reshape")
def _reshape(r: Source, name: str) -> Proposal:
    """To any arrangement of its size, after a permutation of its axes."""
    shape = r.shape(0, 4)
    size, new = int(np.prod(shape)), []
    while size > 1 and r.flag(0.7):
        divisor = r.one_of([d for d in range(1, size + 1) if size % d == 0])
        new.append(divisor)
        size //= divisor
    new = [*new, size] if size != 1 or r.flag() else new
    if shape and r.flag(0.05):
        new = list(shape)
    params = like(name, _reshaped, X)
    params["new_sizes"] = tuple(r.shuffled(new))
    if r.flag(0.4):
        params["dimensions"] = r.shuffled(range(len(shape)))
    return r.bind(name, [r.operand(shape)], **params)


@generator("broadcast_in_dim")
def _broadcast_in_dim(r: Source, name: str) -> Proposal:
    """Operand axes to any axes of the result, in any order; axes of size one are repeated."""
    shape = r.shape(0, 4)
    dims = r.some(range(len(shape)))
    source = tuple(1 if r.flag(0.15) else shape[d] for d in dims)
    params = like(name, _broadcast, X)
    params |= {"shape": shape, "broadcast_dimensions": dims}
    return r.bind(name, [r.operand(source)], **params)


@generator("squeeze")
def _squeeze(r: Source, name: str) -> Proposal:
    shape = tuple(1 if r.flag() else n for n in r.shape(0, 4))
    dims = r.some([a for a, n in enumerate(shape) if n == 1 or r.flag(0.05)])
    return r.bind(name, [r.operand(shape)], dimensions=dims)


@generator("expand_dims")
def _expand_dims(r: Source, name: str) -> Proposal:
    shape = r.shape()
    return r.bind(name, [r.operand(shape)], dimensions=(r.number(0, len(shape)),))


@generator("transpose")
def _transpose(r: Source, name: str) -> Proposal:
    shape = r.shape(0, 4)
    return r.bind(name, [r.operand(shape)], permutation=r.shuffled(range(len(shape))))


@generator("rev")
def _rev(r: Source, name: str) -> Proposal:
    shape = r.shape(0, 4)
    return r.bind(name, [r.operand(shape)], dimensions=r.some(range(len(shape))))


@generator("slice")
def _slice(r: Source, name: str) -> Proposal:
    shape = r.shape(0, 3, 6)
    starts = tuple(r.number(0, n) for n in shape)
    limits = tuple(r.number(start, n) for start, n in zip(starts, shape, strict=True))
    strides = None if r.flag(0.3) else r.several(len(shape), 1, 3)
    params = {"start_indices": starts, "limit_indices": limits, "strides": strides}
    return r.bind(name, [r.operand(shape)], **params)


@generator("tile")
def _tile(r: Source, name: str) -> Proposal:
    shape = r.shape()
    return r.bind(name, [r.operand(shape)], reps=r.several(len(shape), 0, 3))


@generator("stack")
def _stack(r: Source, name: str) -> Proposal:
    shape, dtype = r.shape(), r.dtype()
    operands = [r.operand(shape, dtype) for _ in range(r.number(1, 3))]
    return r.bind(name, operands, axis=r.number(-1, len(shape)))


@generator("unstack")
def _unstack(r: Source, name: str) -> Proposal:
    shape = r.shape(1, 3)
    return r.bind(name, [r.operand(shape)], axis=r.number(-1, len(shape) - 1))


@generator("split")
def _split(r: Source, name: str) -> Proposal:
    """In pieces of any sizes, empty ones too."""
    shape = r.shape(1, 3, 5)
    axis = r.axis(shape)
    cuts = sorted(r.several(r.number(0, 3), 0, shape[axis]))
    sizes = tuple(int(n) for n in np.diff([0, *cuts, shape[axis]]))
    return r.bind(name, [r.operand(shape)], sizes=sizes, axis=axis)


@generator("concatenate")
def _concatenate(r: Source, name: str) -> Proposal:
    shape, dtype = r.shape(1, 3), r.dtype()
    axis = r.axis(shape)
    operands = []
    for _ in range(r.number(1, 4)):
        own = (*shape[:axis], r.number(0, 4), *shape[axis + 1 :])
        operands.append(r.operand(own, dtype))
    return r.bind(name, operands, dimension=axis)


@generator("pad")
def _pad(r: Source, name: str) -> Proposal:
    """Negative edges cut, interior padding before them."""
    shape, dtype = r.shape(0, 3), r.dtype()
    config = tuple((r.number(-3, 3), r.number(-3, 3), r.number(0, 2)) for _ in shape)
    return r.bind(name, [r.operand(shape, dtype), r.operand((), dtype)], padding_config=config)
