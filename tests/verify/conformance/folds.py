"""Proposals of folds: reductions, running folds, dot products, convolutions, pooling windows."""

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
IMAGE, KERNEL = np.ones((1, 1, 4, 4), np.float32), np.ones((1, 1, 2, 2), np.float32)


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


# -- products --------------------------------------------------------------------------------------


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
