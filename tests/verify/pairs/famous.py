"""Rewrites that people really make, each with a planted bug: (name, f, g, bug, examples).

f and g are the same function over the reals; bug differs from f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec


@dataclass(frozen=True)
class Rewrite:
    name: str
    left: Callable[..., Any]
    right: Callable[..., Any]
    bug: Callable[..., Any]
    examples: tuple[Any, ...]


def f32(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def conv(x: Any, w: Any, stride: int = 1, padding: Any = "VALID", **options: Any) -> Any:
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, w, (stride, stride), padding, dimension_numbers=numbers, **options
    )


# -- Strassen's product of two 2x2 block matrices ---------------------------------------------


def strassen(a: Any, b: Any, sign: float = 1.0) -> Any:
    n = a.shape[0] // 2
    (a11, a12), (a21, a22) = ((a[:n, :n], a[:n, n:]), (a[n:, :n], a[n:, n:]))
    (b11, b12), (b21, b22) = ((b[:n, :n], b[:n, n:]), (b[n:, :n], b[n:, n:]))
    m1 = (a11 + a22) @ (b11 + b22)
    m2 = (a21 + a22) @ b11
    m3 = a11 @ (b12 - b22)
    m4 = a22 @ (b21 - b11)
    m5 = (a11 + a12) @ b22
    m6 = (a21 - a11) @ (b11 + b12)
    m7 = (a12 - a22) @ (b21 + sign * b22)
    return jnp.block([[m1 + m4 - m5 + m7, m3 + m5], [m2 + m4, m1 - m2 + m3 + m6]])


# -- Winograd F(2, 3): two outputs of a 3-tap filter from four products --------------------------


def fir(x: Any, w: Any) -> Any:
    return jnp.stack([x[i] * w[0] + x[i + 1] * w[1] + x[i + 2] * w[2] for i in range(2)])


def winograd(x: Any, w: Any, half: float = 0.5) -> Any:
    m1 = (x[0] - x[2]) * w[0]
    m2 = (x[1] + x[2]) * (w[0] + w[1] + w[2]) * half
    m3 = (x[2] - x[1]) * (w[0] - w[1] + w[2]) * 0.5
    m4 = (x[1] - x[3]) * w[2]
    return jnp.stack([m1 + m2 + m3, m2 - m3 - m4])


# -- Convolutions in other words ------------------------------------------------------------------


def circular(x: Any, w: Any) -> Any:
    n = x.shape[0]
    return jnp.stack([sum(x[(i - j) % n] * w[j] for j in range(n)) for i in range(n)])


def by_fft(x: Any, w: Any, conjugate: bool = False) -> Any:
    spectrum = jnp.fft.fft(w)
    spectrum = jnp.conj(spectrum) if conjugate else spectrum
    return jnp.fft.ifft(jnp.fft.fft(x) * spectrum).real


def im2col(x: Any, w: Any, transposed: bool = False) -> Any:
    patches = lax.conv_general_dilated_patches(
        x, w.shape[:2], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    order = (1, 0, 2, 3) if transposed else (2, 0, 1, 3)
    return patches @ w.transpose(order).reshape(-1, w.shape[-1])


def space_to_depth(x: Any, w: Any, swapped: bool = False) -> Any:
    """A stride-2 convolution as a stride-1 convolution over 2x2 blocks of pixels."""
    b, h, wd, c = x.shape
    axes = (0, 1, 3, 4, 2, 5) if swapped else (0, 1, 3, 2, 4, 5)
    blocks = x.reshape(b, h // 2, 2, wd // 2, 2, c).transpose(axes)
    blocks = blocks.reshape(b, h // 2, wd // 2, 4 * c)
    kernel = w.reshape(2, 2, 2, 2, c, -1).transpose(0, 2, 1, 3, 4, 5).reshape(2, 2, 4 * c, -1)
    return conv(blocks, kernel)


def batch_norm(x: Any, w: Any, mean: Any, var: Any, scale: Any, bias: Any) -> Any:
    y = conv(x, w)
    return (y - mean) / jnp.sqrt(var + 1e-5) * scale + bias


def folded(
    x: Any, w: Any, mean: Any, var: Any, scale: Any, bias: Any, epsilon: float = 1e-5
) -> Any:
    factor = scale * lax.rsqrt(var + epsilon)
    return conv(x, w * factor) + (bias - mean * factor)


def composed(x: Any, v: Any, w: Any, flip: bool = True) -> Any:
    """Two convolutions are one, with the full convolution of their kernels."""
    k = w.shape[0] - 1
    inner = v[..., ::-1, :] if not flip else v
    kernel = lax.conv_general_dilated(
        inner.transpose(2, 0, 1, 3),
        w[::-1, ::-1] if flip else w,
        (1, 1),
        [(k, k), (k, k)],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return conv(x, kernel.transpose(1, 2, 0, 3))


# -- Softmax, loops, maps, derivatives, devices --------------------------------------------------


def naive_softmax(x: Any) -> Any:
    e = jnp.exp(x)
    return e / e.sum(-1, keepdims=True)


def stable_softmax(x: Any, axis: int = -1) -> Any:
    e = jnp.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q: Any, k: Any, v: Any, softmax: Any = naive_softmax, scale: float = 0.5) -> Any:
    return softmax(q @ k.T * scale) @ v


def rnn_loop(w: Any, xs: Any, reverse: bool = False) -> Any:
    h = jnp.zeros(w.shape[0])
    out = []
    for t in reversed(range(xs.shape[0])) if reverse else range(xs.shape[0]):
        h = jnp.tanh(w @ h + xs[t])
        out.append(h)
    return jnp.stack(out)


def rnn_scan(w: Any, xs: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = jnp.tanh(w @ h + x)
        return h, h

    return lax.scan(step, jnp.zeros(w.shape[0]), xs)[1]


def dense_relu(w: Any, x: Any) -> Any:
    return jax.nn.relu(x @ w).sum(-1)


@jax.custom_vjp
def swish(x: Any) -> Any:
    return x * jax.nn.sigmoid(x)


@jax.custom_vjp
def swish_bug(x: Any) -> Any:
    return x * jax.nn.sigmoid(x)


def _swish_forward(x: Any) -> Any:
    return swish(x), x


def _swish_backward(x: Any, g: Any) -> Any:
    s = jax.nn.sigmoid(x)
    return (g * (s + x * s * (1 - s)),)


def _swish_backward_bug(x: Any, g: Any) -> Any:
    s = jax.nn.sigmoid(x)
    return (g * (s + x * s * (1 + s)),)


swish.defvjp(_swish_forward, _swish_backward)
swish_bug.defvjp(_swish_forward, _swish_backward_bug)


def gradient(f: Any) -> Any:
    return jax.grad(lambda x: f(x).sum())


def sharded_conv(x: Any, w: Any, halo: int = 1) -> Any:
    """Rows split over two devices; each sends its border rows to its neighbour."""
    mesh = Mesh(np.array(jax.devices()[:2]), ("rows",))

    def local(x: Any, w: Any) -> Any:
        below = lax.ppermute(x[:, :halo], "rows", [(1, 0)])
        above = lax.ppermute(x[:, -halo:], "rows", [(0, 1)])
        padded = jnp.concatenate([above, x, below], axis=1)
        pad = 1 - halo
        return conv(padded, w, padding=[(pad, pad), (1, 1)])

    spec = PartitionSpec(None, "rows")
    return jax.shard_map(local, mesh=mesh, in_specs=(spec, PartitionSpec()), out_specs=spec)(x, w)


def sharded_bug(x: Any, w: Any) -> Any:
    """Forgets the halo: each device pads its own rows with zeros."""
    mesh = Mesh(np.array(jax.devices()[:2]), ("rows",))
    spec = PartitionSpec(None, "rows")
    return jax.shard_map(
        lambda x, w: conv(x, w, padding="SAME"),
        mesh=mesh,
        in_specs=(spec, PartitionSpec()),
        out_specs=spec,
    )(x, w)


REWRITES = (
    Rewrite("Strassen", jnp.matmul, strassen, partial(strassen, sign=-1.0), (f32(4, 4), f32(4, 4))),
    Rewrite("Winograd F(2,3)", fir, winograd, partial(winograd, half=0.25), (f32(4), f32(3))),
    Rewrite("FFT convolution", circular, by_fft, partial(by_fft, conjugate=True), (f32(8), f32(8))),
    Rewrite(
        "im2col",
        conv,
        im2col,
        partial(im2col, transposed=True),
        (f32(1, 5, 5, 3), f32(3, 3, 3, 2)),
    ),
    Rewrite(
        "space to depth",
        partial(conv, stride=2),
        space_to_depth,
        partial(space_to_depth, swapped=True),
        (f32(1, 6, 8, 2), f32(4, 4, 2, 3)),
    ),
    Rewrite(
        "BN folding",
        batch_norm,
        folded,
        partial(folded, epsilon=1e-3),
        (f32(1, 4, 4, 2), f32(3, 3, 2, 3), f32(3), f32(3), f32(3), f32(3)),
    ),
    Rewrite(
        "kernel composition",
        lambda x, v, w: conv(conv(x, v), w),
        composed,
        partial(composed, flip=False),
        (f32(1, 7, 7, 2), f32(3, 3, 2, 3), f32(3, 3, 3, 2)),
    ),
    Rewrite(
        "stable softmax",
        naive_softmax,
        stable_softmax,
        lambda x: jnp.exp(x - x.max(-1, keepdims=True)),
        (f32(3, 5),),
    ),
    Rewrite(
        "attention",
        attention,
        partial(attention, softmax=stable_softmax),
        partial(attention, softmax=stable_softmax, scale=0.25),
        (f32(3, 4), f32(5, 4), f32(5, 2)),
    ),
    Rewrite(
        "scan against loop",
        rnn_loop,
        rnn_scan,
        partial(rnn_loop, reverse=True),
        (f32(3, 3), f32(4, 3)),
    ),
    Rewrite(
        "vmap against batch",
        dense_relu,
        lambda w, x: jax.vmap(lambda row: dense_relu(w, row))(x),
        lambda w, x: jax.vmap(lambda row: dense_relu(w, row), in_axes=0)(x[::-1]),
        (f32(3, 4), f32(5, 3)),
    ),
    Rewrite(
        "custom_vjp against autodiff",
        gradient(lambda x: x * jax.nn.sigmoid(x)),
        gradient(swish),
        gradient(swish_bug),
        (f32(4),),
    ),
    Rewrite(
        "halo exchange",
        partial(conv, padding="SAME"),
        sharded_conv,
        sharded_bug,
        (f32(1, 6, 4, 2), f32(3, 3, 2, 2)),
    ),
)
