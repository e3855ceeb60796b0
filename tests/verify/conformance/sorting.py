"""Proposals of sorts and of what is read off an order: several keys, ties, every index dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax import lax

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import INTEGERS, Operand, Proposal, Source, generator, like

X = np.ones((2, 3), np.float32)


@generator("sort")
def _sort(r: Source, name: str) -> Proposal:
    shape, many = r.shape(1, 3, 5), r.number(1, 3)
    if r.flag(0.15):
        shape = (r.number(9, 12),)
    operands = [r.operand(shape) for _ in range(many)]
    params = like(name, _sorted, X)
    params |= {
        "dimension": r.axis(shape),
        "num_keys": r.number(1, many),
        "is_stable": r.flag(0.7),
    }
    return r.bind(name, operands, **params)


def _sorted(x: Any) -> Any:
    return lax.sort((x, x), num_keys=1)


@generator("top_k")
def _top_k(r: Source, name: str) -> Proposal:
    shape = r.shape(1, 3, 6)
    axis = r.axis(shape)
    params = like(name, _top, X)
    params["k"] = r.number(0, shape[axis])
    if "axis" in params:
        params["axis"] = axis if r.flag() else len(shape) - 1
    return r.bind(name, [r.operand(shape)], **params)


def _top(x: Any) -> Any:
    return lax.top_k(x, 2)


@generator("argmax", "argmin")
def _arg(r: Source, name: str) -> Proposal:
    shape = r.shape(1, 3, 5)
    if r.flag(0.05):
        shape = (300,)
    draw = r.one_of([numbers.anything, numbers.within(0, 2)])
    operand = Operand(shape, r.dtype(), draw)
    index = r.dtype(INTEGERS) if r.flag(0.8) else r.dtype()
    return r.bind(name, [operand], axes=(r.axis(shape),), index_dtype=index)
