"""One mesh axis, `data`, over all devices: batches are split, parameters are everywhere.

One device is a mesh of one, several hosts are one mesh over all of theirs: the training loop has
no second code path.  `jit` sees a batch that is split and parameters that are not, and XLA puts
in the sum of the gradients (GSPMD, Xu et al. 2021); means over the batch inside a model (batch
norm) are means over the whole batch, not over one device's share.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

__all__ = [
    "data_mesh",
    "replicated",
    "require_divisible",
    "split",
    "to_mesh",
]


def data_mesh(devices: Any = None) -> Mesh:
    """The mesh with the one axis `data` over `devices` (default: all, of all processes)."""
    return Mesh(np.array(jax.devices() if devices is None else devices), ("data",))


def split(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """The sharding of a batch: its first axis over the devices (`axis` 1 in a stack of batches)."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, "data"))


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of parameters: all of it on every device."""
    return NamedSharding(mesh, PartitionSpec())


def to_mesh(tree: Any, mesh: Mesh) -> Any:
    """Put a tree of arrays on every device of the mesh."""
    return jax.device_put(tree, replicated(mesh))


def require_divisible(mesh: Mesh, batch: int, what: str) -> None:
    """Raise ValueError unless `batch` images spread evenly over the mesh."""
    if batch % mesh.size:
        nearest = max(mesh.size, batch - batch % mesh.size)
        raise ValueError(
            f"train: {what} {batch} does not divide over {mesh.size} devices; "
            f"take a multiple of {mesh.size}, for example {nearest}"
        )
