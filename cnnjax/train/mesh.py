"""One mesh axis, `data`, over all devices: batches are split, parameters are everywhere.

One device is a mesh of one, several hosts are one mesh over all of theirs: the training loop has
no second code path.  `jit` sees a batch that is split and parameters that are not, and XLA puts
in the sum of the gradients (GSPMD, Xu et al. 2021); means over the batch inside a model (batch
norm) are means over the whole batch, not over one device's share.

A mesh of the caller's may have an axis `model` too: what the devices along it divide of the last
axes of parameters and optimiser state, the output channels, is split over it.  Along other axes
everything is repeated.  Whether axes are explicit (`jax.make_mesh`'s default) or automatic is the
same here: the loop's own programs say how their arguments lie.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

__all__ = [
    "automatic",
    "data_mesh",
    "placement",
    "replicated",
    "require_divisible",
    "shares",
    "split",
    "spread",
    "to_mesh",
    "whole",
    "within",
]

_DATA, _MODEL = "data", "model"


def data_mesh(devices: Any = None) -> Mesh:
    """The mesh with the one axis `data` over `devices` (default: all, of all processes)."""
    return Mesh(np.array(jax.devices() if devices is None else devices), (_DATA,))


def automatic(mesh: Mesh, caller: str) -> Mesh:
    """A mesh of the caller's with automatic axes; ValueError where none of them is `data`.

    >>> from jax.sharding import AxisType
    >>> given = jax.make_mesh((1,), ("data",), axis_types=(AxisType.Explicit,))
    >>> automatic(given, "fit").axis_types
    (Auto,)
    """
    if _DATA not in mesh.axis_names:
        raise ValueError(
            f"{caller}: mesh needs an axis {_DATA!r}, over which batches are split, got the axes "
            f"{mesh.axis_names}"
        )
    return Mesh(mesh.devices, mesh.axis_names)


def within(mesh: Mesh) -> AbstractContextManager[Any]:
    """Where the caller has set a mesh (`jax.set_mesh`), this one in its place."""
    return jax.set_mesh(mesh) if jax.sharding.get_abstract_mesh().axis_names else nullcontext()


def shares(mesh: Mesh) -> int:
    """Into how many parts a batch is split."""
    return int(mesh.shape[_DATA])


def split(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """The sharding of a batch: its first axis over the devices (`axis` 1 in a stack of batches)."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, _DATA))


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of what is everywhere: all of it on every device."""
    return NamedSharding(mesh, PartitionSpec())


def placement(tree: Any, mesh: Mesh) -> Any:
    """The shardings of parameters and of a state: channels over the axis `model`, if there is one.

    >>> from jax.sharding import AbstractMesh
    >>> mesh = AbstractMesh((2, 2), ("data", "model"))
    >>> found = placement([np.ones((3, 4)), np.ones(3), np.ones(())], mesh)
    >>> [leaf.spec for leaf in found]
    [P(None, 'model'), P(), P()]
    """
    devices = mesh.shape.get(_MODEL, 1)

    def one(leaf: Any) -> NamedSharding:
        if devices == 1 or not leaf.shape or leaf.shape[-1] % devices:
            return NamedSharding(mesh, PartitionSpec())
        return NamedSharding(mesh, PartitionSpec(*[None] * (len(leaf.shape) - 1), _MODEL))

    return jax.tree.map(one, tree)


def spread(tree: Any, mesh: Mesh) -> Any:
    """Put parameters or a state on the mesh, as `placement` says.

    Of several processes, each gives what it has: the same everywhere, or arrays on the mesh.
    """

    def put(leaf: Any, where: NamedSharding) -> jax.Array:
        on_mesh = isinstance(leaf, jax.Array) and leaf.committed
        if on_mesh or where.is_fully_replicated or where.is_fully_addressable:
            return jax.device_put(leaf, where)
        return jax.make_array_from_callback(leaf.shape, where, lambda index: leaf[index])

    return jax.tree.map(put, tree, placement(tree, mesh))


def whole(tree: Any) -> Any:
    """A tree as host arrays; where parts lie in other processes, all of them must call this."""
    arrays = [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf, jax.Array)]
    if all(leaf.is_fully_addressable or leaf.is_fully_replicated for leaf in arrays):
        return jax.device_get(tree)
    from jax.experimental import multihost_utils

    return jax.tree.map(np.asarray, multihost_utils.process_allgather(tree, tiled=True))


def to_mesh(tree: Any, mesh: Mesh) -> Any:
    """Put a tree of arrays on every device of the mesh."""
    return jax.device_put(tree, replicated(mesh))


def require_divisible(mesh: Mesh, batch: int, what: str) -> None:
    """Raise ValueError unless `batch` images spread evenly over the mesh."""
    parts = shares(mesh)
    if batch % parts:
        nearest = max(parts, batch - batch % parts)
        raise ValueError(
            f"train: {what} {batch} does not divide over {parts} devices; "
            f"take a multiple of {parts}, for example {nearest}"
        )
