"""Proposals of linear algebra and Fourier transforms, batches and empty matrices among them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.lax import linalg

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import (
    COMPLEX,
    FLOATS,
    Operand,
    Proposal,
    Source,
    generator,
    like,
)

A = np.eye(2, dtype=np.float32)


def _solvable(r: Source) -> Any:
    return r.dtype(FLOATS[2:], COMPLEX, FLOATS)


@generator("triangular_solve")
def _triangular_solve(r: Source, name: str) -> Proposal:
    """From either side, of either triangle, transposed, conjugated, with ones on the diagonal."""
    n, columns, batch, dtype = r.number(0, 3), r.number(0, 3), r.shape(0, 1, 2), _solvable(r)
    left = r.flag()
    shape = (*batch, n, columns) if left else (*batch, columns, n)
    return r.bind(
        name,
        [Operand((*batch, n, n), dtype, numbers.triangular), Operand(shape, dtype)],
        left_side=left,
        lower=r.flag(),
        transpose_a=r.flag(),
        conjugate_a=r.flag(),
        unit_diagonal=r.flag(),
    )


@generator("cholesky")
def _cholesky(r: Source, name: str) -> Proposal:
    n, batch = r.number(0, 3), r.shape(0, 1, 2)
    operand = Operand((*batch, n, n), _solvable(r), numbers.definite)
    return r.bind(name, [operand], **like(name, linalg.cholesky, A))


_FACTORS = {
    "lu": linalg.lu,
    "qr": linalg.qr,
    "eigh": linalg.eigh,
    "eig": linalg.eig,
    "svd": linalg.svd,
    "schur": linalg.schur,
    "hessenberg": linalg.hessenberg,
    "geqrf": lambda a: jnp.linalg.qr(a, mode="raw"),
}


@generator(*_FACTORS)
def _factors(r: Source, name: str) -> Proposal:
    rows = r.number(0, 3)
    columns = r.number(0, 3) if name in ("lu", "qr", "svd", "geqrf") else rows
    params = like(name, _FACTORS[name], A)
    for key, value in params.items():
        if isinstance(value, bool):
            params[key] = r.flag()
    return r.bind(name, [Operand((*r.shape(0, 1, 2), rows, columns), _solvable(r))], **params)


@generator("householder_product")
def _householder(r: Source, name: str) -> Proposal:
    rows, columns, batch, dtype = r.number(1, 3), r.number(1, 3), r.shape(0, 1, 2), _solvable(r)
    reflectors = Operand((*batch, min(rows, columns)), dtype)
    return r.bind(name, [Operand((*batch, rows, columns), dtype), reflectors])


@generator("fft")
def _fft(r: Source, name: str) -> Proposal:
    """Of one to three axes, of every length, and the real ones of odd lengths."""
    shape, rank = r.shape(1, 3, 6), r.number(1, 3)
    kind = r.one_of(list(lax.FftType))
    lengths = list(shape[-rank:])
    dtype = r.dtype(COMPLEX) if kind.name != "RFFT" else r.dtype(FLOATS[2:])
    if kind.name == "IRFFT":
        lengths[-1] = r.number(
            max(2 * (shape[-1] - 1), 0), 2 * (shape[-1] - 1) + 1 if shape[-1] else 1
        )
    return r.bind(name, [Operand(shape, dtype)], fft_type=kind, fft_lengths=tuple(lengths))
