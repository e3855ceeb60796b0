"""Learning rates of optax at any step against their formulas."""

import jax.numpy as jnp

from benchmarks.realcode.inputs import whole
from benchmarks.realcode.pair import Group, library

optax = library("optax")
GROUP = Group("schedules", ("optax",))
n = whole(0, 2000)

GROUP.add(
    "optax.linear_schedule",
    lambda n: optax.linear_schedule(1.0, 0.1, 100)(n),
    equal={
        "clip": lambda n: 1.0 - 0.9 * jnp.clip(n / 100, 0, 1),
        "where": lambda n: jnp.where(n < 100, 1 - 0.009 * n, 0.1),
        "interp": lambda n: jnp.interp(n, jnp.array([0, 100]), jnp.array([1.0, 0.1])),
    },
    near={
        "a step longer": lambda n: 1.0 - 0.9 * jnp.clip(n / 101, 0, 1),
        "not held": lambda n: 1 - 0.009 * n,
    },
    on=[n],
)
GROUP.add(
    "optax.polynomial_schedule",
    lambda n: optax.polynomial_schedule(1.0, 0.1, 2, 100, 10)(n),
    equal=lambda n: 0.1 + 0.9 * (1 - jnp.clip(n - 10, 0, 100) / 100) ** 2,
    near=lambda n: 0.1 + 0.9 * (1 - jnp.clip(n, 0, 100) / 100) ** 2,
    on=[n],
)
GROUP.add(
    "optax.cosine_decay_schedule",
    lambda n: optax.cosine_decay_schedule(1.0, 100, alpha=0.1)(n),
    equal={
        "formula": lambda n: 0.1 + 0.45 * (1 + jnp.cos(jnp.pi * jnp.minimum(n, 100) / 100)),
        "half angle": lambda n: 0.1 + 0.9 * jnp.cos(jnp.pi * jnp.minimum(n, 100) / 200) ** 2,
    },
    near={
        "not held": lambda n: 0.1 + 0.45 * (1 + jnp.cos(jnp.pi * n / 100)),
        "no floor": lambda n: 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(n, 100) / 100)),
    },
    on=[n],
)
GROUP.add(
    "optax.exponential_decay",
    lambda n: optax.exponential_decay(1.0, 100, 0.5)(n),
    equal={
        "power": lambda n: 0.5 ** (n / 100),
        "exp": lambda n: jnp.exp(-n * jnp.log(2.0) / 100),
    },
    near=lambda n: 0.5 ** (n / 101),
    on=[n],
)
GROUP.add(
    "optax.exponential_decay in steps",
    lambda n: optax.exponential_decay(1.0, 100, 0.5, staircase=True)(n),
    equal=lambda n: 0.5 ** (n // 100),
    near=lambda n: 0.5 ** (n / 100),
    on=[n],
)
GROUP.add(
    "optax.piecewise_constant_schedule",
    lambda n: optax.piecewise_constant_schedule(1.0, {100: 0.1, 200: 0.5})(n),
    equal={
        "where": lambda n: jnp.where(n < 100, 1.0, jnp.where(n < 200, 0.1, 0.05)),
        "select": lambda n: jnp.select([n >= 200, n >= 100], [0.05, 0.1], 1.0),
        "table": lambda n: jnp.array([1.0, 0.1, 0.05])[
            jnp.searchsorted(jnp.array([100, 200]), n, side="right")
        ],
    },
    near=lambda n: jnp.where(n <= 100, 1.0, jnp.where(n < 200, 0.1, 0.05)),
    on=[whole(95, 205)],
)
GROUP.add(
    "optax.warmup_cosine_decay_schedule",
    lambda n: optax.warmup_cosine_decay_schedule(0.0, 1.0, 10, 100)(n),
    equal=lambda n: jnp.where(
        n < 10, n / 10, 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(n - 10, 90) / 90))
    ),
    near=lambda n: jnp.where(
        n < 10, n / 10, 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(n, 100) / 100))
    ),
    on=[whole(0, 200)],
)
GROUP.add(
    "optax.join_schedules",
    lambda n: optax.join_schedules(
        [optax.linear_schedule(0.0, 1.0, 10), optax.constant_schedule(1.0)], [10]
    )(n),
    equal=lambda n: jnp.minimum(n / 10, 1),
    near=lambda n: jnp.minimum((n + 1) / 10, 1),
    on=[n],
)
GROUP.add(
    "optax.sgdr_schedule's cosine, restarted",
    lambda n: optax.cosine_decay_schedule(1.0, 50)(n % 50),
    equal=lambda n: 0.5 + 0.5 * jnp.cos(2 * jnp.pi * n / 100 - jnp.pi * (n // 50)),
    near=lambda n: 0.5 + 0.5 * jnp.cos(2 * jnp.pi * n / 100),
    on=[whole(0, 200)],
)
GROUP.add(
    "the Noam schedule",
    lambda n: 64**-0.5 * jnp.minimum((n + 1) ** -0.5, (n + 1) * 400**-1.5),
    equal=lambda n: jnp.where(n < 399, (n + 1) / 64000, 1 / (8 * jnp.sqrt(jnp.float32(n) + 1))),
    near=lambda n: jnp.where(n < 350, (n + 1) / 64000, 1 / (8 * jnp.sqrt(jnp.float32(n) + 1))),
    on=[n],
    libraries=["jax"],
)
