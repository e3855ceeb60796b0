"""Proposals of folds: reductions, running folds, pooling windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    NARROW_FLOATS,
    Operand,
    Proposal,
    Source,
    generator,
    like,
    primitive,
)

X = np.ones((2, 3), np.float32)


# -- reductions ------------------------------------------------------------------------------------

_REDUCTIONS = {
    "reduce_sum": lambda x: x.sum(),
    "reduce_prod": lambda x: x.prod(),
    "reduce_max": lambda x: x.max(),
    "reduce_min": lambda x: x.min(),
    "reduce_and": lambda x: lax.reduce_and(x > 0, (0,)),
    "reduce_or": lambda x: lax.reduce_or(x > 0, (0,)),
    "reduce_xor": lambda x: lax.reduce_xor(x > 0, (0,)),
}


@generator(*_REDUCTIONS)
def _reduction(r: Source, name: str) -> Proposal:
    """Over any axes, in any order, none of them too."""
    shape = r.shape(0, 4)
    params = like(name, _REDUCTIONS[name], X)
    params["axes"] = r.some(range(len(shape)))
    return r.bind(name, [r.operand(shape)], **params)


@generator("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
def _cumulative(r: Source, name: str) -> Proposal:
    shape = r.shape(1, 3, 6)
    dtype = r.dtype(FLOATS, COMPLEX) if name == "cumlogsumexp" else r.dtype()
    operand = r.operand(shape, dtype)
    return r.bind(name, [operand], axis=r.axis(shape), reverse=r.flag())


# A body of each monoid, and some that are none.
_BODIES: tuple[Callable[[Any, Any], Any], ...] = (
    *(lax.add, lax.mul, lax.max, lax.min, lax.bitwise_and, lax.bitwise_or, lax.bitwise_xor),
    *(lambda a, b: lax.add(b, a), lambda a, b: lax.max(lax.max(a, b), a), lax.sub),
    *(lambda a, b: b, lambda a, b: lax.add(a, a)),
)
_NEUTRAL = (0, 1, -np.inf, np.inf)


def _bodies(r: Source) -> Any:
    return r.one_of(_BODIES[:7]) if r.flag(0.8) else r.one_of(_BODIES)


def _initial(dtype: Any) -> numbers.Draw:
    """Mostly a neutral element."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
        if rng.random() < 0.3:
            return numbers.anything(rng, shape, dtype)
        number = rng.choice(_NEUTRAL)
        if np.isinf(number):
            if dtype == np.bool_:
                return np.asarray(number > 0)
            if jax.dtypes.issubdtype(dtype, np.integer):
                info = jax.numpy.iinfo(dtype)
                return np.asarray(int(info.max if number > 0 else info.min), dtype)
        with np.errstate(all="ignore"):
            return np.asarray(number).astype(dtype)

    return draw


@generator("reduce")
def _generic(r: Source, name: str) -> Proposal:
    """Several operands, each with its own body and initial value."""
    shape, many = r.shape(0, 3), r.number(1, 3)
    bodies = [_bodies(r) for _ in range(many)]
    dtypes = [r.dtype() for _ in range(many)]
    axes = r.some(range(len(shape)))
    operands = [r.operand(shape, dtype) for dtype in dtypes]
    initial = [Operand((), dtype, _initial(dtype)) for dtype in dtypes]
    if r.flag(0.2):  # one body that mixes its operands
        bodies = bodies[::-1]

    def together(accumulators: Any, elements: Any) -> Any:
        triples = zip(bodies, accumulators, elements, strict=True)
        return tuple(body(a, x) for body, a, x in triples)

    def reduced(*xs: Any) -> Any:
        return lax.reduce(tuple(xs[:many]), tuple(xs[many:]), together, axes)

    return Proposal(name, reduced, (*operands, *initial))


# -- windows ---------------------------------------------------------------------------------------


def _window(r: Source, shape: Sequence[int], dilated: bool = True) -> tuple[dict[str, Any], bool]:
    rank = len(shape)
    some = r.flag(0.4)
    padding = tuple((r.number(-1 if some else 0, 2), r.number(-1 if some else 0, 2)) for _ in shape)
    params: dict[str, Any] = {
        "window_dimensions": r.several(rank, 1, 3),
        "window_strides": r.several(rank, 1, 3),
        "padding": padding,
    }
    if dilated:
        params["base_dilation"] = r.several(rank, 1, 3) if r.flag() else (1,) * rank
        params["window_dilation"] = r.several(rank, 1, 2) if r.flag() else (1,) * rank
    negative = any(side < 0 for pair in padding for side in pair)
    return params, negative


@generator("reduce_window_sum", "reduce_window_max", "reduce_window_min")
def _pooling(r: Source, name: str) -> Proposal:
    shape = r.shape(0, 3, 5)
    params, risky = _window(r, shape)
    return r.bind(name, [r.operand(shape)], risky=risky, **params)


@generator("reduce_window")
def _generic_pooling(r: Source, name: str) -> Proposal:
    """Several operands, each with its own body and initial value."""
    shape, many = r.shape(1, 3, 4), r.number(1, 2)
    params, risky = _window(r, shape)
    bodies = [_bodies(r) for _ in range(many)]
    dtypes = [r.dtype() for _ in range(many)]
    found = primitive(name)
    scalars = [jax.ShapeDtypeStruct((), dtype) for dtype in dtypes]

    def together(*xs: Any) -> Any:
        return [body(a, x) for body, a, x in zip(bodies, xs[:many], xs[many:], strict=True)]

    def pooled(*xs: Any) -> Any:
        body = jax.make_jaxpr(together)(*scalars, *scalars)
        return found.bind(*xs, jaxpr=body, consts=(), **params)

    operands = [r.operand(shape, dtype) for dtype in dtypes]
    initial = [Operand((), dtype, _initial(dtype)) for dtype in dtypes]
    return Proposal(name, pooled, (*operands, *initial), risky)


@generator("select_and_scatter_add", "select_and_gather_add")
def _pooling_derivative(r: Source, name: str) -> Proposal:
    shape, dtype = r.shape(1, 3, 5), r.dtype(FLOATS, FLOATS, INTEGERS, NARROW_FLOATS)
    add = name == "select_and_scatter_add"
    params, risky = _window(r, shape, dilated=not add)
    primal = primitive("reduce_window_max")
    window = {"base_dilation": (1,) * len(shape), "window_dilation": (1,) * len(shape)} | params
    pooled = jax.eval_shape(
        lambda x: primal.bind(x, **window), jax.ShapeDtypeStruct(shape, np.float32)
    )
    params["select_prim"] = primitive(r.one_of(["ge", "le"] if r.flag(0.95) else ["gt", "lt"]))
    operand = r.operand(shape, dtype, r.one_of([numbers.anything, _permuted]))
    first = r.operand(pooled.shape if add else shape, dtype)
    return r.bind(name, [first, operand], risky=risky, **params)


def _permuted(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """No ties."""
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(dtype)
