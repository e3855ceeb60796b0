"""What the JAX peers share: data, loss, optimiser."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.networks import NETWORKS, Network
from benchmarks.peers import MOMENTUM, RATE, Job


def prepare(job: Job, network: Network | None = None) -> tuple[Network, jax.Array, jax.Array]:
    """The network (the job's, where none is given), images (steps, batch, H, W, C) and labels.

    Sets the precision of products.
    """
    if job.precision == "float32":
        jax.config.update("jax_default_matmul_precision", "highest")
    elif job.precision == "tf32":
        jax.config.update("jax_default_matmul_precision", "tensorfloat32")
    network = network or NETWORKS[job.network]
    rng = np.random.default_rng(0)
    steps = network.steps
    images = rng.normal(size=(steps, job.batch, *network.image))
    labels = rng.integers(0, 10, (steps, job.batch))
    dtype = jnp.bfloat16 if job.precision == "bfloat16" else jnp.float32
    return network, jnp.asarray(images, dtype), jnp.asarray(labels, jnp.int32)


def loss(logits: Any, labels: Any) -> Any:
    logits = logits.astype(jnp.float32)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def sgd() -> optax.GradientTransformation:
    return optax.sgd(RATE, momentum=MOMENTUM)
