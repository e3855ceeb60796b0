"""Discrete distributions, several variables, divergences, entropies and bijectors."""

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln, xlog1py, xlogy

from benchmarks.realcode.inputs import between, positive, probabilities, real, whole, zero_one
from benchmarks.realcode.pair import Group, library

distrax, numpyro = library("distrax"), library("numpyro.distributions")
stats = jax.scipy.stats

GROUP = Group("distributions", ("numpyro", "distrax"))
logits, n = real(3, 4), whole(0, 4, 3)

GROUP.add(
    "distrax Categorical",
    lambda x, n: distrax.Categorical(x).log_prob(n),
    equal={
        "log-softmax": lambda x, n: jax.nn.log_softmax(x)[jnp.arange(3), n],
        "numpyro": lambda x, n: numpyro.CategoricalLogits(x).log_prob(n),
        "one-hot": lambda x, n: (
            jnp.sum(x * jax.nn.one_hot(n, 4), -1) - jax.nn.logsumexp(x, axis=-1)
        ),
        "probabilities": lambda x, n: jnp.log(
            jnp.take_along_axis(jax.nn.softmax(x), n[:, None], 1)[:, 0]
        ),
    },
    near=lambda x, n: x[jnp.arange(3), n],
    on=[logits, n],
)
GROUP.add(
    "distrax Categorical of probabilities",
    lambda p, n: distrax.Categorical(probs=p).log_prob(n),
    equal={
        "log": lambda p, n: jnp.log(p[jnp.arange(3), n]),
        "numpyro": lambda p, n: numpyro.CategoricalProbs(p).log_prob(n),
    },
    near=lambda p, n: jnp.log1p(-p[jnp.arange(3), n]),
    on=[probabilities(3, 4), n],
)
GROUP.add(
    "distrax Bernoulli",
    lambda x, y: distrax.Bernoulli(x).log_prob(y),
    equal={
        "softplus": lambda x, y: x * y - jnp.log1p(jnp.exp(x)),
        "numpyro": lambda x, y: numpyro.BernoulliLogits(x).log_prob(y),
        "where": lambda x, y: jnp.where(y == 1, jax.nn.log_sigmoid(x), jax.nn.log_sigmoid(x) - x),
    },
    near=lambda x, y: x * y - jax.nn.softplus(-x),
    on=[real(4), whole(0, 2, 4)],
)
GROUP.add(
    "numpyro BernoulliProbs",
    lambda p, y: numpyro.BernoulliProbs(p).log_prob(y),
    equal={
        "xlogy": lambda p, y: xlogy(y, p) + xlog1py(1 - y, -p),
        "scipy": lambda p, y: stats.bernoulli.logpmf(y, p),
        "where": lambda p, y: jnp.log(jnp.where(y == 1, p, 1 - p)),
    },
    near=lambda p, y: y * jnp.log(1 - p) + (1 - y) * jnp.log(p),
    on=[between(0.01, 0.99, 4), whole(0, 2, 4)],  # numpyro moves 0 and 1 inside
)
GROUP.add(
    "numpyro Poisson",
    lambda r, k: numpyro.Poisson(r).log_prob(k),
    equal={
        "formula": lambda r, k: k * jnp.log(r) - r - gammaln(k + 1.0),
        "scipy": lambda r, k: stats.poisson.logpmf(k, r),
        "factorial": lambda r, k: jnp.log(
            r**k * jnp.exp(-r) / jnp.array([1.0, 1, 2, 6, 24, 120])[k]
        ),
    },
    near=lambda r, k: k * jnp.log(r) - r - gammaln(1.0 * k),
    on=[positive(4), whole(0, 6, 4)],
)
GROUP.add(
    "numpyro Binomial",
    lambda x, k: numpyro.BinomialLogits(x, 5).log_prob(k),
    equal=lambda x, k: (
        gammaln(6.0) - gammaln(k + 1.0) - gammaln(6.0 - k) + k * x - 5 * jax.nn.softplus(x)
    ),
    near=lambda x, k: (
        gammaln(6.0) - gammaln(k + 1.0) - gammaln(6.0 - k) + k * x - 4 * jax.nn.softplus(x)
    ),
    on=[real(3), whole(0, 6, 3)],
)
GROUP.add(
    "numpyro Geometric",
    lambda p, k: numpyro.GeometricProbs(p).log_prob(k),
    equal={
        "formula": lambda p, k: jnp.log(p) + k * jnp.log1p(-p),
        "scipy": lambda p, k: stats.geom.logpmf(k + 1, p),
    },
    near=lambda p, k: stats.geom.logpmf(k + 2, p),
    on=[between(0.01, 0.99, 3), whole(0, 9, 3)],
)
GROUP.add(
    "distrax MultivariateNormalDiag",
    lambda m, s, x: distrax.MultivariateNormalDiag(m, s).log_prob(x),
    equal={
        "sum": lambda m, s, x: jnp.sum(stats.norm.logpdf(x, m, s), -1),
        "formula": lambda m, s, x: (
            -0.5 * jnp.sum(((x - m) / s) ** 2) - jnp.log(jnp.prod(s)) - 1.5 * jnp.log(2 * jnp.pi)
        ),
        "numpyro": lambda m, s, x: numpyro.Normal(m, s).to_event(1).log_prob(x),
    },
    near=lambda m, s, x: jnp.mean(stats.norm.logpdf(x, m, s), -1),
    on=[real(3), positive(3), real(3)],
)


def plane(a, b, c):
    return jnp.stack([jnp.stack([a, b]), jnp.stack([b, c])])


