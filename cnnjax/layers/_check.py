"""Checks that the layers share: arrays in, clear errors out.

Every message opens with the layer's name and says what was given and what was expected.
TypeError is for the wrong kind of thing (dtype, missing argument), ValueError for a wrong value
or shape.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def array(name: str, what: str, value: Any) -> jax.Array:
    """``value`` as a JAX array; TypeError where it is none."""
    try:
        return jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: {what} must be an array, got {type(value).__name__}") from error


def floating(name: str, what: str, value: Any) -> jax.Array:
    """``value`` as an array of a floating dtype; TypeError for integers."""
    value = array(name, what, value)
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"{name}: {what} must have a floating dtype, got {value.dtype}")
    return value


def wide(dtype: jnp.dtype) -> jnp.dtype:
    """The dtype to sum in: float32 for narrower floats, else ``dtype``."""
    return jnp.dtype(jnp.float32) if jnp.finfo(dtype).bits < 32 else jnp.dtype(dtype)


def same_dtype(name: str, what: str, value: jax.Array, x: jax.Array) -> None:
    """Refuse to promote: parameters are cast by the caller, on purpose, once."""
    if value.dtype != x.dtype:
        raise TypeError(
            f"{name}: {what} is {value.dtype}, x is {x.dtype}; "
            f"cast one of them, e.g. {what}.astype(x.dtype)"
        )


def bias_shape(name: str, bias: jax.Array, channels: int) -> None:
    """A bias has one entry an output channel."""
    if bias.shape != (channels,):
        raise ValueError(f"{name}: bias must have shape ({channels},), got {bias.shape}")


def spatial_axes(name: str, x: jax.Array, spatial: int) -> None:
    """``x`` must end in ``spatial`` image axes and a channel axis."""
    if spatial < 1:
        raise ValueError(f"{name}: spatial must be at least 1, got {spatial}")
    if x.ndim < spatial + 1:
        raise ValueError(
            f"{name}: x needs {spatial} image axes and a channel axis, "
            f"(*batch, {', '.join('HWD'[:spatial])}, C); got shape {x.shape}"
        )
