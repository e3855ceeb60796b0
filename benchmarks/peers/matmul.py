"""A square matrix product: what share of the machine's peak the others reach."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers import MATMUL_SIZE, Job


def build(job: Job) -> Callable[[], None]:
    dtype = jnp.bfloat16 if job.precision == "bfloat16" else jnp.float32
    precision = {"float32": "highest", "tf32": "tensorfloat32"}.get(job.precision)
    side = (MATMUL_SIZE, MATMUL_SIZE)
    a = jnp.asarray(np.random.default_rng(0).normal(size=side), dtype)
    product = jax.jit(lambda a: jnp.matmul(a, a, precision=precision))
    return lambda: product(a).block_until_ready()
