"""Losses and returns of rlax against formulas, scans and loops."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import between, positive, probabilities, real, whole
from benchmarks.realcode.pair import Group, library

rlax, distrax = library("rlax"), library("distrax")

GROUP = Group("reinforcement learning", ("rlax",))
q, n, r, d = real(3), whole(0, 3), real(), between(0, 1)
rewards, discounts, values = real(4), between(0, 1, 4), real(4)


def loop(r, d, v):
    """Returns backwards in time, as a Python loop writes them."""
    found, after = [], v
    for t in reversed(range(4)):
        after = r[t] + d[t] * after
        found.append(after)
    return jnp.stack(found[::-1])


def scanned(r, d, v):
    def step(after, now):
        after = now[0] + now[1] * after
        return after, after

    return jax.lax.scan(step, v, (r, d), reverse=True)[1]


GROUP.add(
    "rlax.discounted_returns",
    lambda r, d, v: rlax.discounted_returns(r, d, v),
    equal={
        "loop": loop,
        "scan": scanned,
        "sum": lambda r, d, v: jnp.stack(
            [
                sum(jnp.prod(d[t:k]) * r[k] for k in range(t, 4)) + jnp.prod(d[t:]) * v
                for t in range(4)
            ]
        ),
    },
    near={
        "no bootstrap": lambda r, d, v: loop(r, d, 0.0),
        "forwards": lambda r, d, v: loop(r[::-1], d[::-1], v)[::-1],
    },
    on=[rewards, discounts, real()],
)
GROUP.add(
    "rlax.td_learning",
    lambda v, r, d, w: rlax.td_learning(v, r, d, w),
    equal=lambda v, r, d, w: r + d * w - v,
    near=lambda v, r, d, w: r + w - v,
    on=[r, r, d, r],
)
GROUP.add(
    "rlax.q_learning",
    lambda q, a, r, d, p: rlax.q_learning(q, a, r, d, p),
    equal={
        "one-hot": lambda q, a, r, d, p: r + d * jnp.max(p) - jnp.sum(q * jax.nn.one_hot(a, 3)),
        "argmax": lambda q, a, r, d, p: r + d * p[jnp.argmax(p)] - q[a],
    },
    near=lambda q, a, r, d, p: r + d * p[a] - q[a],
    on=[q, n, r, d, q],
)
GROUP.add(
    "rlax.double_q_learning",
    lambda q, a, r, d, p, s: rlax.double_q_learning(q, a, r, d, p, s),
    equal={
        "one-hot": lambda q, a, r, d, p, s: (
            r + d * jnp.sum(p * jax.nn.one_hot(jnp.argmax(s), 3)) - q[a]
        ),
        "indexing": lambda q, a, r, d, p, s: r + d * p[s.argmax()] - q[a],
    },
    near=lambda q, a, r, d, p, s: r + d * s[jnp.argmax(p)] - q[a],
    on=[q, n, r, d, q, q],
)
GROUP.add(
    "rlax.sarsa",
    lambda q, a, r, d, p, b: rlax.sarsa(q, a, r, d, p, b),
    equal=lambda q, a, r, d, p, b: r + d * jnp.dot(p, jnp.eye(3)[b]) - jnp.dot(q, jnp.eye(3)[a]),
    near=lambda q, a, r, d, p, b: r + d * p[a] - q[b],
    on=[q, n, r, d, q, n],
)
GROUP.add(
    "rlax.expected_sarsa",
    lambda q, a, r, d, p, w: rlax.expected_sarsa(q, a, r, d, p, w),
    equal=lambda q, a, r, d, p, w: r + d * p @ w - jnp.sum(q * (jnp.arange(3) == a)),
    near=lambda q, a, r, d, p, w: r + d * jnp.mean(p) - jnp.sum(q * (jnp.arange(3) == a)),
    on=[q, n, r, d, q, probabilities(3)],
)
GROUP.add(
    "rlax.qv_learning",
    lambda q, a, r, d, v: rlax.qv_learning(q, a, r, d, v),
    equal=lambda q, a, r, d, v: r + d * v - jnp.take(q, a),
    near=lambda q, a, r, d, v: r + d * v + jnp.take(q, a),
    on=[q, n, r, d, r],
)


def advantages(r, d, lam, v):
    """Generalised advantages (Schulman et al. 2015), backwards."""
    found, after = [], 0.0
    for t in reversed(range(4)):
        after = r[t] + d[t] * v[t + 1] - v[t] + d[t] * lam * after
        found.append(after)
    return jnp.stack(found[::-1])


GROUP.add(
    "rlax.truncated_generalized_advantage_estimation",
    lambda r, d, lam, v: rlax.truncated_generalized_advantage_estimation(r, d, lam, v),
    equal={
        "loop": advantages,
        "lambda-returns": lambda r, d, lam, v: rlax.lambda_returns(r, d, v[1:], lam) - v[:-1],
    },
    near=lambda r, d, lam, v: advantages(r, d, lam * lam, v),
    on=[rewards, discounts, between(0, 1), real(5)],
)
GROUP.add(
    "rlax.lambda_returns",
    lambda r, d, v: rlax.lambda_returns(r, d, v, 1.0),
    equal=lambda r, d, v: loop(r, d, v[-1]),
    near=lambda r, d, v: loop(r, d, v[0]),
    on=[rewards, discounts, values],
)
GROUP.add(
    "rlax.n_step_bootstrapped_returns",
    lambda r, d, v: rlax.n_step_bootstrapped_returns(r, d, v, 2),
    equal=lambda r, d, v: jnp.stack(
        [
            r[0] + d[0] * (r[1] + d[1] * v[1]),
            r[1] + d[1] * (r[2] + d[2] * v[2]),
            r[2] + d[2] * (r[3] + d[3] * v[3]),
            r[3] + d[3] * v[3],
        ]
    ),
    near=lambda r, d, v: jnp.stack(
        [r[t] + d[t] * (r[t + 1] + d[t + 1] * v[t + 1]) for t in range(3)] + [r[3]]
    ),
    on=[rewards, discounts, values],
)
GROUP.add(
    "rlax.vtrace",
    lambda v, w, r, d, rho: rlax.vtrace(v, w, r, d, rho),
    equal=lambda v, w, r, d, rho: (lambda c, delta: loop(delta, d * c, 0.0))(
        jnp.minimum(rho, 1), jnp.minimum(rho, 1) * (r + d * w - v)
    ),
    near=lambda v, w, r, d, rho: loop(rho * (r + d * w - v), d * jnp.minimum(rho, 1), 0.0),
    on=[values, values, rewards, discounts, positive(4)],
)
GROUP.add(
    "rlax.clipped_surrogate_pg_loss",
    lambda rho, a: rlax.clipped_surrogate_pg_loss(rho, a, 0.2),
    equal={
        "minimum": lambda rho, a: -jnp.mean(jnp.minimum(rho * a, jnp.clip(rho, 0.8, 1.2) * a)),
        "by the sign": lambda rho, a: (
            -jnp.mean(jnp.where(a > 0, jnp.minimum(rho, 1.2), jnp.maximum(rho, 0.8)) * a)
        ),
    },
    near=lambda rho, a: -jnp.mean(jnp.clip(rho, 0.8, 1.2) * a),
    on=[positive(4), real(4)],
)
GROUP.add(
    "rlax.policy_gradient_loss",
    lambda x, a, adv, w: rlax.policy_gradient_loss(x, a, adv, w),
    equal=lambda x, a, adv, w: (
        -jnp.mean(w * adv * jnp.sum(jax.nn.one_hot(a, 3) * jax.nn.log_softmax(x), -1))
    ),
    near=lambda x, a, adv, w: (
        -jnp.mean(w * adv * jnp.sum(jax.nn.one_hot(a, 3) * jax.nn.softmax(x), -1))
    ),
    on=[real(2, 3), whole(0, 3, 2), real(2), positive(2)],
)
GROUP.add(
    "rlax.entropy_loss",
    lambda x, w: rlax.entropy_loss(x, w),
    equal=lambda x, w: jnp.mean(w * jnp.sum(jax.nn.softmax(x) * jax.nn.log_softmax(x), -1)),
    near=lambda x, w: -jnp.mean(w * jnp.sum(jax.nn.softmax(x) * jax.nn.log_softmax(x), -1)),
    on=[real(2, 3), positive(2)],
)
GROUP.add(
    "rlax.signed_hyperbolic",
    lambda x: rlax.signed_hyperbolic(x, 1e-3),
    equal=lambda x: jnp.where(
        x >= 0, jnp.sqrt(1 + x) - 1 + 0.001 * x, 1 - jnp.sqrt(1 - x) + 0.001 * x
    ),
    near=lambda x: jnp.sign(x) * jnp.sqrt(jnp.abs(x)) + 0.001 * x,
    on=[real(3)],
)
GROUP.add(
    "rlax.signed_logp1",
    lambda x: rlax.signed_logp1(rlax.signed_expm1(x)),
    equal=lambda x: x,
    near=lambda x: jnp.abs(x),
    on=[real(3)],
)
GROUP.add(
    "rlax.quantile_regression_loss",
    lambda x, t, y: rlax.quantile_regression_loss(x, t, y, huber_param=0.0),
    equal=lambda x, t, y: jnp.sum(
        jnp.mean(
            jnp.maximum(
                t[:, None] * (y[None] - x[:, None]), (t - 1)[:, None] * (y[None] - x[:, None])
            ),
            1,
        )
    ),
    near=lambda x, t, y: jnp.sum(jnp.mean(jnp.abs(y[None] - x[:, None]), 1)),
    on=[real(2), between(0, 1, 2), real(2)],
)
GROUP.add(
    "rlax.categorical_cross_entropy",
    lambda p, x: rlax.categorical_cross_entropy(p, x),
    equal=lambda p, x: jax.nn.logsumexp(x) - jnp.dot(p, x),
    near=lambda p, x: jax.nn.logsumexp(x) + jnp.dot(p, x),
    on=[probabilities(3), real(3)],
)
GROUP.add(
    "rlax.expectile_loss",
    lambda x, y: jnp.where(y > x, 0.9, 0.1) * (y - x) ** 2,
    equal=lambda x, y: jnp.abs(0.9 - (x > y)) * (x - y) ** 2,
    near=lambda x, y: jnp.abs(0.9 - (x < y)) * (x - y) ** 2,
    on=[real(3), real(3)],
    libraries=["jax"],
)
GROUP.add(
    "distrax.Greedy",
    lambda q: distrax.Greedy(q).probs,
    equal=lambda q: (
        (q == jnp.max(q, -1, keepdims=True))
        / jnp.sum(q == jnp.max(q, -1, keepdims=True), -1, keepdims=True)
    ),
    near=lambda q: (q == jnp.min(q, -1, keepdims=True)) * 1.0,
    on=[real(2, 3)],
    libraries=["distrax"],
)
