"""Arrays for the inputs of a program: those of the examples, and random ones."""

from __future__ import annotations

import jax
import numpy as np

from verify.dtypes import is_kind
from verify.programs import Param, Var


def given(leaf: Param) -> np.ndarray | None:
    """A concrete example as an array; of random keys, their words."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return None
    dtype = getattr(leaf, "dtype", None)
    if dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf)


def draw(
    v: Var, rng: np.random.Generator, positive: bool = False, whole: bool = False
) -> np.ndarray:
    """A random array for an input: normal or positive numbers, whole ones from 0 to 2 for integers;
    if `whole` from -2 or 1 to 2, in any dtype."""
    if v.dtype == np.bool_:
        return rng.random(v.shape) < 0.5
    if whole or is_kind(v.dtype, np.integer):
        lowest = 0 if is_kind(v.dtype, np.unsignedinteger) else -2
        least = 0 if not whole else 1 if positive else lowest
        return np.asarray(rng.integers(least, 3, v.shape)).astype(v.dtype)
    drawn = np.asarray(rng.uniform(0.5, 1.5, v.shape) if positive else rng.standard_normal(v.shape))
    if is_kind(v.dtype, np.complexfloating):
        drawn = drawn + 1j * rng.standard_normal(v.shape)
    return np.asarray(drawn).astype(v.dtype)