GROUP.add(
    "scipy multivariate_normal in the plane",
    lambda a, b, c, x: stats.multivariate_normal.logpdf(x, jnp.zeros(2), plane(a, b, c)),
    equal={
        "adjugate": lambda a, b, c, x: (
            -0.5 * (c * x[0] ** 2 - 2 * b * x[0] * x[1] + a * x[1] ** 2) / (a * c - b**2)
            - 0.5 * jnp.log(a * c - b**2)
            - jnp.log(2 * jnp.pi)
        ),
        "numpyro": lambda a, b, c, x: numpyro.MultivariateNormal(
            jnp.zeros(2), plane(a, b, c)
        ).log_prob(x),
    },
    near=lambda a, b, c, x: stats.multivariate_normal.logpdf(x, jnp.zeros(2), plane(c, b, a)),
    on=[positive(), real(), positive(), real(2)],
    more=lambda a, b, c, x: a * c - b * b > 0,
)
GROUP.add(
    "KL of two normals",
    lambda m, s, a, b: distrax.Normal(m, s).kl_divergence(distrax.Normal(a, b)),
    equal={
        "formula": lambda m, s, a, b: jnp.log(b / s) + (s**2 + (m - a) ** 2) / (2 * b**2) - 0.5,
        "numpyro": lambda m, s, a, b: numpyro.kl_divergence(
            numpyro.Normal(m, s), numpyro.Normal(a, b)
        ),
    },
    near=lambda m, s, a, b: jnp.log(s / b) + (b**2 + (m - a) ** 2) / (2 * s**2) - 0.5,
    on=[real(3), positive(3), real(3), positive(3)],
)
GROUP.add(
    "KL of a VAE",
    lambda m, v: distrax.Normal(m, jnp.exp(v / 2)).kl_divergence(distrax.Normal(0.0, 1.0)).sum(),
    equal=lambda m, v: -0.5 * jnp.sum(1 + v - m**2 - jnp.exp(v)),
    near=lambda m, v: -0.5 * jnp.mean(1 + v - m**2 - jnp.exp(v)),
    on=[real(3), real(3)],
)
GROUP.add(
    "KL of two categoricals",
    lambda x, y: distrax.Categorical(x).kl_divergence(distrax.Categorical(y)),
    equal={
        "formula": lambda x, y: jnp.sum(
            jax.nn.softmax(x) * (jax.nn.log_softmax(x) - jax.nn.log_softmax(y)), -1
        ),
        "logsumexps": lambda x, y: (
            jnp.sum(jax.nn.softmax(x) * (x - y), -1)
            - jax.nn.logsumexp(x, axis=-1)
            + jax.nn.logsumexp(y, axis=-1)
        ),
    },
    near=lambda x, y: distrax.Categorical(y).kl_divergence(distrax.Categorical(x)),
    on=[real(2, 3), real(2, 3)],
)
GROUP.add(
    "entropy of a categorical",
    lambda x: distrax.Categorical(x).entropy(),
    equal={
        "formula": lambda x: -jnp.sum(jax.nn.softmax(x) * jax.nn.log_softmax(x), -1),
        "entr": lambda x: jnp.sum(jax.scipy.special.entr(jax.nn.softmax(x)), -1),
        "logsumexp": lambda x: jax.nn.logsumexp(x, axis=-1) - jnp.sum(jax.nn.softmax(x) * x, -1),
    },
    near=lambda x: -jnp.mean(jax.nn.softmax(x) * jax.nn.log_softmax(x), -1),
    on=[logits],
)
GROUP.add(
    "a mixture of two normals",
    lambda w, m, x: numpyro.MixtureSameFamily(
        numpyro.CategoricalLogits(w), numpyro.Normal(m, 1.0)
    ).log_prob(x),
    equal={
        "logsumexp": lambda w, m, x: jax.nn.logsumexp(
            jax.nn.log_softmax(w) + stats.norm.logpdf(x, m)
        ),
        "density": lambda w, m, x: jnp.log(jnp.sum(jax.nn.softmax(w) * stats.norm.pdf(x, m))),
    },
    near=lambda w, m, x: jnp.sum(jax.nn.softmax(w) * stats.norm.logpdf(x, m)),
    on=[real(2), real(2), real()],
)
GROUP.add(
    "distrax Sigmoid bijector",
    lambda x: distrax.Sigmoid().forward_and_log_det(x),
    equal=lambda x: (1 / (1 + jnp.exp(-x)), -x - 2 * jnp.log1p(jnp.exp(-x))),
    near=lambda x: (1 / (1 + jnp.exp(-x)), -x - jnp.log1p(jnp.exp(-x))),
    on=[between(-9, 9, 3)],  # below -9 it is exp(x)
)
GROUP.add(
    "distrax Tanh bijector",
    lambda x: distrax.Tanh().forward_log_det_jacobian(x),
    equal={
        "grad": lambda x: jnp.log(jax.vmap(jax.grad(jnp.tanh))(x)),
        "cosh": lambda x: -2 * jnp.log(jnp.cosh(x)),
    },
    near=lambda x: jnp.log(1 - jnp.tanh(x)),
    on=[between(-5, 5, 3)],
)
GROUP.add(
    "distrax OneHotCategorical",
    lambda x, y: distrax.OneHotCategorical(x).log_prob(y),
    equal=lambda x, y: jnp.sum(jnp.where(y > 0, jax.nn.log_softmax(x), 0), -1),
    near=lambda x, y: jnp.sum(x * y, -1),
    on=[real(3), zero_one(3)],
)
