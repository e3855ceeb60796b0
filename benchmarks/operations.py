"""How many operations a step has: XLA's count for the plain lax program, before optimisation."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from benchmarks.networks import NETWORKS
from benchmarks.peers.jax_common import loss
from benchmarks.peers.jax_layers import apply, init


def gflop(network: str, training: bool, batch: int, precision: str = "float32") -> float:
    """GFLOP of the forward pass, with that of the gradients in training.

    Taps that meet the padding are not counted: 0.52 an image of the note's network, not 0.57.

    >>> 0.52 < gflop("notes", training=False, batch=32) / 32 < 0.53
    True
    """
    layers = NETWORKS[network].layers
    keys = iter(jax.random.split(jax.random.key(0), 1000))
    params, stats, _ = init(layers, (1, *NETWORKS[network].image), keys)
    forward = partial(apply, layers, training=training, lowering="lax")

    def step(params: object, x: jax.Array) -> object:
        if not training:
            return forward(params, stats, x)[0]
        labels = jnp.zeros(len(x), jnp.int32)
        return jax.grad(lambda params: loss(forward(params, stats, x)[0], labels))(params)

    x = jax.ShapeDtypeStruct((batch, *NETWORKS[network].image), jnp.float32)
    cost = jax.jit(step).lower(params, x).cost_analysis() or {}
    return float(cost.get("flops", 0.0)) / 1e9
