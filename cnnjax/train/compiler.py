"""Compiler options for the jitted steps, the one place where a backend is treated specially; and
where compiled programs are kept.

On the CPU, XLA's default (YNNPACK) runs many convolutions on one core; the older Eigen path uses
all of them.  For float32 training at batch 32 the step is about twice as fast without YNNPACK.
Small batches (below 8) are faster with it, by 1.2 to 3 times, and float64 by a factor of 25: those
keep the default.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["compiler_options", "use_compilation_cache"]

_WITHOUT_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}
_BATCH = 8  # where the two meet, for the 5x5 convolutions of the note's network


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


def compiler_options(platform: str, dtype: Any, batch: int) -> dict[str, Any] | None:
    """Options for `jax.jit(..., compiler_options=...)`; None for the defaults.

    `dtype` is what the network computes in, `batch` the images that one device sees at a time.

    >>> compiler_options("cpu", jnp.float64, batch=32) is None
    True
    """
    wanted = platform == "cpu" and jnp.dtype(dtype) == jnp.float32 and batch >= _BATCH
    if wanted and _known(platform):
        return dict(_WITHOUT_YNNPACK)
    return None


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache folder, for the next process to find.

    The folder is `$XDG_CACHE_HOME/cnnjax/compiled` (`~/.cache/...`), or the one that the variable
    CNNJAX_CACHE of the environment names; CNNJAX_CACHE=off switches it off. A folder that JAX has
    been given stays; one that cannot be written is not used.
    """
    wanted = os.environ.get("CNNJAX_CACHE", "")
    given = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if wanted == "off" or given is not None:
        return
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(wanted or f"{home}/cnnjax/compiled").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # read-only, or there is no home
        return
    if os.access(folder, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(folder))
