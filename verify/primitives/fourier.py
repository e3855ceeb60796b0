"""Discrete Fourier transforms: products with the matrices of cos and sin of 2 pi j k / n.

    FFT     X_k = sum_j x_j w**(jk),  w = exp(-2 pi i / n)
    IFFT    x_j = (1/n) sum_k X_k w**(-jk)
    RFFT    the first n // 2 + 1 terms of the FFT of a real x
    IRFFT   the real x of such a half

The algebra gives the cosines and sines (`roots(n)`): exact roots of unity in a finite field, whose
multiplicative group must then have elements of order n and 4 (`transform_lengths`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jax import lax

from verify.algebras.base import Unsupported, V
from verify.algebras.complex import real_dtype
from verify.algebras.pairs import divided, joined
from verify.dtypes import DType
from verify.primitives.registry import Context, flat_index, rule
from verify.programs import Program

_LONGEST = 2048  # the matrix has n * n elements


def transform_lengths(program: Program) -> list[int]:
    """The lengths of all Fourier transforms in the program, loop bodies included.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> transform_lengths(trace(lambda x: jnp.fft.rfft2(x), jnp.zeros((6, 8))))
    [6, 8]
    """
    found: set[int] = set()
    for equation in program.equations:
        if equation.primitive == "fft":
            found.update(int(n) for n in equation.params["fft_lengths"])
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                if isinstance(inner, Program):
                    found.update(transform_lengths(inner))
    return sorted(found)


@rule("fft")
def _fft(ctx: Context[V], x: V, *, fft_type: lax.FftType | str, fft_lengths: Sequence[int]) -> V:
    """Over the last axes, one after another; in RFFT and IRFFT the last axis is the real one."""
    kind = fft_type if isinstance(fft_type, str) else fft_type.name
    if kind not in ("FFT", "IFFT", "RFFT", "IRFFT"):
        raise Unsupported(f"the Fourier transform {kind}")
    lengths = [int(n) for n in fft_lengths]
    axes = list(range(len(x.shape) - len(lengths), len(x.shape)))
    if any(n > _LONGEST for n in lengths):
        raise Unsupported(f"a Fourier transform longer than {_LONGEST}: {lengths}")
    if not all(lengths):
        return ctx.fill(ctx.shape, 0, ctx.dtype)
    ctx.only_numbers(x)  # a product with a matrix: infinity times a sine of zero
    if kind == "RFFT":
        x = _along(ctx, x, axes.pop(), _forward_real, lengths.pop())
    last = (axes.pop(), lengths.pop()) if kind == "IRFFT" else None
    step = _inverse if kind in ("IFFT", "IRFFT") else _forward
    for axis, n in zip(axes, lengths, strict=True):
        x = _along(ctx, x, axis, step, n)
    return x if last is None else _along(ctx, x, last[0], _inverse_real, last[1])


def _along(
    ctx: Context[V], x: V, axis: int, transform: Callable[[Context[V], V, int], V], n: int
) -> V:
    """`transform` of the rows (1, rows, size) that x has along an axis."""
    algebra = ctx.algebra
    rows = np.moveaxis(flat_index(x), axis, -1)
    y = transform(ctx, algebra.pick([x], rows.reshape(1, -1, rows.shape[-1])), n)
    back = flat_index(y).reshape(*rows.shape[:-1], y.shape[-1])
    return algebra.pick([y], np.moveaxis(back, -1, axis))


def _matrices(ctx: Context[V], rows: int, columns: int, n: int, dtype: DType) -> tuple[V, V]:
    """cos and sin of 2 pi j k / n, each (1, rows, columns)."""
    algebra = ctx.algebra
    index = np.outer(np.arange(rows), np.arange(columns))[None] % n
    cos, sin = (algebra.cast(table, dtype) for table in algebra.roots(n))
    return algebra.pick([cos], index), algebra.pick([sin], index)


def _forward(ctx: Context[V], x: V, n: int) -> V:
    cos, sin = _matrices(ctx, n, n, n, real_dtype(x.dtype))
    return ctx.algebra.dot(x, joined(ctx.algebra, cos, ctx.algebra.neg(sin), x.dtype))


def _inverse(ctx: Context[V], x: V, n: int) -> V:
    cos, sin = _matrices(ctx, n, n, n, real_dtype(x.dtype))
    return _divided(ctx, ctx.algebra.dot(x, joined(ctx.algebra, cos, sin, x.dtype)), n)


def _forward_real(ctx: Context[V], x: V, n: int) -> V:
    cos, sin = _matrices(ctx, n, n // 2 + 1, n, x.dtype)
    return ctx.algebra.dot(x, joined(ctx.algebra, cos, ctx.algebra.neg(sin), ctx.dtype))


def _inverse_real(ctx: Context[V], x: V, n: int) -> V:
    """x_j = (1/n) sum_k m_k (Re X_k cos - Im X_k sin); m_k = 2, but 1 for k = 0 and k = n/2, whose
    imaginary parts do not count: their sines are zero."""
    algebra, terms, dtype = ctx.algebra, n // 2 + 1, real_dtype(x.dtype)
    cos, sin = _matrices(ctx, terms, n, n, dtype)
    alone = (np.arange(terms) == 0) | (2 * np.arange(terms) == n)

    def weighted(matrix: V) -> V:
        weights = np.broadcast_to(np.where(alone, 1.0, 2.0)[None, :, None], matrix.shape)
        return algebra.mul(matrix, algebra.lift(np.ascontiguousarray(weights), dtype))

    re, im = divided(x)
    total = algebra.sub(algebra.dot(re, weighted(cos)), algebra.dot(im, weighted(sin)))
    return _divided(ctx, total, n)


def _divided(ctx: Context[V], x: V, n: int) -> V:
    return ctx.algebra.div(x, ctx.fill(x.shape, n, x.dtype))
