"""One file a library. Each has `build(job) -> call`; `call()` does the network's steps and waits.

A peer is written as its documentation would have it, with what its users get without tuning.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

# Names of contenders, and the module that builds them.
PEERS = {
    "cnnjax": "jax_layers",
    "lax": "jax_layers",
    "flax.nnx": "flax_nnx",
    "flax.linen": "flax_linen",
    "equinox": "equinox_nn",
    "torch": "pytorch",
    "torch channels_last": "pytorch",
    "torch.compile": "pytorch",
    "torch.compile channels_last": "pytorch",
}
RATE, MOMENTUM = 1e-3, 0.9
# Not a peer: a matrix product that takes its turn with them, to know the peak of that minute.
MATMUL, MATMUL_SIZE = "matmul", 2048


@dataclass(frozen=True)
class Job:
    """What to time: a contender, a network of `benchmarks.networks`, a mode and sizes."""

    peer: str
    network: str
    training: bool
    batch: int
    precision: str = "float32"  # or "tf32" (GPU), "bfloat16"


def build(job: Job) -> Callable[[], None]:
    """The contender, ready but for compilation; ImportError where its library is absent."""
    if job.peer == MATMUL:
        return importlib.import_module("benchmarks.peers.matmul").build(job)
    return importlib.import_module(f"benchmarks.peers.{PEERS[job.peer]}").build(job)
