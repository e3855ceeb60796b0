"""scatter: windows of updates, written (added, multiplied, ...) at indexed corners.

The mirror of gather: each index vector names the corner of a window of the operand, over which the
`update_window_dims` of the updates run. Modes as in `indexing`: clip; fill_or_drop, where a window
that does not fit is not written at all; promise_in_bounds, undefined outside.

Several updates of one element are combined, in any order. Where that would matter (an overwriting
scatter, or one that applies a function) two updates of one element are Unsupported, unless they
write the same known number.

`unique_indices` and `indices_are_sorted` are promises, and what a program means that breaks one is
undefined. Indices that are known are looked at; of others that they keep it is assumed.
"""

from __future__ import annotations

import numpy as np
from jax import lax

from verify.algebras.base import Algebra, Meaningless, Unsupported, V
from verify.primitives.bodies import over_arrays
from verify.primitives.indexing import (
    Corners,
    assume_somewhere,
    corners,
    sorted_as_promised,
    take_inside,
)
from verify.primitives.monoids import Monoid, monoid
from verify.primitives.registry import Context, rule
from verify.primitives.segments import DROPPED, combine_at, tables
from verify.primitives.sliding import row_strides
from verify.programs import Param, Params, Program

UNIQUE = "no scatter that promises unique indices writes an element twice"


def targets(
    ctx: Context[V],
    operand: V,
    indices: V,
    updates: V,
    d: lax.ScatterDimensionNumbers,
    mode: lax.GatherScatterMode | None,
) -> tuple[Corners[V], np.ndarray]:
    """The corners, and where each update element (flat) goes for each candidate: (m, c)."""
    name = "FILL_OR_DROP" if mode is None else mode.name
    if name not in ("CLIP", "FILL_OR_DROP", "PROMISE_IN_BOUNDS"):
        raise Unsupported(f"scatter in mode {name}")
    if not indices.shape[-1] and np.prod(indices.shape[:-1]) > 1 and not d.operand_batching_dims:
        raise Unsupported("a scatter of several windows by indices that have no components")
    window_dims = [int(i) for i in d.update_window_dims]
    batch_dims = [i for i in range(len(updates.shape)) if i not in window_dims]
    index_map = [int(i) for i in d.scatter_dims_to_operand_dims]
    batch = tuple(indices.shape[:-1])
    n = int(np.prod(batch))
    strides = np.asarray(row_strides(operand.shape), dtype=np.int64)

    kept = [
        i
        for i in range(len(operand.shape))
        if i not in d.inserted_window_dims and i not in d.operand_batching_dims
    ]
    extent = [1] * len(operand.shape)
    within = np.zeros((), np.int64)
    for i, u in zip(kept, window_dims, strict=True):
        extent[i] = updates.shape[u]
        within = within[..., None] + np.arange(extent[i], dtype=np.int64) * strides[i]
    base = np.zeros(batch, np.int64)
    for i, partner in zip(d.operand_batching_dims, d.scatter_indices_batching_dims, strict=True):
        along = np.arange(batch[partner], dtype=np.int64) * strides[i]
        base += along.reshape([-1 if axis == partner else 1 for axis in range(len(batch))])

    vectors = ctx.algebra.reshape(indices, (n, len(index_map)))
    last = [operand.shape[i] - extent[i] for i in index_map]
    found = corners(
        ctx,
        vectors,
        last,
        clip=name == "CLIP",
        size=int(np.prod(updates.shape)),
        inside=name == "PROMISE_IN_BOUNDS",
    )
    if name == "PROMISE_IN_BOUNDS":
        if not found.valid.all():
            raise Meaningless("a scatter out of bounds that promised to be in bounds")
        if indices.concrete is None:
            sentence = "no scatter that promises to be in bounds writes out of bounds"
            take_inside(ctx, vectors, last, sentence)
    start = base.reshape(n, 1) + (found.place * strides[index_map]).sum(axis=-1)
    start = np.where(found.valid, start, DROPPED)
    index = start[:, None] + within.reshape(-1)[:, None]  # (n, window, candidates)
    index = np.where(start[:, None] == DROPPED, DROPPED, index)
    order = np.argsort([*batch_dims, *window_dims])
    whole = index.reshape((*batch, *within.shape, -1)).transpose((*order, len(order)))
    return found, whole.reshape(-1, whole.shape[-1])


def owners(updates: V, d: lax.ScatterDimensionNumbers) -> np.ndarray:
    """For each update element (flat): which index vector it belongs to."""
    window_dims = [int(i) for i in d.update_window_dims]
    shape = [1 if i in window_dims else s for i, s in enumerate(updates.shape)]
    owner = np.arange(int(np.prod(shape))).reshape(shape)
    return np.broadcast_to(owner, updates.shape).reshape(-1)


def _flat(algebra: Algebra[V], x: V) -> V:
    return algebra.reshape(x, (int(np.prod(x.shape)),))


def _scatter_combining(
    ctx: Context[V], m: Monoid, operand: V, indices: V, updates: V, params: Params
) -> V:
    algebra, d = ctx.algebra, params["dimension_numbers"]
    if 0 in updates.shape or 0 in operand.shape:
        return operand
    found, target = targets(ctx, operand, indices, updates, d, params["mode"])
    _keep_promises(ctx, target, indices, updates, params, found)
    flat, values = _flat(algebra, operand), _flat(algebra, updates)
    if found.when is not None:
        many = target.shape[1]
        values = algebra.pick([values], np.repeat(np.arange(target.shape[0])[:, None], many, 1))
        when = algebra.pick([found.when], owners(updates, d)[:, None] * many + np.arange(many))
        if m.idempotent:  # where nothing is written, combine the element with itself
            nothing = algebra.pick([flat], target)
        else:
            nothing = ctx.fill(values.shape, m.neutral, operand.dtype)
        values = _flat(algebra, algebra.select(when, [nothing, values]))
    result = combine_at(ctx, m, flat, values, target.reshape(-1))
    return algebra.reshape(result, ctx.shape)


