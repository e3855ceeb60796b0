"""Projections of jaxopt and optax, proximal operators, and small linear algebra."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import positive, real
from benchmarks.realcode.pair import Group, library

optax, jaxopt = library("optax.projections"), library("jaxopt.projection")
prox, kernels = library("jaxopt.prox"), library("ott.geometry.costs")

GROUP = Group("projections and algebra", ("jaxopt", "optax"))
x = real(3)


def simplex(x, mass=1.0):
    """Duchi et al. 2008: sorted, and the last threshold that keeps its entry positive."""
    u = jnp.sort(x)[::-1]
    thresholds = (jnp.cumsum(u) - mass) / jnp.arange(1, 4)
    rho = jnp.sum(u > thresholds)
    return jnp.maximum(x - thresholds[rho - 1], 0)


GROUP.add(
    "optax.projections.projection_simplex",
    lambda x: optax.projection_simplex(x),
    equal={
        "Duchi et al.": simplex,
        "jaxopt": lambda x: jaxopt.projection_simplex(x),
        "largest threshold": lambda x: jnp.maximum(
            x - jnp.max((jnp.cumsum(jnp.sort(x)[::-1]) - 1) / jnp.arange(1, 4)), 0
        ),
    },
    near={
        "shifted only": lambda x: jnp.maximum(x - (x.sum() - 1) / 3, 0),
        "another mass": lambda x: simplex(x, 2.0),
    },
    on=[x],
)
GROUP.add(
    "optax.projections.projection_l2_ball",
    lambda x: optax.projection_l2_ball(x, 1.0),
    equal={
        "maximum": lambda x: x / jnp.maximum(1, jnp.linalg.norm(x)),
        "jaxopt": lambda x: jaxopt.projection_l2_ball(x, 1.0),
        "where": lambda x: jnp.where(x @ x > 1, x * jax.lax.rsqrt(x @ x), x),
    },
    near=lambda x: x / jnp.linalg.norm(x),
    on=[x],
    more=lambda x: x @ x > 0,
)
GROUP.add(
    "optax.projections.projection_box",
    lambda x: optax.projection_box(x, -1.0, 2.0),
    equal={
        "clip": lambda x: jnp.minimum(2, jnp.maximum(-1, x)),
        "relus": lambda x: jax.nn.relu(x + 1) - jax.nn.relu(x - 2) - 1,
    },
    near=lambda x: jnp.clip(x, -2, 1),
    on=[x],
)
GROUP.add(
    "optax.projections.projection_hyperplane",
    lambda x, a: optax.projection_hyperplane(x, a, 1.0),
    equal=lambda x, a: x - (a @ x - 1) / (a @ a) * a,
    near=lambda x, a: x - (a @ x - 1) * a,
    on=[x, positive(3)],
)
GROUP.add(
    "optax.projections.projection_halfspace",
    lambda x, a: optax.projection_halfspace(x, a, 1.0),
    equal={
        "where": lambda x, a: jnp.where(a @ x <= 1, x, x - (a @ x - 1) / (a @ a) * a),
        "jaxopt": lambda x, a: jaxopt.projection_halfspace(x, (a, 1.0)),
    },
    near=lambda x, a: x - jnp.maximum(1 - a @ x, 0) / (a @ a) * a,
    on=[x, positive(3)],
)
GROUP.add(
    "optax.projections.projection_linf_ball",
    lambda x: optax.projection_linf_ball(x, 0.5),
    equal=lambda x: jnp.sign(x) * jnp.minimum(jnp.abs(x), 0.5),
    near=lambda x: x / jnp.maximum(1, jnp.max(jnp.abs(x)) / 0.5),
    on=[x],
)
GROUP.add(
    "jaxopt.prox.prox_lasso",
    lambda x: prox.prox_lasso(x, 0.5),
    equal={
        "soft threshold": lambda x: jnp.sign(x) * jnp.maximum(jnp.abs(x) - 0.5, 0),
        "relus": lambda x: jax.nn.relu(x - 0.5) - jax.nn.relu(-x - 0.5),
        "x minus a projection": lambda x: x - jnp.clip(x, -0.5, 0.5),
    },
    near=lambda x: jnp.where(jnp.abs(x) > 0.5, x, 0),
    on=[x],
    libraries=["jaxopt"],
)
GROUP.add(
    "jaxopt.prox.prox_elastic_net",
    lambda x: prox.prox_elastic_net(x, (0.5, 2.0)),
    equal=lambda x: (x - jnp.clip(x, -0.5, 0.5)) / 2,
    near=lambda x: (x - jnp.clip(x, -0.5, 0.5)) / 1.5,
    on=[x],
    libraries=["jaxopt"],
)
GROUP.add(
    "jaxopt.prox.prox_group_lasso",
    lambda x: prox.prox_group_lasso(x, 0.5),
    equal=lambda x: jax.nn.relu(1 - 0.5 / jnp.linalg.norm(x)) * x,
    near=lambda x: (1 - 0.5 / jnp.linalg.norm(x)) * x,
    on=[x],
    more=lambda x: x @ x > 0,
    libraries=["jaxopt"],
)
GROUP.add(
    "ott's squared Euclidean cost",
    lambda x, y: kernels.SqEuclidean().all_pairs(x, y),
    equal={
        "differences": lambda x, y: jnp.sum((x[:, None] - y[None]) ** 2, -1),
        "expanded": lambda x, y: (
            jnp.sum(x * x, 1)[:, None] + jnp.sum(y * y, 1) - 2 * jnp.einsum("ic,jc->ij", x, y)
        ),
    },
    near=lambda x, y: jnp.sum(jnp.abs(x[:, None] - y[None]), -1),
    on=[real(2, 3), real(3, 3)],
    libraries=["ott"],
)
GROUP.add(
    "jnp.linalg.inv, 2x2",
    lambda a: jnp.linalg.inv(a),
    equal=lambda a: (
        jnp.array([[1, -1], [-1, 1]]) * a[::-1, ::-1].T / (a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0])
    ),
    near=lambda a: (
        jnp.array([[1, -1], [-1, 1]]) * a[::-1, ::-1] / (a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0])
    ),
    on=[real(2, 2)],
    more=lambda a: a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0] > 0.1,
    libraries=["jax"],
)
GROUP.add(
    "jnp.linalg.det, 3x3",
    lambda a: jnp.linalg.det(a),
    equal={
        "cofactors": lambda a: sum(
            a[0, i]
            * (a[1, (i + 1) % 3] * a[2, (i + 2) % 3] - a[1, (i + 2) % 3] * a[2, (i + 1) % 3])
            for i in range(3)
        ),
        "triple product": lambda a: jnp.dot(a[0], jnp.cross(a[1], a[2])),
    },
    near=lambda a: a[0, 0] * a[1, 1] * a[2, 2],
    on=[real(3, 3)],
    libraries=["jax"],
)
GROUP.add(
    "jnp.linalg.solve, 2x2",
    lambda a, b: jnp.linalg.solve(a, b),
    equal={
        "Cramer": lambda a, b: (
            jnp.stack([b[0] * a[1, 1] - b[1] * a[0, 1], b[1] * a[0, 0] - b[0] * a[1, 0]])
            / (a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0])
        ),
        "inverse": lambda a, b: jnp.linalg.inv(a) @ b,
    },
    near=lambda a, b: jnp.linalg.solve(a.T, b),
    on=[real(2, 2), real(2)],
    more=lambda a, b: a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0] > 0.1,
    libraries=["jax"],
)
GROUP.add(
    "ridge regression with one feature",
    lambda x, y: jnp.linalg.solve(x.T @ x + 0.1 * jnp.eye(1), x.T @ y),
    equal=lambda x, y: (x.T @ y) / (jnp.sum(x * x) + 0.1),
    near=lambda x, y: (x.T @ y) / (jnp.sum(x * x) + 0.2),
    on=[real(3, 1), real(3)],
    libraries=["jax"],
)
GROUP.add(
    "jax.scipy.special.logsumexp",
    lambda x: jax.scipy.special.logsumexp(x),
    equal={
        "naive": lambda x: jnp.log(jnp.sum(jnp.exp(x))),
        "shifted": lambda x: jnp.max(x) + jnp.log(jnp.sum(jnp.exp(x - jnp.max(x)))),
        "logaddexp": lambda x: jnp.logaddexp(jnp.logaddexp(x[0], x[1]), x[2]),
        "scan": lambda x: jax.lax.scan(lambda c, y: (jnp.logaddexp(c, y), None), x[0], x[1:])[0],
    },
    near={
        "mean": lambda x: jnp.log(jnp.mean(jnp.exp(x))),
        "soft maximum": lambda x: jnp.dot(jax.nn.softmax(x), x),
    },
    on=[x],
    libraries=["jax"],
)
