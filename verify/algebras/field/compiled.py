"""Large matrix products of residues, compiled by XLA: one pass instead of a dozen.

The arithmetic is that of `residues.matmul`, in float64 throughout: every number below is an integer
under 2**53, so all of it is exact. Compiling takes a moment for each new shape, so small products
stay with NumPy.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def matmul(a: np.ndarray, b: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """(rows, B, M, K) x (rows, B, K, N) -> (rows, B, M, N), for K up to 2**18."""
    device = jax.local_devices(backend="cpu")[0]
    out = np.empty((len(moduli), a.shape[1], a.shape[2], b.shape[3]), np.int64)
    with jax.enable_x64(True), jax.default_device(device), jax.ensure_compile_time_eval():
        for row, modulus in enumerate(moduli.tolist()):  # a row at a time: little memory
            out[row] = np.asarray(_row(a[row], b[row], float(modulus)))
    return out


@jax.jit
def _row(a: Any, b: Any, modulus: Any) -> Any:
    half = jnp.int64(0xFFFF)
    a_low, a_high = (a & half).astype(jnp.float64), (a >> 16).astype(jnp.float64)
    b_low, b_high = (b & half).astype(jnp.float64), (b >> 16).astype(jnp.float64)
    precision = jax.lax.Precision.HIGHEST
    low = jnp.matmul(a_low, b_low, precision=precision)
    high = jnp.matmul(a_high, b_high, precision=precision)
    both = jnp.matmul(a_low + a_high, b_low + b_high, precision=precision)
    # high < 2**49, middle < 2**52, low < 2**50 (see residues.matmul).
    total = _remainder(high, modulus) * 65536.0 + (both - low - high)
    total = _remainder(total, modulus) * 65536.0 + low
    return _remainder(total, modulus).astype(jnp.int64)


def _remainder(x: Any, modulus: Any) -> Any:
    """x modulo modulus for integers 0 <= x < 2**53 held in floats: the quotient is off by one at
    most, which the two selections mend."""
    x = x - jnp.floor(x * (1.0 / modulus)) * modulus
    x = jnp.where(x < 0, x + modulus, x)
    return jnp.where(x >= modulus, x - modulus, x)
