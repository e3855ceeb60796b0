"""A function of a library against itself: jit, vmap, checkpoint, scan, loops, other layouts."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.realcode.inputs import between, positive, real, whole
from benchmarks.realcode.pair import Group, library

nn, optax = library("flax.linen"), library("optax")
numpyro, rlax, pix, keras = (
    library(n) for n in ("numpyro.distributions", "rlax", "dm_pix", "keras")
)

GROUP = Group("a function against itself", ("flax",))

FUNCTIONS = {
    "flax.linen.LayerNorm": (
        lambda s, b, x: nn.LayerNorm().apply({"params": {"scale": s, "bias": b}}, x),
        [real(4), real(4), real(3, 4)],
        "flax",
    ),
    "flax.linen.Conv": (
        lambda k, x: nn.Conv(3, (3, 3), strides=2, use_bias=False).apply(
            {"params": {"kernel": k}}, x
        ),
        [real(3, 3, 2, 3), real(3, 5, 5, 2)],
        "flax",
    ),
    "flax.linen.dot_product_attention": (
        lambda q, x: nn.dot_product_attention(q, x, x),
        [real(3, 2, 2, 4), real(3, 2, 2, 4)],
        "flax",
    ),
    "optax.softmax_cross_entropy": (
        lambda x, n: optax.softmax_cross_entropy_with_integer_labels(x, n),
        [real(3, 4), whole(0, 4, 3)],
        "optax",
    ),
    "numpyro.Gamma": (
        lambda a, x: numpyro.Gamma(a, 2.0).log_prob(x),
        [positive(3), positive(3)],
        "numpyro",
    ),
    "dm_pix.rgb_to_hsl": (
        lambda x: pix.rgb_to_hsl(x),
        [between(0, 1, 2, 2, 3)],
        "dm_pix",
    ),
    "rlax.vtrace": (
        lambda v, r: rlax.vtrace(v, v + 1, r, 0.9 * jnp.ones(3), jnp.exp(v)),
        [real(3), real(3)],
        "rlax",
    ),
    "keras.ops.rms_normalization": (
        lambda x: keras.ops.rms_normalization(x),
        [real(3, 4)],
        "keras",
    ),
}

for name, (f, on, owner) in FUNCTIONS.items():
    GROUP.add(
        name,
        f,
        equal={
            "jit": lambda *x, f=f: jax.jit(f)(*x),
            "checkpoint": lambda *x, f=f: jax.checkpoint(f)(*x),
        },
        near={"of x + x^2": lambda *x, f=f: f(*x[:-1], x[-1] + x[-1] ** 2)}
        if name != "optax.softmax_cross_entropy"
        else None,
        on=on,
        libraries=[owner],
    )

for name in (
    "flax.linen.Conv",
    "flax.linen.dot_product_attention",
    "optax.softmax_cross_entropy",
    "numpyro.Gamma",
    "keras.ops.rms_normalization",
):
    f, on, owner = FUNCTIONS[name]
    axes = (None, 0) if name == "flax.linen.Conv" else 0

    def one(*x, f=f, name=name):
        """One example, in a batch of one."""
        first = x[:1] if name == "flax.linen.Conv" else (x[0][None],)
        return f(*first, *(other[None] for other in x[1:]))[0]

    GROUP.add(
        name,
        f,
        equal={
            "vmap": lambda *x, one=one, axes=axes: jax.vmap(one, axes)(*x),
            "one at a time": lambda *x, one=one, axes=axes: jnp.stack(
                [
                    one(*(a if axis is None else a[i] for a, axis in zip(x, axes, strict=True)))
                    if axes
                    else one(*(a[i] for a in x))
                    for i in range(3)
                ]
            ),
        },
        on=on,
        libraries=[owner],
    )


def mlp(w, x):
    for i in range(3):
        x = jnp.tanh(x @ w[i]) + x
    return x


GROUP.add(
    "a residual network",
    mlp,
    equal={
        "scan": lambda w, x: lax.scan(lambda x, w: (jnp.tanh(x @ w) + x, None), x, w)[0],
        "fori_loop": lambda w, x: lax.fori_loop(0, 3, lambda i, x: jnp.tanh(x @ w[i]) + x, x),
        "checkpoint": lambda w, x: jax.checkpoint(mlp)(w, x),
        "scan of checkpoint": lambda w, x: lax.scan(
            jax.checkpoint(lambda x, w: (jnp.tanh(x @ w) + x, None)), x, w
        )[0],
        "while": lambda w, x: lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.tanh(c[1] @ w[c[0]]) + c[1]), (0, x)
        )[1],
    },
    near={
        "backwards": lambda w, x: mlp(w[::-1], x),
        "one layer less": lambda w, x: mlp(w.at[2].set(0), x),
    },
    on=[real(3, 3, 3), real(2, 3)],
    libraries=["jax"],
)
GROUP.add(
    "a residual network's gradient",
    lambda w, x: jax.grad(lambda w: jnp.sum(mlp(w, x) ** 2))(w),
    equal={
        "checkpoint": lambda w, x: jax.grad(lambda w: jnp.sum(jax.checkpoint(mlp)(w, x) ** 2))(w),
        "scan": lambda w, x: jax.grad(
            lambda w: jnp.sum(lax.scan(lambda x, w: (jnp.tanh(x @ w) + x, None), x, w)[0] ** 2)
        )(w),
        "examples in turn": lambda w, x: sum(
            jax.grad(lambda w, i=i: jnp.sum(mlp(w, x[i]) ** 2))(w) for i in range(2)
        ),
        "vmap of gradients": lambda w, x: jnp.sum(
            jax.vmap(lambda x: jax.grad(lambda w: jnp.sum(mlp(w, x) ** 2))(w))(x), 0
        ),
    },
    near=lambda w, x: jax.grad(lambda w: jnp.mean(mlp(w, x) ** 2))(w),
    on=[real(3, 3, 3), real(2, 3)],
    libraries=["jax"],
)
GROUP.add(
    "an associative scan",
    lambda a, b: lax.associative_scan(
        lambda left, right: (left[0] * right[0], right[0] * left[1] + right[1]), (a, b)
    )[1],
    equal=lambda a, b: lax.scan(lambda h, ab: (ab[0] * h + ab[1],) * 2, 0.0, (a, b))[1],
    near=lambda a, b: lax.scan(lambda h, ab: (h + ab[1],) * 2, 0.0, (a, b))[1],
    on=[real(5), real(5)],
    libraries=["jax"],
)
GROUP.add(
    "accumulated gradients",
    lambda w, x, y: jax.grad(lambda w: jnp.mean(optax.l2_loss(x @ w, y)))(w),
    equal=lambda w, x, y: (
        sum(
            jax.grad(lambda w, i=i: jnp.mean(optax.l2_loss(x[i : i + 2] @ w, y[i : i + 2])))(w)
            for i in (0, 2)
        )
        / 2
    ),
    near=lambda w, x, y: sum(
        jax.grad(lambda w, i=i: jnp.mean(optax.l2_loss(x[i : i + 2] @ w, y[i : i + 2])))(w)
        for i in (0, 2)
    ),
    on=[real(3), real(4, 3), real(4)],
    libraries=["optax"],
)
