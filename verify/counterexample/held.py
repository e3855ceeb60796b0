"""Numbers as the inputs' own dtypes can hold them.

A counterexample is reported as arrays of the programs' input dtypes, so it is looked for, shrunk
and confirmed at such numbers only: what lies between two floats of bfloat16 is no input of a
program of bfloat16.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from verify.dtypes import DType, is_kind, limits
from verify.programs import Var


def fit(v: Var, number: ArrayLike) -> np.ndarray:
    """The nearest numbers that the variable's dtype can hold; 0 for floats out of its range
    (1 where the format has no zero, as float8_e8m0fnu).

    Floats are held as float64 and complex numbers as complex128, which contain those of every
    dtype; integers and booleans as what they are.

    >>> import jax.numpy as jnp
    >>> fit(Var((), jnp.dtype("bfloat16")), 0.1).item()
    0.10009765625
    >>> fit(Var((2,), np.dtype(np.int8)), np.array([300.0, -1.4])).tolist()
    [127, -1]
    """
    array = np.asarray(number)
    if v.dtype == np.bool_:
        return np.asarray(array != 0)
    if is_kind(v.dtype, np.integer):
        if array.dtype == v.dtype:
            return array
        least, most = limits(v.dtype)
        if array.dtype.kind in "iu":  # through floats, wide ones would be rounded
            low, high = (
                max(least, int(np.iinfo(array.dtype).min)),
                min(most, int(np.iinfo(array.dtype).max)),
            )
            return np.asarray(np.clip(array, low, high)).astype(v.dtype)
        top = float(most) if int(float(most)) == most else float(np.nextafter(float(most), 0))
        whole = np.rint(np.asarray(array, np.float64))
        return np.asarray(np.clip(np.nan_to_num(whole), float(least), top)).astype(v.dtype)
    wide: type[np.complex128] | type[np.float64] = (
        np.complex128 if is_kind(v.dtype, np.complexfloating) else np.float64
    )
    with np.errstate(over="ignore", invalid="ignore"):
        kept = np.asarray(array).astype(wide).astype(v.dtype).astype(wide)
    return np.asarray(np.where(np.isfinite(kept), kept, _instead(v.dtype)))


@functools.cache
def _instead(dtype: DType) -> float:
    """What stands for a number out of a format's range: 0, or 1 where the format has no zero."""
    with np.errstate(invalid="ignore"):
        return 0.0 if np.isfinite(np.asarray(0.0).astype(dtype).astype(np.complex128)) else 1.0


def held(variables: Sequence[Var], inputs: Sequence[ArrayLike]) -> list[np.ndarray]:
    """Inputs of a program, each as its variable's dtype can hold it."""
    return [fit(v, array) for v, array in zip(variables, inputs, strict=True)]


def own(variables: Sequence[Var], inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The same in the dtypes themselves: what is reported, and what JAX is given."""
    return [np.asarray(array).astype(v.dtype) for v, array in zip(variables, inputs, strict=True)]
