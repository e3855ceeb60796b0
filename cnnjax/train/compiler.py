"""Compiler options for the jitted steps: the one place where a backend is treated specially.

On the CPU, XLA's default (YNNPACK) runs many convolutions on one core; the older Eigen path uses
all of them.  For float32 training at batch 32 the step is about twice as fast without YNNPACK.
Float64 is the other way round, by a factor of 25, so it keeps the default.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["compiler_options"]

_WITHOUT_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}


@cache
def _known(platform: str) -> bool:
    """Whether this jaxlib knows the option; an unknown one fails at compile time."""
    identity = jax.jit(lambda x: x, compiler_options=_WITHOUT_YNNPACK)
    try:
        with jax.default_device(jax.devices(platform)[0]):
            identity.lower(jnp.zeros(())).compile()
    except Exception:  # whatever this version raises, the answer is no
        return False
    return True


def compiler_options(platform: str, dtype: Any) -> dict[str, Any] | None:
    """Options for `jax.jit(..., compiler_options=...)`; None for the defaults.

    >>> compiler_options("cpu", jnp.float64) is None
    True
    """
    if platform == "cpu" and jnp.dtype(dtype) == jnp.float32 and _known("cpu"):
        return dict(_WITHOUT_YNNPACK)
    return None
