"""Rarer losses, and the losses as training loops reduce them: masks, weights, means, metrics."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import flags, positive, probabilities, real, whole, zero_one
from benchmarks.realcode.pair import Group, library

optax, jaxopt, keras, pix = (library(name) for name in ("optax", "jaxopt", "keras", "dm_pix"))
losses = library("optax.losses")

GROUP = Group("losses and metrics", ("optax",))
logits, n = real(4, 3), whole(0, 3, 4)


def picked(x, n):
    return -jnp.take_along_axis(jax.nn.log_softmax(x), n[:, None], -1)[:, 0]


GROUP.add(
    "masked mean of a loss",
    lambda x, n, m: jnp.mean(optax.softmax_cross_entropy_with_integer_labels(x, n), where=m),
    equal={
        "sum over count": lambda x, n, m: jnp.sum(picked(x, n) * m) / jnp.sum(m),
        "where": lambda x, n, m: jnp.where(m, picked(x, n), 0).sum() / m.sum(),
        "count of at least one": lambda x, n, m: (
            jnp.sum(picked(x, n) * m) / jnp.maximum(jnp.sum(m), 1)
        ),
    },
    near=lambda x, n, m: jnp.mean(picked(x, n) * m),
    on=[logits, n, flags(4)],
    more=lambda x, n, m: jnp.any(m),
)
GROUP.add(
    "padded tokens ignored",
    lambda x, n: (
        jnp.where(n == 0, 0, optax.softmax_cross_entropy_with_integer_labels(x, n)).sum()
        / (n != 0).sum()
    ),
    equal=lambda x, n: (
        -jnp.sum(jax.nn.one_hot(n, 3)[:, 1:] * jax.nn.log_softmax(x)[:, 1:]) / jnp.sum(jnp.sign(n))
    ),
    near=lambda x, n: -jnp.sum(jax.nn.one_hot(n, 3) * jax.nn.log_softmax(x)) / jnp.sum(jnp.sign(n)),
    on=[logits, n],
    more=lambda x, n: jnp.any(n != 0),
)
GROUP.add(
    "weighted classes",
    lambda x, n, w: (
        jnp.sum(w[n] * optax.softmax_cross_entropy_with_integer_labels(x, n)) / jnp.sum(w[n])
    ),
    equal=lambda x, n, w: (
        -jnp.sum(jax.nn.one_hot(n, 3) * w * jax.nn.log_softmax(x))
        / jnp.sum(jax.nn.one_hot(n, 3) @ w)
    ),
    near=lambda x, n, w: -jnp.mean(jnp.sum(jax.nn.one_hot(n, 3) * w * jax.nn.log_softmax(x), -1)),
    on=[logits, n, positive(3)],
)
GROUP.add(
    "positive weight of a binary loss",
    lambda x, y: jnp.mean(jnp.where(y > 0, 3.0, 1.0) * optax.sigmoid_binary_cross_entropy(x, y)),
    equal={
        "torch's": lambda x, y: jnp.mean(
            (1 - y) * x + (1 + 2 * y) * (jnp.log1p(jnp.exp(-jnp.abs(x))) + jax.nn.relu(-x))
        ),
        "logs": lambda x, y: (
            -jnp.mean(3 * y * jax.nn.log_sigmoid(x) + (1 - y) * jax.nn.log_sigmoid(-x))
        ),
    },
    near=lambda x, y: -jnp.mean(y * jax.nn.log_sigmoid(x) + 3 * (1 - y) * jax.nn.log_sigmoid(-x)),
    on=[real(4), zero_one(4)],
)
GROUP.add(
    "accuracy",
    lambda x, n: jnp.mean(jnp.argmax(x, -1) == n),
    equal={
        "one-hot": lambda x, n: jnp.mean(
            jnp.sum(jax.nn.one_hot(jnp.argmax(x, -1), 3) * jax.nn.one_hot(n, 3), -1)
        ),
        "of probabilities": lambda x, n: jnp.mean(jnp.argmax(jax.nn.softmax(x), -1) == n),
    },
    near=lambda x, n: jnp.mean(jnp.argmin(x, -1) == n),
    on=[logits, n],
)
GROUP.add(
    "keras.metrics f1",
    lambda p, y: (
        lambda tp, fp, fn: (
            2 * (tp / (tp + fp)) * (tp / (tp + fn)) / (tp / (tp + fp) + tp / (tp + fn))
        )
    )(jnp.sum(p * y), jnp.sum(p * (1 - y)), jnp.sum((1 - p) * y)),
    equal=lambda p, y: 2 * jnp.sum(p * y) / (jnp.sum(p) + jnp.sum(y)),
    near=lambda p, y: jnp.sum(p * y) / (jnp.sum(p) + jnp.sum(y)),
    on=[probabilities(5), probabilities(5)],
    libraries=["jax"],
)
GROUP.add(
    "optax.kl_divergence_with_log_targets",
    lambda lp, lt: losses.kl_divergence_with_log_targets(lp, lt),
    equal=lambda lp, lt: jnp.sum(jnp.exp(lt) * lt, -1) - jnp.sum(jnp.exp(lt) * lp, -1),
    near=lambda lp, lt: jnp.sum(jnp.exp(lp) * (lp - lt), -1),
    on=[logits, logits],
)
GROUP.add(
    "optax.multiclass_hinge_loss",
    lambda x, n: losses.multiclass_hinge_loss(x, n),
    equal=lambda x, n: jnp.max(x + 1 - jax.nn.one_hot(n, 3)) - jnp.sum(x * jax.nn.one_hot(n, 3)),
    near=lambda x, n: jnp.max(x + 1) - jnp.sum(x * jax.nn.one_hot(n, 3)),
    on=[real(3), whole(0, 3)],
)
GROUP.add(
    "optax.multiclass_perceptron_loss",
    lambda x, n: losses.multiclass_perceptron_loss(x, n),
    equal={
        "gather": lambda x, n: jnp.max(x) - x[n],
        "jaxopt": lambda x, n: jaxopt.loss.multiclass_perceptron_loss(n, x),
    },
    near=lambda x, n: jnp.max(x) - jnp.min(x),
    on=[real(3), whole(0, 3)],
)
GROUP.add(
    "optax.sparsemax_loss",
    lambda x, y: losses.sparsemax_loss(x, y),
    equal=lambda x, y: (lambda z: jnp.where(z <= -1, 0, jnp.where(z >= 1, z, (z + 1) ** 2 / 4)))(
        -(2 * y - 1) * x
    ),
    near=lambda x, y: (lambda z: jnp.where(z <= -1, 0, jnp.where(z >= 1, z, (z + 1) ** 2 / 2)))(
        -(2 * y - 1) * x
    ),
    on=[real(3), zero_one(3)],
)
GROUP.add(
    "optax.ranking_softmax_loss",
    lambda x, y: losses.ranking_softmax_loss(x, y),
    equal=lambda x, y: jnp.sum(y) * jax.nn.logsumexp(x) - jnp.dot(y, x),
    near=lambda x, y: jax.nn.logsumexp(x) - jnp.dot(y, x),
    on=[real(4), positive(4)],
)
GROUP.add(
    "optax.safe_softmax_cross_entropy",
    lambda x, p: optax.safe_softmax_cross_entropy(x, p),
    equal=lambda x, p: optax.softmax_cross_entropy(x, p),
    near=lambda x, p: jnp.mean(-p * jax.nn.log_softmax(x), -1),
    on=[logits, probabilities(4, 3)],
)
GROUP.add(
    "keras.losses.kl_divergence",
    lambda p, q: jnp.sum(p * jnp.log(p / q), -1),
    equal={
        "logs": lambda p, q: jnp.sum(p * (jnp.log(p) - jnp.log(q)), -1),
        "rel_entr": lambda p, q: jnp.sum(jax.scipy.special.rel_entr(p, q), -1),
        "kl_div": lambda p, q: jnp.sum(jax.scipy.special.kl_div(p, q), -1),
        "cross entropy": lambda p, q: (
            -jnp.sum(p * jnp.log(q), -1) - jnp.sum(jax.scipy.special.entr(p), -1)
        ),
    },
    near=lambda p, q: jnp.sum(q * jnp.log(q / p), -1),
    on=[probabilities(2, 4), probabilities(2, 4)],
    libraries=["jax"],
)
GROUP.add(
    "keras.losses.poisson",
    lambda t, p: keras.losses.poisson(t, p),
    equal=lambda t, p: jnp.mean(p - t * jnp.log(p + 1e-7), -1),
    near=lambda t, p: jnp.mean(p - t * jnp.log(p + 1e-3), -1),
    on=[positive(2, 3), positive(2, 3)],
    libraries=["keras"],
)
GROUP.add(
    "keras.losses.mean_squared_error",
    lambda t, p: jnp.mean(keras.losses.mean_squared_error(t, p)),
    equal={
        "dm_pix": lambda t, p: pix.mse(t, p) if t.ndim > 2 else jnp.mean(jnp.square(p - t)),
        "norm": lambda t, p: jnp.linalg.norm(t - p) ** 2 / t.size,
        "dot": lambda t, p: jnp.vdot(t - p, t - p) / 6,
        "variance and bias": lambda t, p: jnp.var(t - p) + jnp.mean(t - p) ** 2,
    },
    near=lambda t, p: jnp.var(t - p),
    on=[real(2, 3), real(2, 3)],
    libraries=["keras"],
)
GROUP.add(
    "perplexity",
    lambda x, n: jnp.exp(jnp.mean(optax.softmax_cross_entropy_with_integer_labels(x, n))),
    equal=lambda x, n: jnp.prod(jnp.exp(picked(x, n))) ** (1 / 4),
    near=lambda x, n: jnp.mean(jnp.exp(picked(x, n))),
    on=[logits, n],
)
GROUP.add(
    "contrastive loss of CLIP",
    lambda a, b: (
        (
            optax.softmax_cross_entropy_with_integer_labels(a @ b.T, jnp.arange(3)).mean()
            + optax.softmax_cross_entropy_with_integer_labels(b @ a.T, jnp.arange(3)).mean()
        )
        / 2
    ),
    equal=lambda a, b: (
        -jnp.trace(jax.nn.log_softmax(a @ b.T, 0) + jax.nn.log_softmax(a @ b.T, 1)) / 6
    ),
    near=lambda a, b: -jnp.trace(2 * jax.nn.log_softmax(a @ b.T, 1)) / 6,
    on=[real(3, 2), real(3, 2)],
)
