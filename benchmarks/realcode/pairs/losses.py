"""Losses of optax, jaxopt, keras and rlax against their formulas and each other."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import positive, probabilities, real, whole, zero_one
from benchmarks.realcode.pair import Group, library

optax, jaxopt, keras, rlax = (library(name) for name in ("optax", "jaxopt", "keras", "rlax"))
projection = library("jaxopt.projection")

GROUP = Group("losses", ("optax",))
v, logits, n = real(4), real(3, 5), whole(0, 5, 3)

GROUP.add(
    "optax.l2_loss",
    lambda p, t: optax.l2_loss(p, t),
    equal={
        "formula": lambda p, t: (p - t) ** 2 / 2,
        "rlax": lambda p, t: rlax.l2_loss(p, t),
        "expanded": lambda p, t: 0.5 * (p * p - 2 * p * t + t * t),
    },
    near=lambda p, t: (p - t) ** 2,
    on=[v, v],
)
GROUP.add(
    "optax.huber_loss",
    lambda p, t: optax.huber_loss(p, t, delta=1.0),
    equal={
        "where": lambda p, t: jnp.where(
            jnp.abs(p - t) <= 1, 0.5 * (p - t) ** 2, jnp.abs(p - t) - 0.5
        ),
        "jaxopt": lambda p, t: jax.vmap(jaxopt.loss.huber_loss)(t, p),
        "rlax": lambda p, t: rlax.huber_loss(p - t),
        "clip": lambda p, t: jnp.clip(p - t, -1, 1) * (p - t) - 0.5 * jnp.clip(p - t, -1, 1) ** 2,
    },
    near=lambda p, t: jnp.where(jnp.abs(p - t) <= 1, 0.5 * (p - t) ** 2, jnp.abs(p - t)),
    on=[v, v],
)
GROUP.add(
    "optax.log_cosh",
    lambda p, t: optax.log_cosh(p, t),
    equal={
        "formula": lambda p, t: jnp.log(jnp.cosh(p - t)),
        "keras's": lambda p, t: p - t + jax.nn.softplus(-2 * (p - t)) - jnp.log(2.0),
    },
    near=lambda p, t: p - t + jax.nn.softplus(-2 * (p - t)),
    on=[v, v],
)
GROUP.add(
    "optax.sigmoid_binary_cross_entropy",
    lambda x, y: optax.sigmoid_binary_cross_entropy(x, y),
    equal={
        "tensorflow's": lambda x, y: jnp.maximum(x, 0) - x * y + jnp.log1p(jnp.exp(-jnp.abs(x))),
        "logs": lambda x, y: (
            -y * jnp.log(jax.nn.sigmoid(x)) - (1 - y) * jnp.log(1 - jax.nn.sigmoid(x))
        ),
        "softplus": lambda x, y: jax.nn.softplus(x) - x * y,
        "keras": lambda x, y: keras.ops.binary_crossentropy(y, x, from_logits=True),
    },
    near=lambda x, y: jnp.maximum(x, 0) - x * y + jnp.log1p(jnp.exp(-x)),
    on=[v, v],
)
GROUP.add(
    "optax.sigmoid_binary_cross_entropy of signs",
    lambda x, y: optax.sigmoid_binary_cross_entropy(x, y),
    equal={
        "jaxopt": lambda x, y: jax.vmap(jaxopt.loss.binary_logistic_loss)(y, x),
        "sign": lambda x, y: jax.nn.softplus(-(2 * y - 1) * x),
    },
    near=lambda x, y: jax.nn.softplus((2 * y - 1) * x),
    on=[v, zero_one(4)],
)
GROUP.add(
    "optax.softmax_cross_entropy",
    lambda x, p: optax.softmax_cross_entropy(x, p),
    equal={
        "log of softmax": lambda x, p: -jnp.sum(p * jnp.log(jax.nn.softmax(x)), -1),
        "logsumexp": lambda x, p: jnp.sum(
            p * (jax.nn.logsumexp(x, axis=-1, keepdims=True) - x), -1
        ),
        "einsum": lambda x, p: -jnp.einsum("nc,nc->n", p, jax.nn.log_softmax(x)),
    },
    near=lambda x, p: -jnp.sum(p * jax.nn.log_softmax(x, axis=0), -1),
    on=[logits, real(3, 5)],
)
GROUP.add(
    "optax.softmax_cross_entropy of distributions",
    lambda x, p: optax.softmax_cross_entropy(x, p),
    equal={
        "logsumexp minus dot": lambda x, p: jax.nn.logsumexp(x, axis=-1) - jnp.sum(p * x, -1),
        "keras": lambda x, p: keras.losses.categorical_crossentropy(p, x, from_logits=True),
    },
    near=lambda x, p: jax.nn.logsumexp(x, axis=-1) + jnp.sum(p * x, -1),
    on=[logits, probabilities(3, 5)],
)
GROUP.add(
    "optax.softmax_cross_entropy_with_integer_labels",
    lambda x, n: optax.softmax_cross_entropy_with_integer_labels(x, n),
    equal={
        "one-hot": lambda x, n: -jnp.sum(jax.nn.one_hot(n, 5) * jax.nn.log_softmax(x), -1),
        "take_along_axis": lambda x, n: (
            -jnp.take_along_axis(jax.nn.log_softmax(x), n[:, None], axis=-1)[:, 0]
        ),
        "indexing": lambda x, n: -jax.nn.log_softmax(x)[jnp.arange(3), n],
        "jaxopt": lambda x, n: jax.vmap(jaxopt.loss.multiclass_logistic_loss)(n, x),
        "keras": lambda x, n: keras.ops.sparse_categorical_crossentropy(n, x, from_logits=True),
        "optax, one-hot": lambda x, n: optax.softmax_cross_entropy(x, jax.nn.one_hot(n, 5)),
        "comparison": lambda x, n: jnp.sum(
            jnp.where(n[:, None] == jnp.arange(5), -jax.nn.log_softmax(x), 0), -1
        ),
    },
    near={
        "one class less": lambda x, n: (
            -jnp.sum(jax.nn.one_hot(n, 5)[:, :4] * jax.nn.log_softmax(x)[:, :4], -1)
        ),
        "shifted labels": lambda x, n: optax.softmax_cross_entropy_with_integer_labels(
            x, (n + 1) % 5
        ),
        "no normalisation": lambda x, n: -x[jnp.arange(3), n],
    },
    on=[logits, n],
)
GROUP.add(
    "optax.smooth_labels",
    lambda p: optax.smooth_labels(p, 0.1),
    equal=lambda p: 0.9 * p + 0.02,
    near=lambda p: 0.9 * p + 0.1,
    on=[real(3, 5)],
)
GROUP.add(
    "label smoothing",
    lambda x, n: optax.softmax_cross_entropy(x, optax.smooth_labels(jax.nn.one_hot(n, 5), 0.1)),
    equal=lambda x, n: (
        0.9 * optax.softmax_cross_entropy_with_integer_labels(x, n)
        - 0.1 * jnp.mean(jax.nn.log_softmax(x), -1)
    ),
    near=lambda x, n: (
        0.9 * optax.softmax_cross_entropy_with_integer_labels(x, n)
        - 0.1 * jnp.sum(jax.nn.log_softmax(x), -1)
    ),
    on=[logits, n],
)
GROUP.add(
    "optax.sigmoid_focal_loss",
    lambda x, y: optax.sigmoid_focal_loss(x, y, alpha=0.25, gamma=2.0),
    equal={
        "formula": lambda x, y: jnp.where(
            y == 1,
            -0.25 * (1 - jax.nn.sigmoid(x)) ** 2 * jnp.log(jax.nn.sigmoid(x)),
            -0.75 * jax.nn.sigmoid(x) ** 2 * jnp.log(1 - jax.nn.sigmoid(x)),
        ),
        "product": lambda x, y: (
            (0.25 * y + 0.75 * (1 - y))
            * (1 - jax.nn.sigmoid((2 * y - 1) * x)) ** 2
            * jax.nn.softplus((1 - 2 * y) * x)
        ),
    },
    near=lambda x, y: jnp.where(
        y == 1,
        -0.25 * jax.nn.sigmoid(x) ** 2 * jnp.log(jax.nn.sigmoid(x)),
        -0.75 * jax.nn.sigmoid(x) ** 2 * jnp.log(1 - jax.nn.sigmoid(x)),
    ),
    on=[v, zero_one(4)],
)
GROUP.add(
    "optax.poly_loss_cross_entropy",
    lambda x, p: optax.losses.poly_loss_cross_entropy(x, p, epsilon=2.0),
    equal=lambda x, p: (
        -jnp.sum(p * jax.nn.log_softmax(x), -1) + 2 * (1 - jnp.sum(p * jax.nn.softmax(x), -1))
    ),
    near=lambda x, p: (
        -jnp.sum(p * jax.nn.log_softmax(x), -1) + 2 * jnp.sum(p * jax.nn.softmax(x), -1)
    ),
    on=[logits, probabilities(3, 5)],
)
GROUP.add(
    "optax.hinge_loss",
    lambda x, y: optax.hinge_loss(x, y),
    equal=lambda x, y: jax.nn.relu(1 - x * y),
    near=lambda x, y: jax.nn.relu(1 + x * y),
    on=[v, v],
)
GROUP.add(
    "optax.cosine_similarity",
    lambda a, b: optax.cosine_similarity(a, b),
    equal={
        "formula": lambda a, b: (
            jnp.sum(a * b, -1) / (jnp.linalg.norm(a, axis=-1) * jnp.linalg.norm(b, axis=-1))
        ),
        "rsqrt": lambda a, b: (
            jnp.sum(a * b, -1) * jax.lax.rsqrt(jnp.sum(a * a, -1) * jnp.sum(b * b, -1))
        ),
    },
    near=lambda a, b: jnp.sum(a * b, -1) / jnp.linalg.norm(a, axis=-1),
    on=[real(2, 3), real(2, 3)],
    more=lambda a, b: (jnp.sum(a * a, -1) > 0) & (jnp.sum(b * b, -1) > 0),
)
GROUP.add(
    "optax.kl_divergence",
    lambda lp, t: optax.kl_divergence(lp, t),
    equal=lambda lp, t: jnp.sum(t * jnp.log(t) - t * lp, -1),
    near=lambda lp, t: jnp.sum(jnp.exp(lp) * (lp - jnp.log(t)), -1),
    on=[logits, positive(3, 5)],
)
GROUP.add(
    "optax.generalized_kl_divergence",
    lambda lp, t: optax.losses.generalized_kl_divergence(lp, t),
    equal=lambda lp, t: jnp.sum(jnp.exp(lp) - t + t * (jnp.log(t) - lp), -1),
    near=lambda lp, t: jnp.sum(t * (jnp.log(t) - lp), -1),
    on=[logits, positive(3, 5)],
)
GROUP.add(
    "optax.triplet_margin_loss",
    lambda a, p, q: optax.losses.triplet_margin_loss(a, p, q, margin=1.0, eps=0.0),
    equal=lambda a, p, q: jnp.maximum(
        jnp.linalg.norm(a - p, axis=-1) - jnp.linalg.norm(a - q, axis=-1) + 1, 0
    ),
    near=lambda a, p, q: jnp.maximum(
        jnp.linalg.norm(a - p, axis=-1) - jnp.linalg.norm(p - q, axis=-1) + 1, 0
    ),
    on=[real(2, 3), real(2, 3), real(2, 3)],
)
