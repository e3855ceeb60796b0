"""Proposals of collectives, inside of `shard_map` over two devices; the whole of it is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec

from tests.verify.conformance.proposals import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    Absent,
    Operand,
    Proposal,
    Source,
    generator,
    primitive,
)

_NUMBERS = (FLOATS, INTEGERS, COMPLEX)


def _mesh() -> Mesh:
    if len(jax.devices()) < 2:
        raise Absent("a second device")
    return Mesh(np.array(jax.devices()[:2]), ("d",))


def _sharded(
    r: Source, name: str, body: Callable[..., Any], shape: Any, out: Any, **kw: Any
) -> Any:
    mesh = _mesh()
    whole = jax.shard_map(
        body, mesh=mesh, in_specs=PartitionSpec("d"), out_specs=out, check_vma=False, **kw
    )
    return Proposal(name, whole, (Operand(shape, r.dtype(*_NUMBERS)),))


def _rows(r: Source) -> tuple[int, ...]:
    return (2 * r.number(1, 2), *r.shape(0, 2, 3))


_REDUCTIONS = {
    "psum": lambda x, g: lax.psum(x, "d", axis_index_groups=g),
    "psum2": lambda x, g: lax.psum(x, "d", axis_index_groups=g),
    "psum_invariant": lambda x, g: lax.psum(x, "d", axis_index_groups=g),
    "pmax": lambda x, g: lax.pmax(x, "d", axis_index_groups=g),
    "pmin": lambda x, g: lax.pmin(x, "d", axis_index_groups=g),
}


@generator(*_REDUCTIONS)
def _reduction(r: Source, name: str) -> Proposal:
    groups = r.one_of([None, None, [[0, 1]], [[0], [1]], [[1, 0]]])
    step = _REDUCTIONS[name]
    out = PartitionSpec() if groups != [[0], [1]] else PartitionSpec("d")
    checked = {"check_vma": True} if name in ("psum2", "psum_invariant") else {}
    mesh = _mesh()
    whole = jax.shard_map(
        lambda x: step(x, groups),
        mesh=mesh,
        in_specs=PartitionSpec("d"),
        out_specs=out,
        **{"check_vma": False, **checked},
    )
    return Proposal(name, whole, (Operand(_rows(r), r.dtype(*_NUMBERS)),))


@generator("shard_map")
def _shard_map(r: Source, name: str) -> Proposal:
    """Any axis divided, or none; the result put together along any axis."""
    shape = tuple(2 * n for n in r.shape(1, 3, 2))
    axis, mesh = r.axis(shape), _mesh()
    spec = PartitionSpec(*[None] * axis, "d")
    source = PartitionSpec() if r.flag(0.2) else spec
    whole = jax.shard_map(
        lambda x: x * x + x, mesh=mesh, in_specs=source, out_specs=spec, check_vma=False
    )
    return Proposal(name, whole, (Operand(shape, r.dtype(*_NUMBERS)),))


@generator("ppermute")
def _ppermute(r: Source, name: str) -> Proposal:
    pairs = r.one_of([[(0, 1)], [(1, 0)], [(0, 1), (1, 0)], [(0, 0)], [(0, 0), (1, 1)], []])
    return _sharded(r, name, lambda x: lax.ppermute(x, "d", pairs), _rows(r), PartitionSpec("d"))


@generator("axis_index")
def _axis_index(r: Source, name: str) -> Proposal:
    def body(x: Any) -> Any:
        return x * 0 + lax.axis_index("d").astype(x.dtype)

    return _sharded(r, name, body, _rows(r), PartitionSpec("d"))


@generator("all_gather", "all_gather_invariant")
def _all_gather(r: Source, name: str) -> Proposal:
    shape, tiled = _rows(r), r.flag()
    axis = r.number(0, len(shape) - tiled)
    body = lambda x: lax.all_gather(x, "d", axis=axis, tiled=tiled)  # noqa: E731
    return _sharded(r, name, body, shape, PartitionSpec())


@generator("reduce_scatter")
def _reduce_scatter(r: Source, name: str) -> Proposal:
    shape, tiled = (4, 2, *r.shape(0, 1, 3)), r.flag()
    axis = r.number(0, 1)
    body = lambda x: lax.psum_scatter(x, "d", scatter_dimension=axis, tiled=tiled)  # noqa: E731
    return _sharded(r, name, body, shape, PartitionSpec("d"))


@generator("all_to_all")
def _all_to_all(r: Source, name: str) -> Proposal:
    shape, tiled = (4, 2, *r.shape(0, 1, 3)), r.flag(0.7)
    split, join = r.number(0, 1), r.number(0, len(shape) - 1)
    body = lambda x: lax.all_to_all(x, "d", split, join, tiled=tiled)  # noqa: E731
    return _sharded(r, name, body, shape, PartitionSpec("d"))


@generator("pbroadcast")
def _pbroadcast(r: Source, name: str) -> Proposal:
    source = r.number(0, 1)
    body = lambda x: lax.pbroadcast(x, "d", source)  # noqa: E731
    return _sharded(r, name, body, _rows(r), PartitionSpec("d"))


@generator("pvary", "pcast", "preduced", "reshard", "mesh_cast", "layout_constraint")
def _types(r: Source, name: str) -> Proposal:
    """What changes only the types of arrays on meshes."""
    mesh = _mesh()
    if name in ("pvary", "pcast"):
        cast = getattr(lax, "pcast", None)
        vary: Any = (
            (lambda x: cast(x, ("d",), to="varying")) if cast else lambda x: lax.pvary(x, "d")
        )
        whole = jax.shard_map(
            vary, mesh=mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec("d")
        )
        return Proposal(name, whole, (Operand(_rows(r), r.dtype(*_NUMBERS)),))
    found = primitive(name)
    return Proposal(name, lambda x: found.bind(x), (Operand(_rows(r), r.dtype(*_NUMBERS)),))
