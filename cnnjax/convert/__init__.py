"""Parameters to and from PyTorch, Flax linen and Flax nnx. PyTorch's side needs only NumPy.

>>> import jax
>>> from cnnjax.convert import from_torch, to_torch
>>> from cnnjax.models import notes_cnn
>>> model = notes_cnn(10, widths=(4, 8), image=(8, 12, 3))
>>> params = model.init(jax.random.key(0))
>>> again = from_torch(model, to_torch(model, params))
>>> jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), params, again))
True
"""

import importlib
from typing import TYPE_CHECKING, Any

from cnnjax.convert.leaves import ConversionError
from cnnjax.convert.torch import from_torch, to_torch

if TYPE_CHECKING:
    from cnnjax.convert import linen, nnx
    from cnnjax.convert.linen import from_linen, to_linen
    from cnnjax.convert.nnx import from_nnx, to_nnx

__all__ = [
    "ConversionError",
    "from_linen",
    "from_nnx",
    "from_torch",
    "linen",
    "nnx",
    "to_linen",
    "to_nnx",
    "to_torch",
]


def __getattr__(name: str) -> Any:
    """The Flax side is imported when first asked for: Flax is an optional extra."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    side = name.split("_")[-1]
    try:
        module = importlib.import_module(f"{__name__}.{side}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "flax":
            raise
        raise ModuleNotFoundError(
            f'cnnjax.convert.{name} needs Flax: pip install "cnnjax[flax]"', name="flax"
        ) from error
    return module if name == side else getattr(module, name)
