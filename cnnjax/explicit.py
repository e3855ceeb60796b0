"""Layers over meshes whose axes are explicit (`jax.make_mesh`'s default).

There JAX gives every array's type a sharding and asks for that of each result; where it cannot be
told, it raises ShardingTypeError: for every convolution, for sums over axes that are split, for
reshapes that fold them. A layer knows what its result is to be, so it is computed with automatic
axes inside (XLA puts in what has to be exchanged) and with the sharding of its result stated:

    batch axes       as those of x
    image axes       as those of x where the devices divide the new size, else not split
    channels         as the kernel's output channels; as x's where there is no kernel

A mesh axis that is taken splits nothing else: the first one has it. Where axes are automatic, or
there is no mesh, nothing is done here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

__all__ = ["Split", "over_mesh", "splits"]

_OURS = AxisType.Explicit

Split = tuple[Any, ...]  # for each axis of an array the mesh axes that split it; None for none


def over_mesh(
    f: Callable[..., Any], *arrays: Any, out: Callable[[], Any], all_alike: bool = False
) -> Any:
    """``f(*arrays)``; over explicit axes, ``out`` says how they are to split the result.

    ``arrays`` are pytrees; ``out()`` is a `Split` for each array of f's result, in its structure,
    or one for all of them (`all_alike`). It may be shorter than an array's rank. Axes that have
    been taken or do not divide a size are left out.
    """
    mesh = _mesh(arrays)
    if mesh is None:
        return f(*arrays)
    around = jax.sharding.get_abstract_mesh()
    if around.axis_names and _OURS not in around.axis_types:
        # Within another layer, of arrays that it closes over.
        return f(*jax.sharding.reshard(arrays, PartitionSpec()))
    axes = tuple(
        n for n, kind in zip(mesh.axis_names, mesh.axis_types, strict=True) if kind == _OURS
    )

    def with_splits(shardings: Any) -> Callable[..., Any]:
        return jax.sharding.auto_axes(f, axes=axes, out_sharding=shardings)

    nowhere = NamedSharding(mesh, PartitionSpec())
    like = jax.eval_shape(with_splits(nowhere), *arrays)  # for the sizes
    leaves, structure = jax.tree.flatten(like)
    wanted = [out()] * len(leaves) if all_alike else _each(like, out())
    found = [
        NamedSharding(mesh, _fitting(mesh, leaf.shape, split))
        for leaf, split in zip(leaves, wanted, strict=True)
    ]
    return with_splits(jax.tree.unflatten(structure, found))(*arrays)


def _each(like: Any, wanted: Any) -> list[Split]:
    found: list[Split] = []
    jax.tree.map(lambda _, split: found.append(split), like, wanted)
    return found


def splits(x: Any) -> Split:
    """How the axes of an array are split.

    >>> import jax.numpy as jnp
    >>> splits(jnp.ones((2, 3)))
    (None, None)
    """
    kind = jax.typeof(x)
    known = tuple(kind.sharding.spec)
    return known + (None,) * (kind.ndim - len(known))


def _mesh(arrays: Any) -> Any:
    """The mesh with explicit axes that one of the arrays lies on; None where there is none."""
    for leaf in jax.tree.leaves(arrays):
        mesh = jax.typeof(leaf).sharding.mesh
        if _OURS in mesh.axis_types:
            return mesh
    return None


def _fitting(mesh: Any, shape: Sequence[Any], split: Split) -> PartitionSpec:
    taken: set[str] = set()
    kept: list[Any] = []
    for size, entry in zip(shape, split, strict=False):
        names = (entry,) if isinstance(entry, str) else tuple(entry or ())
        parts = math.prod(mesh.shape[name] for name in names)
        fits = taken.isdisjoint(names) and isinstance(size, int) and size % parts == 0
        kept.append(entry if names and fits else None)
        taken.update(names if kept[-1] is not None else ())
    return PartitionSpec(*kept)
