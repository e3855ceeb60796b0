"""Normalisations of flax, equinox, haiku and keras against formulas and each other."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import flags, real
from benchmarks.realcode.pair import Group, library

nn, eqx = library("flax.linen"), library("equinox")
haiku, keras = library("haiku"), library("keras")

GROUP = Group("normalisation", ("flax",))
x, c, image = real(3, 4), real(4), real(2, 3, 3, 4)


def layer_norm(scale, bias, x, eps=1e-6):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(var + eps) * scale + bias


def flax_layer_norm(scale, bias, x, **options):
    return nn.LayerNorm(**options).apply({"params": {"scale": scale, "bias": bias}}, x)


def equinox_layer_norm(scale, bias, x, eps=1e-6):
    norm = eqx.nn.LayerNorm(4, eps=eps)
    norm = eqx.tree_at(lambda m: (m.weight, m.bias), norm, (scale, bias))
    return jax.vmap(norm)(x)


def haiku_layer_norm(scale, bias, x):
    def norm(x):
        return haiku.LayerNorm(-1, True, True, eps=1e-6)(x)

    params = {"layer_norm": {"scale": scale, "offset": bias}}
    return haiku.without_apply_rng(haiku.transform(norm)).apply(params, x)


GROUP.add(
    "flax.linen.LayerNorm",
    lambda s, b, x: flax_layer_norm(s, b, x),
    equal={
        "formula": layer_norm,
        "jnp.var and rsqrt": lambda s, b, x: (
            (x - x.mean(-1, keepdims=True))
            * jax.lax.rsqrt(jnp.var(x, -1, keepdims=True) + 1e-6)
            * s
            + b
        ),
        "standardize": lambda s, b, x: jax.nn.standardize(x, epsilon=1e-6) * s + b,
        "equinox": equinox_layer_norm,
        "haiku": haiku_layer_norm,
        "slow variance": lambda s, b, x: flax_layer_norm(s, b, x, use_fast_variance=False),
        "scale before": lambda s, b, x: (
            (x - x.mean(-1, keepdims=True))
            * (s * jax.lax.rsqrt(jnp.var(x, -1, keepdims=True) + 1e-6))
            + b
        ),
    },
    near={
        "epsilon": lambda s, b, x: layer_norm(s, b, x, 1e-5),
        "unbiased variance": lambda s, b, x: (
            (x - x.mean(-1, keepdims=True))
            / jnp.sqrt(jnp.var(x, -1, keepdims=True, ddof=1) + 1e-6)
            * s
            + b
        ),
        "epsilon outside of the root": lambda s, b, x: (
            (x - x.mean(-1, keepdims=True)) / (jnp.std(x, -1, keepdims=True) + 1e-6) * s + b
        ),
        "equinox's epsilon": lambda s, b, x: equinox_layer_norm(s, b, x, 1e-5),
    },
    on=[c, c, x],
)
GROUP.add(
    "equinox.nn.LayerNorm",
    lambda s, b, x: equinox_layer_norm(s, b, x),
    equal={
        "formula": layer_norm,
        "E[x^2] - E[x]^2": lambda s, b, x: (
            (x - x.mean(-1, keepdims=True))
            / jnp.sqrt((x**2).mean(-1, keepdims=True) - x.mean(-1, keepdims=True) ** 2 + 1e-6)
            * s
            + b
        ),
    },
    near=lambda s, b, x: layer_norm(s, b, x) * s,
    on=[c, c, x],
    libraries=["equinox"],
)
GROUP.add(
    "flax.linen.RMSNorm",
    lambda s, x: nn.RMSNorm().apply({"params": {"scale": s}}, x),
    equal={
        "formula": lambda s, x: x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * s,
        "norm": lambda s, x: 2 * x * s / jnp.sqrt(jnp.sum(x * x, -1, keepdims=True) + 4 * 1e-6),
        "equinox": lambda s, x: jax.vmap(
            eqx.tree_at(lambda m: m.weight, eqx.nn.RMSNorm(4, eps=1e-6, use_bias=False), s)
        )(x),
    },
    near={
        "centred": lambda s, x: jax.nn.standardize(x, epsilon=1e-6) * s,
        "gemma's scale": lambda s, x: (
            x * jax.lax.rsqrt((x**2).mean(-1, keepdims=True) + 1e-6) * (1 + s)
        ),
    },
    on=[c, x],
)


def group_norm(s, b, x, groups=2):
    split = x.reshape(2, 9, groups, -1)
    mean = split.mean((1, 3), keepdims=True)
    var = split.var((1, 3), keepdims=True)
    return ((split - mean) / jnp.sqrt(var + 1e-6)).reshape(x.shape) * s + b


GROUP.add(
    "flax.linen.GroupNorm",
    lambda s, b, x: nn.GroupNorm(2).apply({"params": {"scale": s, "bias": b}}, x),
    equal=group_norm,
    near={
        "interleaved": lambda s, b, x: (
            group_norm(1.0, 0.0, x[..., jnp.array([0, 2, 1, 3])])[..., jnp.array([0, 2, 1, 3])] * s
            + b
        ),
        "groups": lambda s, b, x: group_norm(s, b, x, 4),
    },
    on=[c, c, image],
)
GROUP.add(
    "flax.linen.InstanceNorm",
    lambda s, b, x: nn.InstanceNorm().apply({"params": {"scale": s, "bias": b}}, x),
    equal={
        "formula": lambda s, b, x: (
            (x - x.mean((1, 2), keepdims=True)) / jnp.sqrt(x.var((1, 2), keepdims=True) + 1e-6) * s
            + b
        ),
        "groups of one": lambda s, b, x: nn.GroupNorm(num_groups=None, group_size=1).apply(
            {"params": {"scale": s, "bias": b}}, x
        ),
    },
    near=lambda s, b, x: (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-6) * s + b,
    on=[c, c, image],
)


def batch_norm(s, b, m, v, x, train):
    variables = {"params": {"scale": s, "bias": b}, "batch_stats": {"mean": m, "var": v}}
    norm = nn.BatchNorm(use_running_average=not train, momentum=0.9)
    out, new = norm.apply(variables, x, mutable=["batch_stats"])
    return out, new["batch_stats"]["mean"], new["batch_stats"]["var"]


GROUP.add(
    "flax.linen.BatchNorm in training, with its statistics",
    lambda s, b, m, v, x: batch_norm(s, b, m, v, x, True),
    equal=lambda s, b, m, v, x: (
        (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-5) * s + b,
        0.9 * m + 0.1 * x.mean((0, 1, 2)),
        0.9 * v + 0.1 * x.var((0, 1, 2)),
    ),
    near=lambda s, b, m, v, x: (
        (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-5) * s + b,
        0.9 * m + 0.1 * x.mean((0, 1, 2)),
        0.9 * v + 0.1 * x.var((0, 1, 2), ddof=1),
    ),
    on=[c, c, c, c, image],
)
GROUP.add(
    "flax.linen.BatchNorm at test time",
    lambda s, b, m, v, x: batch_norm(s, b, m, v, x, False)[0],
    equal={
        "scale and shift": lambda s, b, m, v, x: (
            x * (s / jnp.sqrt(v + 1e-5)) + (b - m * s / jnp.sqrt(v + 1e-5))
        ),
    },
    near=lambda s, b, m, v, x: x * (s / jnp.sqrt(v + 1e-5)) + (b + m * s / jnp.sqrt(v + 1e-5)),
    on=[c, c, c, c, image],
    more=lambda s, b, m, v, x: v >= 0,
)
GROUP.add(
    "batch norm folded into a convolution",
    lambda k, s, b, m, v, x: batch_norm(
        s, b, m, v, nn.Conv(4, (2, 2), use_bias=False).apply({"params": {"kernel": k}}, x), False
    )[0],
    equal=lambda k, s, b, m, v, x: nn.Conv(4, (2, 2)).apply(
        {
            "params": {
                "kernel": k * (s * jax.lax.rsqrt(v + 1e-5)),
                "bias": b - m * s * jax.lax.rsqrt(v + 1e-5),
            }
        },
        x,
    ),
    near=lambda k, s, b, m, v, x: nn.Conv(4, (2, 2)).apply(
        {"params": {"kernel": k * (s * jax.lax.rsqrt(v + 1e-5)), "bias": b - m * s}}, x
    ),
    on=[real(2, 2, 3, 4), c, c, c, c, real(1, 3, 3, 3)],
    more=lambda k, s, b, m, v, x: v >= 0,
)
GROUP.add(
    "masked mean and variance of flax.linen.LayerNorm",
    lambda x, m: nn.LayerNorm(use_bias=False, use_scale=False).apply({}, x, mask=m),
    equal=lambda x, m: (
        lambda mean: (
            (x - mean) * jax.lax.rsqrt(jnp.mean((x - mean) ** 2, -1, keepdims=True, where=m) + 1e-6)
        )
    )(jnp.mean(x, -1, keepdims=True, where=m)),
    near=lambda x, m: jax.nn.standardize(jnp.where(m, x, 0), epsilon=1e-6),
    on=[x, flags(3, 4)],
    more=lambda x, m: jnp.any(m, -1),
)
GROUP.add(
    "haiku.InstanceNorm",
    lambda x: haiku.without_apply_rng(
        haiku.transform(lambda x: haiku.InstanceNorm(False, False)(x))
    ).apply({}, x),
    equal=lambda x: jax.nn.standardize(x, axis=(1, 2), epsilon=1e-5),
    near=lambda x: jax.nn.standardize(x, axis=(1, 2), epsilon=1e-3),
    on=[image],
    libraries=["haiku"],
)
GROUP.add(
    "jax.nn.standardize",
    lambda x: jax.nn.standardize(x, epsilon=0.0),
    equal={
        "z-score": lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True),
    },
    near=lambda x: (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True, ddof=1),
    on=[x],
    more=lambda x: jnp.var(x, -1) > 0,
    libraries=["jax"],
)
GROUP.add(
    "l2 normalisation",
    lambda x: x / jnp.linalg.norm(x, axis=-1, keepdims=True),
    equal={
        "keras": lambda x: keras.ops.normalize(x),
        "rsqrt": lambda x: x * jax.lax.rsqrt(jnp.sum(jnp.square(x), -1, keepdims=True)),
        "einsum": lambda x: x / jnp.sqrt(jnp.einsum("nc,nc->n", x, x))[:, None],
    },
    near=lambda x: x / jnp.sum(jnp.abs(x), -1, keepdims=True),
    on=[x],
    more=lambda x: jnp.sum(x * x, -1) > 1,
    libraries=["jax"],
)
