"""Single layers of flax.nnx, keras, equinox and haiku against each other and plain jnp."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.realcode.inputs import real, whole
from benchmarks.realcode.pair import Group, library

nn, nnx, eqx, haiku = (library(n) for n in ("flax.linen", "flax.nnx", "equinox", "haiku"))
keras, einops = library("keras"), library("einops")

GROUP = Group("layers", ("flax",))
k, b, x = real(4, 3), real(3), real(2, 4)


def nnx_linear(k, b, x):
    layer = nnx.Linear(4, 3, rngs=nnx.Rngs(0))
    layer.kernel, layer.bias = nnx.Param(k), nnx.Param(b)
    return layer(x)


def equinox_linear(k, b, x):
    layer = eqx.nn.Linear(4, 3, key=jax.random.key(0))
    return jax.vmap(eqx.tree_at(lambda m: (m.weight, m.bias), layer, (k.T, b)))(x)


def haiku_linear(k, b, x):
    net = haiku.without_apply_rng(haiku.transform(lambda x: haiku.Linear(3)(x)))
    return net.apply({"linear": {"w": k, "b": b}}, x)


GROUP.add(
    "flax.nnx.Linear",
    nnx_linear,
    equal={
        "jnp": lambda k, b, x: x @ k + b,
        "equinox": equinox_linear,
        "haiku": haiku_linear,
        "keras": lambda k, b, x: keras.ops.add(keras.ops.matmul(x, k), b),
        "einops": lambda k, b, x: einops.einsum(x, k, "n i, i o -> n o") + b,
        "vmap of dot": lambda k, b, x: jax.vmap(lambda x: jnp.dot(k.T, x) + b)(x),
        "augmented": lambda k, b, x: (
            jnp.concatenate([x, jnp.ones((2, 1))], 1) @ jnp.concatenate([k, b[None]])
        ),
    },
    near={
        "bias subtracted": lambda k, b, x: x @ k - b,
        "bias twice": lambda k, b, x: x @ k + 2 * b,
    },
    on=[k, b, x],
    libraries=["flax", "equinox", "haiku", "keras", "einops"],
)


def nnx_conv(k, x, **options):
    layer = nnx.Conv(2, 3, (3, 3), use_bias=False, rngs=nnx.Rngs(0), **options)
    layer.kernel = nnx.Param(k)
    return layer(x)


def haiku_conv(k, x):
    net = haiku.without_apply_rng(haiku.transform(lambda x: haiku.Conv2D(3, 3, with_bias=False)(x)))
    return net.apply({"conv2_d": {"w": k}}, x)


def patches(k, x):
    """Image to columns, and one matrix product."""
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = jnp.stack([padded[:, i : i + 4, j : j + 4] for i in range(3) for j in range(3)], 3)
    return jnp.einsum("bhwtc,tcd->bhwd", rows, k.reshape(9, 2, 3))


def fourier(k, x):
    """The convolution theorem."""
    shape = (6, 6)
    one = jnp.fft.rfft2(x, shape, axes=(1, 2))
    two = jnp.fft.rfft2(k[::-1, ::-1], shape, axes=(0, 1))
    full = jnp.fft.irfft2(jnp.einsum("bhwc,hwcd->bhwd", one, two), shape, axes=(1, 2))
    return full[:, 1:5, 1:5]


GROUP.add(
    "flax.nnx.Conv",
    nnx_conv,
    equal={
        "haiku": haiku_conv,
        "keras": lambda k, x: keras.ops.conv(x, k, padding="same"),
        "patches": patches,
        "equinox": lambda k, x: jax.vmap(
            eqx.tree_at(
                lambda m: m.weight,
                eqx.nn.Conv2d(2, 3, 3, padding=1, use_bias=False, key=jax.random.key(0)),
                k.transpose(3, 2, 0, 1),
            )
        )(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
        "Fourier transform": fourier,
        "channels first": lambda k, x: lax.conv(
            x.transpose(0, 3, 1, 2), k.transpose(3, 2, 0, 1), (1, 1), "SAME"
        ).transpose(0, 2, 3, 1),
    },
    near={
        "flipped": lambda k, x: nnx_conv(k[::-1, ::-1], x),
        "transposed": lambda k, x: nnx_conv(k.transpose(1, 0, 2, 3), x),
        "circular": lambda k, x: nnx_conv(k, x, padding="CIRCULAR"),
    },
    on=[real(3, 3, 2, 3), real(1, 4, 4, 2)],
    libraries=["flax", "haiku", "keras", "equinox"],
)
GROUP.add(
    "flax.nnx.Conv, circular",
    lambda k, x: nnx_conv(k, x, padding="CIRCULAR"),
    equal={
        "wrapped": lambda k, x: nnx_conv(
            k, jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap"), padding="VALID"
        ),
        "rolls": lambda k, x: sum(
            jnp.roll(x, (1 - i, 1 - j), (1, 2)) @ k[i, j] for i in range(3) for j in range(3)
        ),
    },
    near=lambda k, x: sum(
        jnp.roll(x, (i - 1, j - 1), (1, 2)) @ k[i, j] for i in range(3) for j in range(3)
    ),
    on=[real(3, 3, 2, 3), real(1, 4, 4, 2)],
)
GROUP.add(
    "flax.nnx.Conv, strided",
    lambda k, x: nnx_conv(k, x, strides=2, padding="VALID"),
    equal={"every other": lambda k, x: nnx_conv(k, x, padding="VALID")[:, ::2, ::2]},
    near=lambda k, x: nnx_conv(k, x, strides=2),
    on=[real(3, 3, 2, 3), real(1, 5, 5, 2)],
)
GROUP.add(
    "a depthwise separable convolution",
    lambda d, p, x: nn.Conv(3, (1, 1), use_bias=False).apply(
        {"params": {"kernel": p}},
        nn.Conv(2, (3, 3), feature_group_count=2, use_bias=False).apply(
            {"params": {"kernel": d}}, x
        ),
    ),
    equal={
        "one kernel": lambda d, p, x: nnx_conv(jnp.einsum("hwc,co->hwco", d[:, :, 0], p[0, 0]), x),
        "keras": lambda d, p, x: keras.ops.separable_conv(
            x, d.transpose(0, 1, 3, 2), p, padding="same"
        ),
    },
    near=lambda d, p, x: nnx_conv(jnp.einsum("hwc,co->hwco", d[:, :, 0, ::-1], p[0, 0]), x),
    on=[real(3, 3, 1, 2), real(1, 1, 2, 3), real(1, 4, 4, 2)],
    libraries=["flax", "keras"],
)
GROUP.add(
    "a 1x1 convolution",
    lambda k, x: nn.Conv(3, (1, 1), use_bias=False).apply({"params": {"kernel": k}}, x),
    equal={
        "dense": lambda k, x: nn.Dense(3, use_bias=False).apply({"params": {"kernel": k[0, 0]}}, x),
        "einsum": lambda k, x: jnp.einsum("bhwc,cd->bhwd", x, k[0, 0]),
    },
    near=lambda k, x: jnp.einsum("bhwc,cd->bwhd", x, k[0, 0]),
    on=[real(1, 1, 2, 3), real(1, 3, 3, 2)],
)
GROUP.add(
    "squeeze and excite",
    lambda a, b, x: x * jax.nn.sigmoid(jax.nn.relu(x.mean((1, 2)) @ a) @ b)[:, None, None],
    equal={
        "flax": lambda a, b, x: (
            x
            * nn.Sequential(
                [nn.Dense(2, use_bias=False), nn.relu, nn.Dense(4, use_bias=False), nn.sigmoid]
            ).apply(
                {"params": {"layers_0": {"kernel": a}, "layers_2": {"kernel": b}}},
                nn.avg_pool(x, (3, 3)),
            )
        ),
    },
    near=lambda a, b, x: x * jax.nn.sigmoid(jax.nn.relu(x.sum((1, 2)) @ a) @ b)[:, None, None],
    on=[real(4, 2), real(2, 4), real(1, 3, 3, 4)],
    libraries=["flax"],
)
GROUP.add(
    "a gated unit (SwiGLU)",
    lambda w, v, o, x: (nn.silu(x @ w) * (x @ v)) @ o,
    equal={
        "fused": lambda w, v, o, x: (
            lambda h: (h[:, :4] / (1 + jnp.exp(-h[:, :4])) * h[:, 4:]) @ o
        )(x @ jnp.concatenate([w, v], 1)),
        "glu": lambda w, v, o, x: (
            lambda h: (jax.nn.glu(jnp.concatenate([h * (x @ v), h], 1))) @ o
        )(x @ w),
    },
    near=lambda w, v, o, x: (nn.silu(x @ v) * (x @ w)) @ o,
    on=[real(3, 4), real(3, 4), real(4, 3), real(2, 3)],
    libraries=["flax"],
)
GROUP.add(
    "flax.nnx.LoRA",
    lambda k, a, b, x: nnx_linear(k, jnp.zeros(3), x) + x @ a @ b,
    equal={"merged": lambda k, a, b, x: x @ (k + a @ b)},
    near={"scaled": lambda k, a, b, x: x @ (k + 0.5 * a @ b)},
    on=[k, real(4, 2), real(2, 3), x],
)
GROUP.add(
    "a top-1 mixture of experts",
    lambda g, w, x: jnp.einsum(
        "te,teo->to", jax.nn.one_hot(jnp.argmax(x @ g, -1), 2), jnp.einsum("ti,eio->teo", x, w)
    ),
    equal={
        "gathered weights": lambda g, w, x: jnp.einsum("ti,tio->to", x, w[jnp.argmax(x @ g, -1)]),
        "where": lambda g, w, x: jnp.where(
            (jnp.argmax(x @ g, -1) == 0)[:, None], x @ w[0], x @ w[1]
        ),
        "switch": lambda g, w, x: jax.vmap(
            lambda x: lax.switch(jnp.argmax(x @ g), [lambda x: x @ w[0], lambda x: x @ w[1]], x)
        )(x),
    },
    near=lambda g, w, x: jnp.einsum(
        "te,teo->to", jax.nn.softmax(x @ g), jnp.einsum("ti,eio->teo", x, w)
    ),
    on=[real(3, 2), real(2, 3, 2), real(2, 3)],
    libraries=["jax"],
)
GROUP.add(
    "sinusoidal positions",
    lambda x: (
        x
        + jnp.array(
            [
                [f(t / 10000 ** (2 * i / 4)) for i in range(2) for f in (jnp.sin, jnp.cos)]
                for t in range(3)
            ]
        )
    ),
    equal=lambda x: (
        x
        + jnp.stack(
            [
                jnp.sin(
                    jnp.arange(3)[:, None] * jnp.exp(-jnp.log(10000.0) * jnp.arange(0, 4, 2) / 4)
                ),
                jnp.cos(
                    jnp.arange(3)[:, None] * jnp.exp(-jnp.log(10000.0) * jnp.arange(0, 4, 2) / 4)
                ),
            ],
            -1,
        ).reshape(3, 4)
    ),
    near=lambda x: (
        x
        + jnp.concatenate(
            [
                jnp.sin(jnp.arange(3)[:, None] / jnp.array([1.0, 100.0])),
                jnp.cos(jnp.arange(3)[:, None] / jnp.array([1.0, 100.0])),
            ],
            -1,
        )
    ),
    on=[real(3, 4)],
    libraries=["jax"],
)
GROUP.add(
    "keras.ops.one_hot and a bag of words",
    lambda n: keras.ops.sum(keras.ops.one_hot(n, 5), 0),
    equal={
        "bincount": lambda n: jnp.bincount(n, length=5) * 1.0,
        "scatter": lambda n: jnp.zeros(5).at[n].add(1),
        "comparison": lambda n: jnp.sum(n[:, None] == jnp.arange(5), 0) * 1.0,
    },
    near=lambda n: jnp.zeros(5).at[n].set(1),
    on=[whole(0, 5, 4)],
    libraries=["keras"],
)
