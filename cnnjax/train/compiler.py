"""Compiler options for the jitted steps, the one place where a backend is treated specially; and
where compiled programs are kept.

On the CPU, XLA's default (YNNPACK) runs many convolutions on one core; the older Eigen path uses
all of them.  For float32 training at batch 32 the step is about twice as fast without YNNPACK, from
4 images on convolutions with their gradients 1.0 to 1.4 times, forward passes from one image on 1.0
to 1.8 times.  The gradients of smaller batches are faster with it, by 1.2 to 3 times, and float64
by a factor of 25: those keep the default.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp

from cnnjax.cache import made, place

__all__ = ["compiler_options", "use_compilation_cache"]

_WITHOUT_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}
_IMAGES = 4  # where the two meet in training, for convolutions of 3x3 and 5x5


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


def compiler_options(
    platform: str, dtype: Any, batch: int, *, training: bool
) -> dict[str, Any] | None:
    """Options for `jax.jit(..., compiler_options=...)`; None for the defaults.

    `dtype` is what the network computes in, `batch` the images that one device sees at a time;
    `training` says that gradients are computed too.

    >>> compiler_options("cpu", jnp.float64, batch=32, training=True) is None
    True
    """
    enough = not training or batch >= _IMAGES
    wanted = platform == "cpu" and jnp.dtype(dtype) == jnp.float32 and enough
    if wanted and _known(platform):
        return dict(_WITHOUT_YNNPACK)
    return None


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache (`cnnjax.cache`), for the next process to find.

    A folder that JAX has been given stays; one that cannot be written is not used.
    """
    folder = place("compiled")
    given = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if folder is None or given is not None:
        return
    if made(folder):
        jax.config.update("jax_compilation_cache_dir", str(folder))
