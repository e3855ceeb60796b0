"""Several steps in one call, where a step is so short that starting it takes longer than doing it.

    state, metrics = chunk(state, images, labels, count)     images (K, B, H, W, C), labels (K, B)

is a loop over the first `count` of K batches inside one compiled program: no dispatch, no wait and
no Python between steps. `count` is an argument, so one program serves the end of an epoch and a
checkpoint in the middle of a chunk, and a step computes the same bits wherever the cuts are.

Where a loop would make convolutions slower (`loops.py`), there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh

from cnnjax.preprocessing import Preprocessing
from cnnjax.train.compiler import compiler_options
from cnnjax.train.config import TrainConfig
from cnnjax.train.functions import Functions
from cnnjax.train.loops import fast_in_loops
from cnnjax.train.mesh import placement, replicated, shares, split
from cnnjax.train.state import BUILT_IN, State
from cnnjax.train.step import one_step

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = ["Chunk", "make_chunk", "steps_a_call"]

Chunk = Callable[[State, jax.Array, jax.Array, Any], tuple[State, jax.Array]]

# A call may do so many operations: about a tenth of a second, so that Ctrl-C, the progress bar and
# a loss that is not finite wait no longer than that.
_OPERATIONS = {"cpu": 4e9}
_OPERATIONS_ELSEWHERE = 4e11
_CALLS_AN_EPOCH = 16  # at least, for the progress bar
_BYTES = 16 << 20  # of images in a call; several are in flight
_MOST = 64


def steps_a_call(
    model: Model,
    config: TrainConfig,
    preprocessing: Preprocessing,
    steps: int,
    per_epoch: int,
    mesh: Mesh,
    example: tuple[State, jax.Array, jax.Array],
    functions: Functions = BUILT_IN,
) -> int:
    """How many steps to do in one call; 1 means that a loop would not pay.

    A function of the run alone, not of a clock, so that a resumed run decides alike. `example` is
    as in `make_step`.
    """
    if config.accumulate > 1:
        return 1
    most = min(_MOST, per_epoch // _CALLS_AN_EPOCH, _BYTES // example[1].size)
    if most <= 1:
        return 1
    step, platform = (
        one_step(model, config, preprocessing, steps, mesh, functions),
        mesh.devices.flat[0].platform,
    )
    if platform == "cpu" and not fast_in_loops(step, *example):
        return 1
    cost = jax.jit(step).lower(*example).cost_analysis()
    operations = float((cost or {}).get("flops", 0.0))
    if operations <= 0:  # this backend does not say
        return 1
    room = _OPERATIONS.get(platform, _OPERATIONS_ELSEWHERE)
    return max(1, min(most, int(room * mesh.size / operations)))


def make_chunk(
    model: Model,
    config: TrainConfig,
    preprocessing: Preprocessing,
    steps: int,
    mesh: Mesh,
    example: tuple[State, jax.Array, jax.Array],
    functions: Functions = BUILT_IN,
) -> Chunk:
    """The compiled loop; `example` has (K, B, ...) images and (K, B) labels.

    It takes the state (donated), K batches and how many of them to do, and returns the state and
    (K, 2) metrics of which the first `count` rows are those of `make_step`.
    """
    step = one_step(model, config, preprocessing, steps, mesh, functions)

    def chunk(state: State, images: Any, labels: Any, count: Any) -> tuple[State, jax.Array]:
        def body(i: Any, carry: tuple[State, jax.Array]) -> tuple[State, jax.Array]:
            state, metrics = carry
            batch = (lax.dynamic_index_in_dim(a, i, keepdims=False) for a in (images, labels))
            state, row = step(state, *batch)
            return state, lax.dynamic_update_index_in_dim(metrics, row, i, 0)

        metrics = jnp.zeros((len(labels), 2), jnp.float32)
        return lax.fori_loop(jnp.zeros_like(count), count, body, (state, metrics))

    state, images, labels = example
    placed, everywhere, batches = placement(state, mesh), replicated(mesh), split(mesh, axis=1)
    share = config.batch_size // shares(mesh)
    platform = mesh.devices.flat[0].platform
    jitted = jax.jit(
        chunk,
        donate_argnums=0,
        in_shardings=(placed, batches, batches, everywhere),
        out_shardings=(placed, everywhere),
        compiler_options=compiler_options(
            platform, jnp.dtype(config.precision), share, training=True
        ),
    )
    count = jax.ShapeDtypeStruct((), jnp.int32)
    return jitted.lower(state, images, labels, count).compile()
