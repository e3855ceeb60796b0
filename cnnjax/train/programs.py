"""Whether a function given to a resumed run is the one that the run was begun with.

A function has no identity that outlives its process, but its program has: it is traced at the
shapes of the run, and the fingerprint is a checksum of the program's text and of the arrays that it
closes over. For the loss this is the program of its gradient too, so that custom derivatives count.

Not seen: what the function does outside its program (host callbacks such as `jax.pure_callback`:
that there is one is seen, not what it does); names and comments, which do not matter. Another
version of JAX writes programs otherwise: then nothing is compared.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax.train.config import TrainConfig
from cnnjax.train.functions import Functions, batch_of
from verify.programs import make_as_given

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = ["fingerprint", "fingerprints"]


def fingerprint(function: Callable[..., Any], *arguments: Any) -> str:
    """The checksum of the program of `function` at (the shapes of) `arguments`.

    >>> import jax.numpy as jnp
    >>> one = fingerprint(lambda x: 2 * x, jnp.zeros(3))
    >>> one == fingerprint(lambda y: 2 * y, jnp.ones(3)), one == fingerprint(jnp.sin, jnp.zeros(3))
    (True, False)
    """
    traced = make_as_given(function, *arguments)
    # Where functions are printed, their place in memory is not part of the program.
    crc = zlib.crc32(re.sub(r"0x[0-9a-f]+", "", str(traced)).encode())
    for constant in traced.held():
        constant = constant if hasattr(constant, "dtype") else np.asarray(constant)
        if jnp.issubdtype(constant.dtype, jax.dtypes.prng_key):
            constant = jax.random.key_data(constant)
        array = np.ascontiguousarray(constant)
        crc = zlib.crc32(f"{array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.reshape(-1).view(np.uint8), crc)
    return f"program {crc:08x}"


def fingerprints(
    functions: Functions, model: Model, config: TrainConfig, steps: int, trained: Any
) -> dict[str, str]:
    """Of each function that is given. `trained` is what the optimiser is given."""
    key, images, labels, logits = batch_of(model, config)
    loss = jax.ShapeDtypeStruct((), jnp.float32)
    found: dict[str, str] = {}
    if functions.optimizer is not None:
        transform = functions.transformation(config, steps)

        def both(params: Any, grads: Any, value: Any) -> Any:
            state = transform.init(params)
            return state, transform.update(grads, state, params, value=value)

        found["optimizer"] = fingerprint(both, trained, trained, loss)
    if (given := functions.loss) is not None:

        def with_gradient(logits: Any, labels: Any) -> Any:
            value, pullback = jax.vjp(lambda x: given(x, labels), logits)
            return value, pullback(jnp.ones_like(value))

        found["loss"] = fingerprint(with_gradient, logits, labels)
    if functions.augment is not None:
        moved = (labels,) if model.per_pixel else ()
        found["augment"] = fingerprint(functions.augment, key, images, *moved)
    if functions.mix is not None:
        found["mix"] = fingerprint(functions.mix, key, images, labels)
    return found
