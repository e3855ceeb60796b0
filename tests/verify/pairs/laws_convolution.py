"""Laws of convolution, pooling, their gradients, gathers, scatters, dynamic slices and loops."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.verify.pairs.law import Case, f32, i32, law
from tests.verify.pairs.laws_algebra import sizes

Rng = np.random.Generator
NUMBERS = ("NHWC", "HWIO", "NHWC")


def conv(x: Any, w: Any, stride: Any = (1, 1), padding: Any = "VALID", **options: Any) -> Any:
    return lax.conv_general_dilated(x, w, stride, padding, dimension_numbers=NUMBERS, **options)


def shifted(x: Any, w: Any, stride: Any, pads: Any, dilation: Any, order: int = 1) -> Any:
    """A convolution as a sum of strided slices times kernel taps."""
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    out = 0.0
    reach = [(k - 1) * d for k, d in zip(w.shape[:2], dilation, strict=True)]
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            a, b = i * dilation[0], j * dilation[1]
            part = x[:, a : x.shape[1] - reach[0] + a : stride[0]]
            part = part[:, :, b : x.shape[2] - reach[1] + b : stride[1]]
            out = out + part @ w[::order, ::order][i, j]
    return out


@law("convolution")
def by_shifts(rng: Rng) -> Case:
    stride = tuple(int(n) for n in rng.integers(1, 3, 2))
    dilation = tuple(int(n) for n in rng.integers(1, 3, 2))
    pads = tuple(tuple(int(n) for n in rng.integers(0, 3, 2)) for _ in range(2))
    kernel = tuple(int(n) for n in rng.integers(2, 4, 2))
    size = [
        int(rng.integers((k - 1) * d + 2, (k - 1) * d + 5))
        for k, d in zip(kernel, dilation, strict=True)
    ]
    return Case(
        lambda x, w: conv(x, w, stride, pads, rhs_dilation=dilation),
        lambda x, w: shifted(x, w, stride, pads, dilation),
        lambda x, w: shifted(x, w, stride, pads, dilation, -1),
        (f32(1, *size, 2), f32(*kernel, 2, 2)),
    )


@law("convolution")
def grouped(rng: Rng) -> Case:
    groups, per, out = int(rng.integers(2, 4)), int(rng.integers(1, 3)), int(rng.integers(1, 3))

    def split(x: Any, w: Any, order: int = 1) -> Any:
        xs = jnp.split(x, groups, -1)[::order]
        ws = jnp.split(w, groups, -1)
        return jnp.concatenate([conv(a, b) for a, b in zip(xs, ws, strict=True)], -1)

    return Case(
        lambda x, w: conv(x, w, feature_group_count=groups),
        split,
        lambda x, w: split(x, w, -1),
        (f32(1, 4, 4, groups * per), f32(2, 2, per, groups * out)),
    )


@law("convolution")
def strided_is_subsampled(rng: Rng) -> Case:
    s, k = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    size = int(rng.integers(k + s, k + 2 * s))
    return Case(
        lambda x, w: conv(x, w, (s, s)),
        lambda x, w: conv(x, w)[:, ::s, ::s],
        lambda x, w: (
            conv(x[:, 1:, 1:], w)[:, ::s, ::s][:, : (size - k) // s + 1]
            if (size - 1 - k) // s == (size - k) // s
            else -conv(x, w)[:, ::s, ::s]
        ),
        (f32(1, size, size, 2), f32(k, k, 2, 2)),
    )


@law("convolution")
def same_padding_offset(rng: Rng) -> Case:
    """SAME with stride 2: offset 0 for odd sizes, 1 for even ones (odd kernels)."""
    size, k = int(rng.integers(5, 9)), 3
    right = size % 2 == 0
    return Case(
        lambda x, w: conv(x, w, (2, 2), "SAME"),
        lambda x, w: conv(x, w, padding="SAME")[:, int(right) :: 2, int(right) :: 2],
        lambda x, w: jnp.flip(conv(x, w, padding="SAME"), (1, 2))[:, ::2, ::2],
        (f32(1, size, size, 1), f32(k, k, 1, 2)),
    )


@law("convolution")
def transposed_is_the_gradient(rng: Rng) -> Case:
    s, k, n = int(rng.integers(1, 3)), int(rng.integers(2, 4)), int(rng.integers(5, 7))
    out = (n - k) // s + 1
    rest = n - ((out - 1) * s + k)

    def adjoint(g: Any, w: Any) -> Any:
        return jax.vjp(lambda x: conv(x, w, (s, s)), jnp.zeros((1, n, n, 2)))[1](g)[0]

    def direct(g: Any, w: Any, flip: int = -1) -> Any:
        pads = [(k - 1, k - 1 + rest)] * 2
        kernel = w[::flip, ::flip].transpose(0, 1, 3, 2)
        return conv(g, kernel, padding=pads, lhs_dilation=(s, s))

    return Case(
        adjoint, direct, lambda g, w: direct(g, w, 1), (f32(1, out, out, 3), f32(k, k, 2, 3))
    )


@law("convolution")
def kernel_gradient(rng: Rng) -> Case:
    k, n = int(rng.integers(2, 4)), int(rng.integers(4, 6))

    def gradient(x: Any, g: Any) -> Any:
        return jax.vjp(lambda w: conv(x, w), jnp.zeros((k, k, 2, 2)))[1](g)[0]

    def patches(x: Any, g: Any, shift: int = 0) -> Any:
        m = n - k + 1
        rows = [
            [
                jnp.einsum("bijc,bijo->co", x[:, a : a + m, b : b + m], jnp.roll(g, shift, 1))
                for b in range(k)
            ]
            for a in range(k)
        ]
        return jnp.stack([jnp.stack(r) for r in rows])

    return Case(
        gradient,
        patches,
        lambda x, g: patches(x, g, 1),
        (f32(2, n, n, 2), f32(2, n - k + 1, n - k + 1, 2)),
    )


@law("convolution")
def depthwise_by_vmap(rng: Rng) -> Case:
    c = int(rng.integers(2, 4))

    def mapped(x: Any, w: Any) -> Any:
        one = lambda a, b: conv(a[..., None], b[..., None, None])[..., 0]  # noqa: E731
        return jax.vmap(one, (3, 2), 3)(x, w[..., 0, :])

    return Case(
        lambda x, w: conv(x, w, feature_group_count=c),
        mapped,
        lambda x, w: mapped(x, w[..., ::-1]),
        (f32(1, 4, 5, c), f32(2, 3, 1, c)),
    )


@law("pooling")
def pool_and_relu(rng: Rng) -> Case:
    w = int(rng.integers(2, 4))
    size = w * int(rng.integers(2, 4))
    window = (1, w, w, 1)

    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")

    def reshaped(x: Any) -> Any:
        return x.reshape(1, size // w, w, size // w, w, 2).max((2, 4))

    return Case(
        lambda x: pool(jax.nn.relu(x)),
        lambda x: jax.nn.relu(reshaped(x)),
        lambda x: reshaped(x) - jax.nn.relu(x[:, ::w, ::w]),
        (f32(1, size, size, 2),),
    )


@law("pooling")
def separable_maximum(rng: Rng) -> Case:
    w, size, s = int(rng.integers(2, 4)), int(rng.integers(5, 8)), int(rng.integers(1, 3))

    def pool(x: Any, window: Any, stride: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, window, stride, "SAME")

    return Case(
        lambda x: pool(x, (w, w), (s, s)),
        lambda x: pool(pool(x, (w, 1), (s, 1)), (1, w), (1, s)),
        lambda x: pool(pool(x, (w, 1), (s, 1)), (1, w + 1), (1, s)),
        (f32(size, size),),
    )


@law("pooling")
def average_is_a_convolution(rng: Rng) -> Case:
    size, s = int(rng.integers(4, 7)), int(rng.integers(1, 3))
    kernel = np.full((2, 2, 1, 1), 0.25, np.float32)

    def pool(x: Any) -> Any:
        total = lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, s, s, 1), "VALID")
        return total / 4

    return Case(
        pool,
        lambda x: conv(x, kernel, (s, s)),
        lambda x: conv(x, kernel * np.array([[1, 1], [1, 2]], np.float32)[..., None, None], (s, s)),
        (f32(1, size, size, 1),),
    )


@law("pooling")
def pooling_gradient(rng: Rng) -> Case:
    n = int(rng.integers(2, 4))

    def pool(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (2, 2), (2, 2), "VALID")

    def blocks(x: Any) -> Any:
        return x.reshape(n, 2, n, 2).transpose(0, 2, 1, 3).reshape(n, n, 4)

    def argmax(x: Any, g: Any, last: bool = False) -> Any:
        b = blocks(x)
        place = jnp.argmin(b, -1) if last else jnp.argmax(b, -1)
        hot = jax.nn.one_hot(place, 4, dtype=x.dtype) * g[..., None]
        return hot.reshape(n, n, 2, 2).transpose(0, 2, 1, 3).reshape(2 * n, 2 * n)

    return Case(
        lambda x, g: jax.vjp(pool, x)[1](g)[0],
        argmax,
        lambda x, g: argmax(x, g, True),
        (f32(2 * n, 2 * n), f32(n, n)),
    )


@law("indexing")
def gathers(rng: Rng) -> Case:
    n, m = int(rng.integers(3, 6)), int(rng.integers(2, 4))
    rows = rng.integers(0, n, 4)
    return Case(
        lambda x: x[rows],
        lambda x: jnp.eye(n, dtype=x.dtype)[rows] @ x,
        lambda x: x[(rows + 1) % n],
        (f32(n, m),),
    )


@law("indexing")
def scatters(rng: Rng) -> Case:
    n, k = int(rng.integers(3, 6)), int(rng.integers(2, 6))
    rows = rng.integers(0, n, k)
    return Case(
        lambda x, u: x.at[rows].add(u),
        lambda x, u: x + jnp.eye(n, dtype=x.dtype)[rows].T @ u,
        lambda x, u: x + jnp.eye(n, dtype=x.dtype)[rows].T @ u[::-1] * 2,
        (f32(n, 2), f32(k, 2)),
    )


@law("indexing")
def dynamic_slices(rng: Rng) -> Case:
    n, k = int(rng.integers(4, 7)), 2

    def stacked(x: Any, i: Any, clamp: bool = True) -> Any:
        start = jnp.where(i < 0, i + n, i)  # as JAX reads negative starts
        start = jnp.clip(start, 0, n - k) if clamp else start % (n - k)
        return jnp.stack([x[start + j] for j in range(k)])

    return Case(
        lambda x, i: lax.dynamic_slice(x, (i,), (k,)),
        stacked,
        lambda x, i: stacked(x, i, False),
        (f32(n), i32()),
        witness=(jnp.arange(float(n)), jnp.int32(n)),
    )


@law("indexing")
def concatenated(rng: Rng) -> Case:
    a, b = sizes(rng, 2)
    return Case(
        lambda x, y: jnp.concatenate([x, y], 1),
        lambda x, y: jnp.zeros((a, 2 * b)).at[:, :b].set(x).at[:, b:].set(y),
        lambda x, y: jnp.zeros((a, 2 * b)).at[:, :b].set(y).at[:, b:].set(x),
        (f32(a, b), f32(a, b)),
    )


@law("control flow")
def scans(rng: Rng) -> Case:
    n, m = int(rng.integers(3, 6)), int(rng.integers(1, 3))

    def scanned(x: Any, a: Any, reverse: bool = False) -> Any:
        def step(c: Any, row: Any) -> Any:
            c = a * c + row
            return c, c * row

        return lax.scan(step, jnp.zeros(m), x, reverse=reverse)

    def looped(x: Any, a: Any) -> Any:
        c, out = jnp.zeros(m), []
        for row in x:
            c = a * c + row
            out.append(c * row)
        return c, jnp.stack(out)

    return Case(scanned, looped, lambda x, a: scanned(x, a, True), (f32(n, m), f32(m)))


@law("control flow")
def conditionals(rng: Rng) -> Case:
    return Case(
        lambda p, x: lax.cond(p > 0, lambda x: x * 2, lambda x: x - 1, x),
        lambda p, x: jnp.where(p > 0, x + x, x - 1),
        lambda p, x: jnp.where(p > 0, x - 1, x + x),
        (f32(), f32(*sizes(rng, 1))),
    )


@law("control flow")
def while_loops(rng: Rng) -> Case:
    n = int(rng.integers(2, 5))

    def loop(x: Any, steps: int) -> Any:
        return lax.while_loop(
            lambda s: s[0] < steps, lambda s: (s[0] + 1, s[1] * s[1] + x), (0, x)
        )[1]

    def unrolled(x: Any) -> Any:
        y = x
        for _ in range(n):
            y = x + y**2
        return y

    return Case(lambda x: loop(x, n), unrolled, lambda x: loop(x, n + 1), (f32(2),))
