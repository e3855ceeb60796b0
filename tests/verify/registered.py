"""The primitives that JAX has, by name."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from jax.extend import core as jex

_MODULES = (
    "jax.scipy.linalg",
    "jax.scipy.special",
    "jax.random",
)


def _registered() -> dict[str, Any]:
    """The primitives that JAX has, by name."""
    for name in _MODULES:
        importlib.import_module(name)
    own = [m for name, m in list(sys.modules.items()) if name.partition(".")[0] == "jax"]
    values = [value for module in own for value in list(vars(module).values())]
    return {v.name: v for v in values if issubclass(type(v), jex.Primitive)}


JAX = _registered()