def _keep_promises(
    ctx: Context[V], target: np.ndarray, indices: V, updates: V, params: Params, found: Corners[V]
) -> None:
    """Updates that overlap although they promised not to have no meaning, nor have indices out of
    the order that they promised."""
    d = params["dimension_numbers"]
    if params.get("indices_are_sorted"):
        sorted_as_promised(ctx, indices, d.scatter_indices_batching_dims)
    if not params["unique_indices"]:
        return
    if found.when is None:
        if collide(target):
            raise Meaningless("a scatter whose indices promised to be unique and are not")
    elif _may_collide(target, owners(updates, d)):
        assume_somewhere(ctx, UNIQUE)


def _may_collide(target: np.ndarray, owner: np.ndarray) -> bool:
    """Whether two index vectors may name one element."""
    whose = np.broadcast_to(owner[:, None], target.shape)
    pairs = np.stack([target.reshape(-1), whose.reshape(-1)], axis=-1)
    pairs = np.unique(pairs[pairs[:, 0] != DROPPED], axis=0)
    return collide(pairs[:, 0])


def collide(target: np.ndarray) -> bool:
    reached = target[target != DROPPED]
    return len(np.unique(reached)) < len(reached)


for _name, _operation in (
    ("scatter-add", "add"),
    ("scatter-mul", "mul"),
    ("scatter-min", "min"),
    ("scatter-max", "max"),
):

    def _rule(
        ctx: Context[V], operand: V, indices: V, updates: V, _op: str = _operation, **params: Param
    ) -> V:
        m = monoid(_op, operand.dtype)
        return _scatter_combining(ctx, m, operand, indices, updates, params)

    rule(_name)(_rule)


@rule("scatter-sub")
def _subtract(ctx: Context[V], operand: V, indices: V, updates: V, **params: Param) -> V:
    negated = ctx.algebra.neg(updates)
    return _scatter_combining(ctx, monoid("add", operand.dtype), operand, indices, negated, params)


@rule("scatter")
def _scatter(ctx: Context[V], operand: V, indices: V, updates: V, **params: Param) -> V:
    """Overwrites, or with a body: replaces operand elements by body(operand, update)."""
    body: Program | None = params["update_jaxpr"]
    if body is not None and params["update_consts"]:
        raise Unsupported("a scatter whose body has captured values")
    if 0 in updates.shape or 0 in operand.shape:
        return operand
    algebra, d = ctx.algebra, params["dimension_numbers"]
    found, target = targets(ctx, operand, indices, updates, d, params["mode"])
    _keep_promises(ctx, target, indices, updates, params, found)
    flat, values = _flat(algebra, operand), _flat(algebra, updates)
    overwrites = body is None or body.outputs[0] is body.inputs[1]
    if found.when is None:
        result = _write(ctx, flat, values, target[:, 0], None if overwrites else body)
    elif overwrites:
        result = _write_where(ctx, flat, values, target, found.when, owners(updates, d))
    else:
        raise Unsupported("a scatter that applies a function where the inputs say")
    return algebra.reshape(result, ctx.shape)


def _write(ctx: Context[V], flat: V, values: V, target: np.ndarray, body: Program | None) -> V:
    """The operand (n,) with values (m,) written at target (m,)."""
    algebra = ctx.algebra
    if collide(target) and not (body is None and _agree(values, target)):
        raise Unsupported("a scatter that writes an element twice, in no particular order")
    reached = np.flatnonzero(target != DROPPED)
    if not len(reached):
        return flat
    if body is not None:
        before = algebra.pick([flat], target[reached])
        after = algebra.pick([values], reached)
        (values,) = ctx.run(over_arrays(body, before.shape), [before, after])
        target, reached = target[reached], np.arange(len(reached))
    place = np.arange(flat.shape[0], dtype=np.int64)
    place[target[reached]] = flat.shape[0] + reached
    return algebra.pick([flat, values], place)


def _agree(values: V, target: np.ndarray) -> bool:
    """Whether all known updates of one element are the same number."""
    known = values.concrete
    if known is None:
        return False
    return all(
        (known[rows] == known[rows[:, :1]])[rows != DROPPED].all() for _, rows in tables(target)
    )


def _write_where(
    ctx: Context[V], flat: V, values: V, target: np.ndarray, when: V, owner: np.ndarray
) -> V:
    """The operand with values[u] written at target[u, j] where when[owner[u], j] holds.

    At most one of the conditions of an index vector holds; two index vectors that may name the
    same element are Unsupported.
    """
    algebra = ctx.algebra
    many, size = target.shape[1], flat.shape[0]
    writer = np.full(size, DROPPED)
    for u in np.argsort(owner, kind="stable"):
        others = writer[target[u]]
        if ((others != DROPPED) & (others != owner[u])).any():
            raise Unsupported("a scatter that may write an element twice, in no particular order")
        writer[target[u]] = owner[u]
    for targets, rows in tables(target.reshape(-1)):
        for column in rows.T:
            there = column != DROPPED
            place, pair = targets[there], column[there]
            update, candidate = pair // many, pair % many
            condition = algebra.pick([when], owner[update] * many + candidate)
            old = algebra.pick([flat], place)
            new = algebra.select(condition, [old, algebra.pick([values], update)])
            index = np.arange(size, dtype=np.int64)
            index[place] = size + np.arange(len(place))
            flat = algebra.pick([flat, new], index)
    return flat
