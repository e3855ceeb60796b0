"""Proposals of indexed reads and writes: batching dimensions, all modes, indices out of bounds."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import (
    INTEGERS,
    NARROW_INTEGERS,
    Operand,
    Proposal,
    Source,
    generator,
    like,
    primitive,
)

X = np.ones((3, 2), np.float32)
I = np.zeros((2, 1), np.int32)  # noqa: E741
MODES = list(lax.GatherScatterMode)


def _corner_of(r: Source, shape: tuple[int, ...], most: int = 3) -> tuple[int, ...]:
    return tuple(r.number(0 if r.flag(0.05) else min(1, n), min(n, most)) for n in shape)


@generator("dynamic_slice")
def _dynamic_slice(r: Source, name: str) -> Proposal:
    shape = r.shape(0, 3, 5)
    sizes = _corner_of(r, shape)
    starts = [Operand((), r.dtype(INTEGERS, NARROW_INTEGERS), numbers.indices(n)) for n in shape]
    if starts and r.flag():  # mostly of one dtype
        starts = [Operand((), starts[0].dtype, x.draw) for x in starts]
    return r.bind(name, [r.operand(shape), *starts], slice_sizes=sizes)


@generator("dynamic_update_slice")
def _dynamic_update_slice(r: Source, name: str) -> Proposal:
    shape, dtype = r.shape(0, 3, 5), r.dtype()
    index = r.dtype(INTEGERS, NARROW_INTEGERS)
    starts = [Operand((), index, numbers.indices(n)) for n in shape]
    return r.bind(name, [r.operand(shape, dtype), r.operand(_corner_of(r, shape), dtype), *starts])


def _layout(r: Source) -> dict[str, Any]:
    """An operand, which of its axes are indexed, batched, dropped, and the shape of the indices.

    Gather reads with it, scatter writes.
    """
    shape = r.shape(1, 3, 4)
    axes = list(range(len(shape)))
    batching = r.some(axes) if r.flag(0.3) else ()
    batching = batching[: r.number(0, 2)]
    mapped = r.some([a for a in axes if a not in batching])
    dropped = tuple(sorted(a for a in axes if a not in batching and r.flag(0.4)))
    sizes = [
        1 if a in dropped or a in batching else r.number(min(1, n), n) for a, n in enumerate(shape)
    ]
    if r.flag(0.05) and shape:
        sizes[0] = 0
    # The index vectors: their own axes, those of the batch in some places among them.
    own = [("own", r.number(1, 3)) for _ in range(r.number(0, 2))]
    axes_of = r.shuffled([*own, *(("batch", a) for a in batching)])
    lead = tuple(n if kind == "own" else shape[n] for kind, n in axes_of)
    partners = tuple(axes_of.index(("batch", a)) for a in batching)
    if len(set(own)) < len(own) and batching:  # equal pairs would be found twice
        partners = tuple(
            next(i for i, x in enumerate(axes_of) if x == ("batch", a)) for a in batching
        )
    order = np.argsort(batching)  # JAX wants the operand's sorted
    window = tuple(sizes[a] for a in axes if a not in dropped and a not in batching)
    offsets = tuple(sorted(r.some(range(len(lead) + len(window)))))
    while len(offsets) < len(window):
        offsets = tuple(sorted({*offsets, r.number(0, len(lead) + len(window) - 1)}))
    return {
        "shape": shape,
        "sizes": tuple(sizes),
        "mapped": mapped,
        "dropped": dropped,
        "batching": tuple(batching[i] for i in order),
        "partners": tuple(partners[i] for i in order),
        "lead": lead,
        "window": window,
        "offsets": offsets[: len(window)] if r.flag() else tuple(sorted(offsets)[: len(window)]),
    }


def _indices(r: Source, layout: dict[str, Any], draw: Any = None) -> Operand:
    largest = max((layout["shape"][a] for a in layout["mapped"]), default=1)
    dtype = r.dtype(INTEGERS, INTEGERS, INTEGERS, NARROW_INTEGERS)
    shape = (*layout["lead"], len(layout["mapped"]))
    return Operand(shape, dtype, draw or numbers.indices(largest))


@generator("gather")
def _gather(r: Source, name: str) -> Proposal:
    layout, dtype = _layout(r), r.dtype()
    params = like(name, _taken, X, I)
    params |= {
        "dimension_numbers": lax.GatherDimensionNumbers(
            offset_dims=layout["offsets"],
            collapsed_slice_dims=layout["dropped"],
            start_index_map=layout["mapped"],
            operand_batching_dims=layout["batching"],
            start_indices_batching_dims=layout["partners"],
        ),
        "slice_sizes": layout["sizes"],
        "mode": r.one_of(MODES),
        "fill_value": None,
        "unique_indices": r.flag(0.1),
        "indices_are_sorted": False,
    }
    if params["mode"] == lax.GatherScatterMode.FILL_OR_DROP:
        params["fill_value"] = _fill(r, dtype)
    return r.bind(name, [r.operand(layout["shape"], dtype), _indices(r, layout)], **params)


def _taken(x: Any, i: Any) -> Any:
    return jnp.take(x, i[:, 0], axis=0)


def _fill(r: Source, dtype: Any) -> Any:
    """A number that the dtype holds: NaN or the extreme by default."""
    if jax.dtypes.issubdtype(dtype, np.inexact):
        return r.one_of([np.nan, np.nan, 0.0, 2.0])
    if dtype == np.bool_:
        return r.flag()
    info = jnp.iinfo(dtype)
    return r.one_of([int(info.min), int(info.max), 0, 1])


_SCATTERS = {
    "scatter": None,
    "scatter-add": lax.add,
    "scatter-sub": lax.sub,
    "scatter-mul": lax.mul,
    "scatter-min": lax.min,
    "scatter-max": lax.max,
}


@generator(*_SCATTERS)
def _scatter(r: Source, name: str) -> Proposal:
    layout, dtype = _layout(r), r.dtype()
    lead, window, offsets = layout["lead"], list(layout["window"]), layout["offsets"]
    rest = iter(lead)
    windows = iter(window)
    rank = len(lead) + len(window)
    updates = tuple(next(windows) if a in offsets else next(rest) for a in range(rank))
    numbers_of = lax.ScatterDimensionNumbers(
        update_window_dims=offsets,
        inserted_window_dims=layout["dropped"],
        scatter_dims_to_operand_dims=layout["mapped"],
        operand_batching_dims=layout["batching"],
        scatter_indices_batching_dims=layout["partners"],
    )
    found, body, scalar = primitive(name), _SCATTERS[name], jax.ShapeDtypeStruct((), dtype)
    if name == "scatter":
        body = r.one_of([None, None, lambda a, u: lax.neg(a), lambda a, u: lax.mul(a, a)])
    unique = r.flag(0.25)
    draw = numbers.distinct(max((layout["shape"][a] for a in layout["mapped"]), default=1))
    params = {
        "update_consts": (),
        "dimension_numbers": numbers_of,
        "indices_are_sorted": False,
        "unique_indices": unique,
        "mode": r.one_of(MODES),
    }

    def scattered(x: Any, i: Any, u: Any) -> Any:
        jaxpr = None if body is None else jax.make_jaxpr(body)(scalar, scalar)
        inner = None if jaxpr is None else jaxpr.jaxpr
        return found.bind(x, i, u, update_jaxpr=inner, **params)

    distinct = unique or (name == "scatter" and r.flag(0.6))
    operands = [
        r.operand(layout["shape"], dtype),
        _indices(r, layout, draw if distinct else None),
        r.operand(updates, dtype),
    ]
    return Proposal(name, scattered, tuple(operands))
