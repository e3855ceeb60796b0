"""StableHLO by `jax.export`: the program for CPU, CUDA and TPU, and its parameters, as bytes.

A GPU's and a TPU's program is plain `lax`, a CPU's has the lowerings of this library. JAX promises
that what it serialised can be read for six months, in versions to come.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import jax
from jax import export

from cnnjax.export.inference import images_of, logits_of

if TYPE_CHECKING:
    from cnnjax.checkpoint import SavedModel

PLATFORMS = ("cpu", "cuda", "tpu")


def to_stablehlo(saved: SavedModel) -> bytes:
    """What `jax.export.deserialize` reads, in a process that has JAX alone."""
    if importlib.util.find_spec("flatbuffers") is None:
        raise ImportError(
            'export: StableHLO needs flatbuffers: pip install "cnnjax[stablehlo]"',
            name="flatbuffers",
        )
    found = export.export(jax.jit(logits_of(saved)), platforms=PLATFORMS)(images_of(saved))
    return bytes(found.serialize())
