"""Gradients of library functions against the formulas that people write by hand."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import between, positive, real, whole, zero_one
from benchmarks.realcode.pair import Group, library

optax, nn, rlax = library("optax"), library("flax.linen"), library("rlax")
distrax = library("distrax")

GROUP = Group("gradients", ("jax",))
x, logits, n = real(4), real(2, 3), whole(0, 3, 2)


def each(f):
    """The derivative of an elementwise function."""
    return jax.vmap(jax.grad(f))


GROUP.add(
    "sigmoid'",
    each(lambda x: jax.nn.sigmoid(x)),
    equal={
        "s (1 - s)": lambda x: jax.nn.sigmoid(x) * (1 - jax.nn.sigmoid(x)),
        "exp": lambda x: jnp.exp(-x) / (1 + jnp.exp(-x)) ** 2,
    },
    near=lambda x: jax.nn.sigmoid(x) * (1 + jax.nn.sigmoid(x)),
    on=[x],
)
GROUP.add(
    "tanh'",
    each(jnp.tanh),
    equal={"1 - t^2": lambda x: 1 - jnp.tanh(x) ** 2, "cosh": lambda x: 1 / jnp.cosh(x) ** 2},
    near=lambda x: 1 - jnp.tanh(x),
    on=[x],
)
GROUP.add(
    "softplus'",
    each(lambda x: jax.nn.softplus(x)),
    equal=lambda x: 1 / (1 + jnp.exp(-x)),
    near=lambda x: jnp.exp(-x) / (1 + jnp.exp(-x)),
    on=[x],
)
GROUP.add(
    "silu'",
    each(lambda x: jax.nn.silu(x)),
    equal=lambda x: jax.nn.sigmoid(x) * (1 + x * (1 - jax.nn.sigmoid(x))),
    near=lambda x: jax.nn.sigmoid(x) * (1 - x * (1 - jax.nn.sigmoid(x))),
    on=[x],
)
GROUP.add(
    "gelu'",
    each(lambda x: jax.nn.gelu(x, approximate=False)),
    equal=lambda x: jax.scipy.stats.norm.cdf(x) + x * jnp.exp(-x * x / 2) / jnp.sqrt(2 * jnp.pi),
    near=lambda x: jax.scipy.stats.norm.cdf(x),
    on=[x],
)
GROUP.add(
    "elu' off zero",
    each(lambda x: jax.nn.elu(x)),
    equal=lambda x: jnp.where(x > 0, 1.0, jnp.exp(x)),
    near=lambda x: jnp.where(x > 0, 1.0, jnp.exp(-x)),
    on=[x],
    more=lambda x: x != 0,
)
GROUP.add(
    "softmax's Jacobian",
    lambda x: jax.jacobian(jax.nn.softmax)(x),
    equal=lambda x: (lambda s: jnp.diag(s) - jnp.outer(s, s))(jax.nn.softmax(x)),
    near=lambda x: (lambda s: jnp.diag(s) + jnp.outer(s, s))(jax.nn.softmax(x)),
    on=[real(3)],
)
GROUP.add(
    "logsumexp's Hessian",
    lambda x: jax.hessian(jax.nn.logsumexp)(x),
    equal=lambda x: (lambda s: jnp.diag(s) - jnp.outer(s, s))(jax.nn.softmax(x)),
    near=lambda x: jnp.diag(jax.nn.softmax(x)),
    on=[real(3)],
)
GROUP.add(
    "the cross entropy's gradient",
    lambda x, n: jax.grad(lambda x: optax.softmax_cross_entropy_with_integer_labels(x, n).mean())(
        x
    ),
    equal={
        "softmax minus one-hot": lambda x, n: (jax.nn.softmax(x) - jax.nn.one_hot(n, 3)) / 2,
        "subtracted in place": lambda x, n: jax.nn.softmax(x).at[jnp.arange(2), n].add(-1) / 2,
    },
    near=lambda x, n: jax.nn.softmax(x) - jax.nn.one_hot(n, 3),
    on=[logits, n],
    libraries=["optax"],
)
GROUP.add(
    "the binary cross entropy's gradient",
    lambda x, y: jax.grad(lambda x: optax.sigmoid_binary_cross_entropy(x, y).sum())(x),
    equal=lambda x, y: jax.nn.sigmoid(x) - y,
    near=lambda x, y: y - jax.nn.sigmoid(x),
    on=[x, x],
    libraries=["optax"],
)
GROUP.add(
    "Huber's gradient",
    lambda x, y: jax.grad(lambda x: optax.huber_loss(x, y).sum())(x),
    equal=lambda x, y: jnp.clip(x - y, -1, 1),
    near=lambda x, y: jnp.sign(x - y),
    on=[x, x],
    more=lambda x, y: (jnp.abs(x - y) != 1) & (x != y),
    libraries=["optax"],
)
GROUP.add(
    "the binary cross entropy's second derivative",
    lambda x, y: jax.vmap(jax.grad(jax.grad(optax.sigmoid_binary_cross_entropy)))(x, y),
    equal=lambda x, y: jax.nn.sigmoid(x) * jax.nn.sigmoid(-x),
    near=lambda x, y: jax.nn.sigmoid(x) * jax.nn.sigmoid(x),
    on=[x, x],
    libraries=["optax"],
)
GROUP.add(
    "mean squared error's gradient",
    lambda w, x, y: jax.grad(lambda w: jnp.mean(optax.l2_loss(x @ w, y)))(w),
    equal={"normal equation": lambda w, x, y: (x.T @ x @ w - x.T @ y) / 3},
    near=lambda w, x, y: (x.T @ x @ w + x.T @ y) / 3,
    on=[real(2), real(3, 2), real(3)],
    libraries=["optax"],
)
GROUP.add(
    "LayerNorm's gradient",
    lambda x, g: jax.vjp(lambda x: nn.LayerNorm(use_bias=False, use_scale=False).apply({}, x), x)[
        1
    ](g)[0],
    equal=lambda x, g: (lambda y, s: (g - g.mean() - y * jnp.mean(g * y)) * s)(
        (x - x.mean()) * jax.lax.rsqrt(jnp.var(x) + 1e-6), jax.lax.rsqrt(jnp.var(x) + 1e-6)
    ),
    near=lambda x, g: (lambda y, s: (g - y * jnp.mean(g * y)) * s)(
        (x - x.mean()) * jax.lax.rsqrt(jnp.var(x) + 1e-6), jax.lax.rsqrt(jnp.var(x) + 1e-6)
    ),
    on=[x, x],
    libraries=["flax"],
)
GROUP.add(
    "max-pooling's gradient, without ties",
    lambda x, g: jax.vjp(lambda x: nn.max_pool(x, (2, 2), (2, 2)), x)[1](g)[0],
    equal={
        "comparison": lambda x, g: (
            (x == jnp.repeat(jnp.repeat(nn.max_pool(x, (2, 2), (2, 2)), 2, 1), 2, 2))
            * jnp.repeat(jnp.repeat(g, 2, 1), 2, 2)
        ),
        "reshape": lambda x, g: jax.vjp(lambda x: x.reshape(1, 1, 2, 2, 2, 1).max((2, 4)), x)[1](g)[
            0
        ],
    },
    near=lambda x, g: jnp.repeat(jnp.repeat(g, 2, 1), 2, 2) / 4,
    on=[real(1, 2, 4, 1), real(1, 1, 2, 1)],
    more=lambda x, g: jnp.all(jnp.diff(jnp.sort(x.ravel())) > 0),
    libraries=["flax"],
)
GROUP.add(
    "the score of a normal",
    lambda m, s, x: jax.grad(lambda m: distrax.Normal(m, s).log_prob(x).sum())(m),
    equal=lambda m, s, x: (x - m) / s**2,
    near=lambda m, s, x: (m - x) / s**2,
    on=[x, positive(4), x],
    libraries=["distrax"],
)
GROUP.add(
    "REINFORCE for a categorical policy",
    lambda x, n, r: jax.grad(lambda x: -jnp.mean(jax.nn.log_softmax(x)[jnp.arange(2), n] * r))(x),
    equal=lambda x, n, r: (jax.nn.softmax(x) - jax.nn.one_hot(n, 3)) * r[:, None] / 2,
    near=lambda x, n, r: (jax.nn.one_hot(n, 3) - jax.nn.softmax(x)) * r[:, None] / 2,
    on=[logits, n, real(2)],
)
GROUP.add(
    "the hinge loss's gradient",
    lambda x, y: jax.grad(lambda x: optax.hinge_loss(x, 2 * y - 1).sum())(x),
    equal=lambda x, y: jnp.where((2 * y - 1) * x < 1, 1 - 2 * y, 0.0),
    near=lambda x, y: jnp.where((2 * y - 1) * x < 1, 2 * y - 1, 0.0),
    on=[x, zero_one(4)],
    more=lambda x, y: jnp.abs(x) != 1,
    libraries=["optax"],
)
GROUP.add(
    "an entropy's gradient",
    lambda x: jax.grad(lambda x: -jnp.sum(jax.nn.softmax(x) * jax.nn.log_softmax(x)))(x),
    equal=lambda x: (lambda p, h: -p * (jnp.log(p) + h))(
        jax.nn.softmax(x), -jnp.sum(jax.nn.softmax(x) * jax.nn.log_softmax(x))
    ),
    near=lambda x: -jax.nn.softmax(x) * jax.nn.log_softmax(x),
    on=[real(3)],
)
GROUP.add(
    "a safe square root's gradient",
    lambda x: each(lambda x: jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0))(x),
    equal=lambda x: jnp.where(x > 0, 0.5 / jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0),
    near=lambda x: 0.5 / jnp.sqrt(jnp.where(x > 0, x, 1.0)),
    on=[x],
)
GROUP.add(
    "logit's derivative",
    each(lambda x: jax.scipy.special.logit(x)),
    equal=lambda x: 1 / x + 1 / (1 - x),
    near=lambda x: 1 / x - 1 / (1 - x),
    on=[between(0, 1, 4)],
)
