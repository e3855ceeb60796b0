"""Laws of arithmetic, data movement, reductions and matrix products."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.verify.pairs.law import Case, f32, i32, law

Rng = np.random.Generator


def sizes(rng: Rng, rank: int, low: int = 2, high: int = 5) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(low, high + 1, rank))


def dyadic(rng: Rng) -> float:
    """A float that no rounding touches."""
    return float(rng.choice([0.25, 0.5, 1.5, 2.0, 3.0, 5.0, -2.0, -0.5]))


@law("arithmetic")
def distributive(rng: Rng) -> Case:
    shape, c = sizes(rng, 2), dyadic(rng)
    return Case(
        lambda x, y: (x + y) * c,
        lambda x, y: x * c + c * y,
        lambda x, y: x * c + y,
        (f32(*shape), f32(*shape)),
    )


@law("arithmetic")
def binomial(rng: Rng) -> Case:
    n, shape = int(rng.integers(2, 5)), sizes(rng, 1)

    def expanded(x: Any, y: Any, bug: int = 0) -> Any:
        from math import comb

        return sum(
            (comb(n, k) + (bug if k == 1 else 0)) * x**k * y ** (n - k) for k in range(n + 1)
        )

    return Case(
        lambda x, y: (x + y) ** n,
        expanded,
        lambda x, y: expanded(x, y, 1),
        (f32(*shape), f32(*shape)),
    )


@law("arithmetic")
def horner(rng: Rng) -> Case:
    degree = int(rng.integers(2, 6))

    def powers(x: Any, c: Any) -> Any:
        return sum(c[i] * x**i for i in range(degree + 1))

    def nested(x: Any, c: Any, skip: bool = False) -> Any:
        y = jnp.zeros_like(x)
        for i in reversed(range(degree + 1)):
            y = y * x + (0 if skip and i == 1 else c[i])
        return y

    return Case(
        powers, nested, lambda x, c: nested(x, c, True), (f32(*sizes(rng, 1)), f32(degree + 1))
    )


@law("arithmetic")
def fractions(rng: Rng) -> Case:
    shape = sizes(rng, 1)
    examples = tuple(f32(*shape) for _ in range(4))
    return Case(
        lambda a, b, c, d: a / b + c / d,
        lambda a, b, c, d: (a * d + c * b) / (b * d),
        lambda a, b, c, d: (a * d + c * b) / (b + d),
        examples,
    )


@law("integers")
def wrapping(rng: Rng) -> Case:
    c, k = int(rng.integers(2, 9)), int(rng.integers(1, 5))
    return Case(
        lambda x, y: (x + c * y) << k,
        lambda x, y: x * 2**k + y * (c << k),
        lambda x, y: x * 2**k + y * c,
        (i32(3), i32(3)),
    )


@law("integers")
def integer_dot(rng: Rng) -> Case:
    n, k, m = sizes(rng, 3)
    return Case(
        lambda a, b: a @ b,
        lambda a, b: (a[:, :, None] * b[None]).sum(1),
        lambda a, b: (a[:, :, None] * b[None])[:, 1:].sum(1),
        (i32(n, k), i32(k, m)),
    )


@law("movement")
def transposes(rng: Rng) -> Case:
    n = int(rng.integers(2, 5))
    first, second = rng.permutation(3), rng.permutation(3)
    both = tuple(int(first[i]) for i in second)
    return Case(
        lambda x: x.transpose(first).transpose(second),
        lambda x: jnp.einsum("ijk->" + "".join("ijk"[i] for i in both), x),
        lambda x: x.transpose(both[1:] + both[:1]),
        (f32(n, n, n),),
    )


@law("movement")
def flips(rng: Rng) -> Case:
    shape = sizes(rng, 2, 3)
    axis = int(rng.integers(2))
    return Case(
        lambda x: jnp.flip(jnp.flip(x, 0), 1),
        lambda x: x[::-1, ::-1],
        lambda x: jnp.roll(x[::-1, ::-1], 1, axis=axis),
        (f32(*shape),),
    )


@law("movement")
def padding_and_slicing(rng: Rng) -> Case:
    shape = sizes(rng, 2, 3)
    low, high = (int(n) for n in rng.integers(0, 3, 2))
    interior = int(rng.integers(0, 3))
    step = interior + 1

    def padded(x: Any, shift: int = 0) -> Any:
        y = jnp.zeros((shape[0], low + high + (shape[1] - 1) * step + 1))
        start = max(low - shift, 0)
        return y.at[:, start : start + (shape[1] - 1) * step + 1 : step].set(x)

    return Case(
        lambda x: lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (low, high, interior)]),
        padded,
        lambda x: padded(x, 1) if low else padded(x) * 2,
        (f32(*shape),),
    )


@law("movement")
def rolled(rng: Rng) -> Case:
    n, k = int(rng.integers(3, 7)), int(rng.integers(1, 3))
    return Case(
        lambda x: jnp.roll(x, k),
        lambda x: x[(jnp.arange(n) - k) % n],
        lambda x: x[jnp.clip(jnp.arange(n) - k, 0, n - 1)],
        (f32(n),),
    )


@law("movement")
def tiles(rng: Rng) -> Case:
    a, b, r = sizes(rng, 3)
    return Case(
        lambda x: jnp.repeat(x, r, axis=1),
        lambda x: jnp.broadcast_to(x[:, :, None], (a, b, r)).reshape(a, b * r),
        lambda x: jnp.tile(x, (1, r)),
        (f32(a, b),),
    )


@law("reduction")
def summing_order(rng: Rng) -> Case:
    shape = sizes(rng, 3)
    return Case(
        lambda x: x.sum((0, 2)),
        lambda x: x.sum(2).sum(0),
        lambda x: x[1:].sum(2).sum(0),
        (f32(*shape),),
    )


@law("reduction")
def variance(rng: Rng) -> Case:
    a, b = int(rng.choice([2, 4, 8])), int(rng.integers(2, 4))
    return Case(
        lambda x: x.var(0),
        lambda x: (x * x).mean(0) - x.mean(0) ** 2,
        lambda x: (x * x).mean(0) - x.mean(0),
        (f32(a, b),),
    )


@law("reduction")
def products(rng: Rng) -> Case:
    a, b = sizes(rng, 2)
    return Case(
        lambda x: x.prod(1),
        lambda x: lax.fori_loop(0, b, lambda i, p: p * x[:, i], jnp.ones(a)),
        lambda x: lax.fori_loop(1, b, lambda i, p: p * x[:, i], jnp.ones(a)),
        (f32(a, b),),
    )


@law("cumulative")
def running_sums(rng: Rng) -> Case:
    a, b = sizes(rng, 2, 3)
    triangle = np.tril(np.ones((b, b), np.float32))
    return Case(
        lambda x: jnp.cumsum(x, 1),
        lambda x: x @ triangle.T,
        lambda x: x @ triangle,
        (f32(a, b),),
    )


@law("cumulative")
def running_maxima(rng: Rng) -> Case:
    n = int(rng.integers(3, 6))
    return Case(
        lambda x: lax.cummax(x),
        lambda x: jnp.stack([x[: i + 1].max() for i in range(n)]),
        lambda x: jnp.stack([x[: max(i, 1)].max() for i in range(n)]),
        (f32(n),),
    )


@law("dot")
def einsum_orders(rng: Rng) -> Case:
    a, b, c, d = sizes(rng, 4)
    return Case(
        lambda x, y, z: (x @ y) @ z,
        lambda x, y, z: jnp.einsum("ab,bc,cd->ad", x, y, z, optimize=False),
        lambda x, y, z: (x @ y) @ z[::-1],
        (f32(a, b), f32(b, c), f32(c, d)),
    )


@law("dot")
def blocks(rng: Rng) -> Case:
    a, b, c = sizes(rng, 3)
    cut = int(rng.integers(1, b))
    return Case(
        lambda x, y: x @ y,
        lambda x, y: x[:, :cut] @ y[:cut] + x[:, cut:] @ y[cut:],
        lambda x, y: x[:, :cut] @ y[:cut] + x[:, cut:] @ y[cut:] * (1 + 2**-10),
        (f32(a, b), f32(b, c)),
    )


@law("dot")
def batched(rng: Rng) -> Case:
    n, a, b, c = sizes(rng, 4)
    return Case(
        lambda x, y: jnp.einsum("nab,nbc->nac", x, y),
        lambda x, y: jax.vmap(jnp.matmul)(x, y),
        lambda x, y: jnp.stack([x[i] @ y[i - 1] for i in range(n)]),
        (f32(n, a, b), f32(n, b, c)),
    )


@law("fft")
def fourier_shift(rng: Rng) -> Case:
    n = int(rng.choice([4, 6, 8]))
    return Case(
        lambda x: jnp.fft.ifft(jnp.fft.fft(x)).real,
        lambda x: jnp.fft.irfft(jnp.fft.rfft(x), n),
        lambda x: jnp.roll(x, 1),
        (f32(n),),
    )


@law("fft")
def parseval(rng: Rng) -> Case:
    n = int(rng.choice([4, 8]))
    return Case(
        lambda x: (x * x).sum() * n,
        lambda x: (jnp.fft.fft(x).real ** 2 + jnp.fft.fft(x).imag ** 2).sum(),
        lambda x: (jnp.fft.fft(x).real ** 2 - jnp.fft.fft(x).imag ** 2).sum(),
        (f32(n),),
    )
