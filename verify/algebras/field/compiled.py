"""Large matrix products of residues, compiled by XLA: one pass instead of a dozen.

Everything is float64, and exact: one operand is centred (|a| <= 2**30), the other cut into balanced
limbs, so that every partial sum of products stays within 2**52 whatever the order of summation.
Two limbs of 16 bits allow sums of 128 products, three of 11 bits sums of 4096. Compiling takes a
moment for each new shape, so small products stay with NumPy (`residues.matmul`).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

TERMS = 4096  # the longest dot product

_TWO_LIMBS = 128  # the longest dot product with limbs of 16 bits
_WORKERS = min(8, 2 * (os.cpu_count() or 1))  # twice: they wait for memory in turn


def matmul(a: np.ndarray, b: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """(rows, B, M, K) x (rows, B, K, N) -> (rows, B, M, N), for K up to `TERMS`."""
    device = jax.local_devices(backend="cpu")[0]
    out = np.empty((len(moduli), a.shape[1], a.shape[2], b.shape[3]), np.int64)
    kernel = _row if a.shape[2] >= b.shape[3] else _row_mirrored

    def one(row: int) -> None:
        with jax.enable_x64(True), jax.default_device(device), jax.ensure_compile_time_eval():
            out[row] = np.asarray(kernel(a[row], b[row], float(moduli[row])))

    one(0)  # compiles, which the others then need not do at the same time
    with ThreadPoolExecutor(_WORKERS) as pool:  # a row moves in and out while another multiplies
        list(pool.map(one, range(1, len(moduli))))
    return out


@jax.jit
def _row(a: jax.Array, b: jax.Array, modulus: float) -> jax.Array:
    """One row; the limbs are b's, which has fewer columns than a has rows."""
    terms, columns = b.shape[-2:]
    bits, count = (16, 2) if terms <= _TWO_LIMBS else (11, 3)
    limbs = jnp.concatenate(_limbs(b, bits, count), axis=-1).astype(jnp.float64)
    a = a.astype(jnp.float64)
    a = jnp.where(a > modulus * 0.5, a - modulus, a)
    product = jnp.matmul(a, limbs, precision=jax.lax.Precision.HIGHEST)
    parts = jnp.split(product, count, axis=-1)
    assert parts[0].shape[-1] == columns
    total = _remainder(parts[0], modulus)
    for part in parts[1:]:  # |total * 2**bits| < 2**48, |part| <= 2**52
        total = _remainder(total * float(2**bits) + part, modulus)
    return total.astype(jnp.int64)


@jax.jit
def _row_mirrored(a: jax.Array, b: jax.Array, modulus: float) -> jax.Array:
    """One row; the limbs are a's."""
    mirrored = _row(b.swapaxes(-1, -2), a.swapaxes(-1, -2), modulus)
    return mirrored.swapaxes(-1, -2)


def _limbs(x: jax.Array, bits: int, count: int) -> list[jax.Array]:
    """x = sum of limbs * 2**(bits * position), the highest first; all but it within 2**(bits-1)
    of zero, and it at most 2**(31 - bits * (count - 1)) (31 is the bits of a residue)."""
    limbs = []
    for _ in range(count - 1):
        low = ((x + (1 << (bits - 1))) & ((1 << bits) - 1)) - (1 << (bits - 1))
        limbs.append(low)
        x = (x - low) >> bits
    return [x, *limbs[::-1]]


def _remainder(x: jax.Array, modulus: float) -> jax.Array:
    """x modulo modulus for integers |x| <= 2**53 - 2**32 held in floats: the quotient is off by one
    at most, which the two selections mend."""
    x = x - jnp.floor(x * (1.0 / modulus)) * modulus
    x = jnp.where(x < 0, x + modulus, x)
    return jnp.where(x >= modulus, x - modulus, x)
