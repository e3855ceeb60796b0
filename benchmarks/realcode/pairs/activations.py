"""Activations against their formulas and other libraries' versions."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import between, real
from benchmarks.realcode.pair import Group, library

nn, keras = library("flax.linen"), library("keras")

GROUP = Group("activations", ("jax",))
x = real(5)

GROUP.add(
    "jax.nn.relu",
    lambda x: jax.nn.relu(x),
    equal={
        "mask": lambda x: x * (x > 0),
        "abs": lambda x: (x + jnp.abs(x)) / 2,
        "where": lambda x: jnp.where(x < 0, 0.0, x),
    },
    near={"leaky": lambda x: jnp.where(x < 0, 0.01 * x, x), "abs": lambda x: jnp.abs(x)},
    on=[x],
)
GROUP.add(
    "jax.nn.relu6",
    lambda x: jax.nn.relu6(x),
    equal={
        "clip": lambda x: jnp.clip(x, 0, 6),
        "two relus": lambda x: jax.nn.relu(x) - jax.nn.relu(x - 6),
    },
    near=lambda x: jnp.clip(x, 0, 7),
    on=[x],
)
GROUP.add(
    "jax.nn.leaky_relu",
    lambda x: jax.nn.leaky_relu(x, 0.2),
    equal={
        "max": lambda x: jnp.maximum(x, 0.2 * x),
        "relus": lambda x: jax.nn.relu(x) - 0.2 * jax.nn.relu(-x),
    },
    near=lambda x: jnp.maximum(x, 0.3 * x),
    on=[x],
)
GROUP.add(
    "jax.nn.sigmoid",
    lambda x: jax.nn.sigmoid(x),
    equal={
        "formula": lambda x: 1 / (1 + jnp.exp(-x)),
        "exp on both sides": lambda x: jnp.exp(x) / (jnp.exp(x) + 1),
        "tanh": lambda x: 0.5 * (jnp.tanh(x / 2) + 1),
        "stable": lambda x: jnp.where(
            x >= 0,
            1 / (1 + jnp.exp(-jnp.abs(x))),
            jnp.exp(-jnp.abs(x)) / (1 + jnp.exp(-jnp.abs(x))),
        ),
    },
    near={"no half": lambda x: 0.5 * (jnp.tanh(x) + 1), "sign": lambda x: 1 / (1 + jnp.exp(x))},
    on=[x],
)
GROUP.add(
    "jax.nn.silu",
    lambda x: jax.nn.silu(x),
    equal={
        "formula": lambda x: x / (1 + jnp.exp(-x)),
        "keras": lambda x: keras.ops.silu(x),
        "equinox": lambda x: x * 0.5 * (1 + jnp.tanh(0.5 * x)),
    },
    near=lambda x: x * jax.nn.sigmoid(1.702 * x),
    on=[x],
)
GROUP.add(
    "jax.nn.softplus",
    lambda x: jax.nn.softplus(x),
    equal={
        "log1p": lambda x: jnp.log1p(jnp.exp(x)),
        "stable": lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))),
        "minus log of a sigmoid": lambda x: -jnp.log(jax.nn.sigmoid(-x)),
        "keras": lambda x: keras.ops.softplus(x),
    },
    near=lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-x)),
    on=[x],
)
GROUP.add(
    "jax.nn.log_sigmoid",
    lambda x: jax.nn.log_sigmoid(x),
    equal={
        "softplus": lambda x: -jax.nn.softplus(-x),
        "log": lambda x: jnp.log(jax.nn.sigmoid(x)),
        "minimum": lambda x: jnp.minimum(x, 0) - jnp.log1p(jnp.exp(-jnp.abs(x))),
    },
    near=lambda x: -jax.nn.softplus(x),
    on=[x],
)
GROUP.add(
    "jax.nn.gelu",
    lambda x: jax.nn.gelu(x),
    equal={
        "formula": lambda x: 0.5 * x * (1 + jnp.tanh(jnp.sqrt(2 / jnp.pi) * (x + 0.044715 * x**3))),
        "horner": lambda x: 0.5 * x * (1 + jnp.tanh(0.7978845608 * x * (1 + 0.044715 * x * x))),
        "sigmoid": lambda x: x * jax.nn.sigmoid(2 * jnp.sqrt(2 / jnp.pi) * (x + 0.044715 * x**3)),
        "flax": lambda x: nn.gelu(x, approximate=True),
    },
    near={
        "0.4 for 0.04": lambda x: (
            0.5 * x * (1 + jnp.tanh(jnp.sqrt(2 / jnp.pi) * (x + 0.44715 * x**3)))
        ),
        "quick": lambda x: x * jax.nn.sigmoid(1.702 * x),
        "exact": lambda x: jax.nn.gelu(x, approximate=False),
    },
    on=[x],
)
GROUP.add(
    "jax.nn.gelu exact",
    lambda x: jax.nn.gelu(x, approximate=False),
    equal={
        "erf": lambda x: 0.5 * x * (1 + jax.lax.erf(x / jnp.sqrt(2.0))),
        "normal cdf": lambda x: x * jax.scipy.stats.norm.cdf(x),
        "keras": lambda x: keras.activations.gelu(x),
    },
    near=lambda x: 0.5 * x * (1 + jax.lax.erf(x)),
    on=[x],
)
GROUP.add(
    "jax.nn.elu",
    lambda x: jax.nn.elu(x),
    equal={
        "formula": lambda x: jnp.where(x > 0, x, jnp.exp(x) - 1),
        "max and min": lambda x: jnp.maximum(x, 0) + jnp.minimum(0, jnp.expm1(x)),
        "keras": lambda x: keras.ops.elu(x),
    },
    near=lambda x: jnp.where(x > 0, x, jnp.exp(x)),
    on=[x],
)
GROUP.add(
    "jax.nn.selu",
    lambda x: jax.nn.selu(x),
    equal=lambda x: 1.0507009873554805 * jnp.where(x > 0, x, 1.6732632423543772 * (jnp.exp(x) - 1)),
    near=lambda x: 1.0507009873554805 * jnp.where(x > 0, x, 1.0 * (jnp.exp(x) - 1)),
    on=[x],
)
GROUP.add(
    "jax.nn.celu",
    lambda x: jax.nn.celu(x, 2.0),
    equal=lambda x: jnp.maximum(x, 0) + jnp.minimum(0, 2.0 * (jnp.exp(x / 2.0) - 1)),
    near=lambda x: jnp.maximum(x, 0) + jnp.minimum(0, 2.0 * (jnp.exp(x) - 1)),
    on=[x],
)
GROUP.add(
    "jax.nn.hard_sigmoid",
    lambda x: jax.nn.hard_sigmoid(x),
    equal={
        "clip": lambda x: jnp.clip(x / 6 + 0.5, 0, 1),
        "keras": lambda x: keras.ops.hard_sigmoid(x),
    },
    near=lambda x: jnp.clip(0.2 * x + 0.5, 0, 1),
    on=[x],
)
GROUP.add(
    "jax.nn.hard_swish",
    lambda x: jax.nn.hard_swish(x),
    equal=lambda x: jnp.where(x < -3, 0, jnp.where(x > 3, x, x * (x + 3) / 6)),
    near=lambda x: jnp.where(x < -3, 0, jnp.where(x > 3, x, x * (x + 3) / 5)),
    on=[x],
)
GROUP.add(
    "jax.nn.mish",
    lambda x: jax.nn.mish(x),
    equal={
        "formula": lambda x: x * jnp.tanh(jnp.log1p(jnp.exp(x))),
        "without tanh": lambda x: x * ((1 + jnp.exp(x)) ** 2 - 1) / ((1 + jnp.exp(x)) ** 2 + 1),
    },
    near=lambda x: x * jnp.tanh(jnp.exp(x)),
    on=[x],
)
GROUP.add(
    "jax.nn.squareplus",
    lambda x: jax.nn.squareplus(x, 4.0),
    equal=lambda x: (x + jnp.sqrt(x * x + 4)) / 2,
    near=lambda x: (x + jnp.sqrt(x * x + 1)) / 2,
    on=[x],
)
GROUP.add(
    "jax.nn.soft_sign",
    lambda x: jax.nn.soft_sign(x),
    equal=lambda x: jnp.where(x >= 0, x / (1 + x), x / (1 - x)),
    near=lambda x: x / (1 + x * x),
    on=[x],
)
GROUP.add(
    "jax.nn.glu",
    lambda x: jax.nn.glu(x),
    equal=lambda x: x[:, :3] / (1 + jnp.exp(-x[:, 3:])),
    near=lambda x: x[:, 3:] / (1 + jnp.exp(-x[:, :3])),
    on=[real(2, 6)],
)
GROUP.add(
    "jax.nn.log1mexp",
    lambda x: jax.nn.log1mexp(x),
    equal=lambda x: jnp.log(1 - jnp.exp(-x)),
    near=lambda x: jnp.log(1 + jnp.exp(-x)),
    on=[between(0, 10, 5)],
)
GROUP.add(
    "flax.nnx.PReLU",
    lambda a, x: nn.PReLU().apply({"params": {"negative_slope": a}}, x),
    equal=lambda a, x: jnp.maximum(0, x) + a * jnp.minimum(0, x),
    near=lambda a, x: jnp.maximum(x, a * x),
    on=[real(), x],
    libraries=["flax"],
)
GROUP.add(
    "keras.activations.exponential softsign tanh",
    lambda x: keras.activations.tanh(x) + keras.activations.softsign(x),
    equal=lambda x: (jnp.exp(2 * x) - 1) / (jnp.exp(2 * x) + 1) + x / (jnp.abs(x) + 1),
    near=lambda x: (jnp.exp(x) - 1) / (jnp.exp(x) + 1) + x / (jnp.abs(x) + 1),
    on=[x],
    libraries=["keras"],
)
