"""One or more steps of optax's optimisers against their formulas, and its schedules.

The state is an input of the question wherever its formula takes it, so that a step at any time is
compared and not only the first.
"""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import nonnegative, positive, real, whole
from benchmarks.realcode.pair import Group, library

optax = library("optax")
GROUP = Group("optimisers", ("optax",))
w, m, v = real(4), real(4), nonnegative(4)


def steps(make, number=1):
    """Parameters after steps with the gradients of g, one a row."""

    def run(p, *gradients):
        optimiser = make()
        state = optimiser.init(p)
        for g in gradients[:number]:
            updates, state = optimiser.update(g, state, p)
            p = optax.apply_updates(p, updates)
        return p

    return run


def adam_formula(p, *gradients, rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, decay=0.0, inside=False):
    m, v = 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        hat_m, hat_v = m / (1 - b1**t), v / (1 - b2**t)
        root = jnp.sqrt(hat_v + eps) if inside else jnp.sqrt(hat_v) + eps
        p = p - rate * (hat_m / root + decay * p)
    return p


def adam_state(make, p, g, m, v, n):
    state = (optax.ScaleByAdamState(n, m, v), *make().init(p)[1:])
    updates, _ = make().update(g, state, p)
    return optax.apply_updates(p, updates)


GROUP.add(
    "optax.sgd",
    steps(lambda: optax.sgd(0.1)),
    equal=lambda p, g: p - 0.1 * g,
    near=lambda p, g: p - 0.01 * g,
    on=[w, w],
)
GROUP.add(
    "optax.sgd with momentum, two steps",
    steps(lambda: optax.sgd(0.1, momentum=0.9), 2),
    equal=lambda p, g, h: p - 0.1 * g - 0.1 * (0.9 * g + h),
    near={
        "damped": lambda p, g, h: p - 0.01 * g - 0.1 * (0.09 * g + 0.1 * h),
        "nesterov": lambda p, g, h: p - 0.19 * g - 0.1 * (0.81 * g + 1.9 * h),
    },
    on=[w, w, w],
)
GROUP.add(
    "optax.sgd, Nesterov, two steps",
    steps(lambda: optax.sgd(0.1, momentum=0.9, nesterov=True), 2),
    equal=lambda p, g, h: p - 0.19 * g - 0.1 * (0.81 * g + 1.9 * h),
    near=lambda p, g, h: p - 0.1 * g - 0.1 * (0.9 * g + h),
    on=[w, w, w],
)
GROUP.add(
    "optax.adam, first step",
    steps(lambda: optax.adam(1e-3)),
    equal={
        "formula": adam_formula,
        "sign": lambda p, g: p - 1e-3 * g / (jnp.abs(g) + 1e-8),
    },
    near={
        "epsilon in the root": lambda p, g: adam_formula(p, g, eps=1e-4, inside=True),
        "no correction": lambda p, g: p - 1e-4 * g / (jnp.sqrt(0.001 * g * g) + 1e-8),
    },
    on=[w, w],
)
GROUP.add(
    "optax.adam, three steps",
    steps(lambda: optax.adam(1e-3), 3),
    equal=adam_formula,
    near=lambda p, g, h, i: adam_formula(p, g, h, i, b2=0.99),
    on=[w, w, w, w],
)
GROUP.add(
    "optax.adam, any step",
    lambda p, g, m, v, n: adam_state(lambda: optax.adam(1e-2), p, g, m, v, n),
    equal={
        "formula": lambda p, g, m, v, n: (
            p
            - 1e-2
            * ((0.9 * m + 0.1 * g) / (1 - 0.9 ** (n + 1.0)))
            / (jnp.sqrt((0.999 * v + 0.001 * g**2) / (1 - 0.999 ** (n + 1.0))) + 1e-8)
        ),
        "correction of the rate": lambda p, g, m, v, n: (
            lambda a, b: (
                p
                - 1e-2
                * jnp.sqrt(b)
                / a
                * (0.9 * m + 0.1 * g)
                / (jnp.sqrt(0.999 * v + 0.001 * g**2) + 1e-8 * jnp.sqrt(b))
            )
        )(1 - 0.9 ** (n + 1.0), 1 - 0.999 ** (n + 1.0)),
    },
    near={
        "epsilon not corrected": lambda p, g, m, v, n: (
            lambda a, b: (
                p
                - 1e-2
                * jnp.sqrt(b)
                / a
                * (0.9 * m + 0.1 * g)
                / (jnp.sqrt(0.999 * v + 0.001 * g**2) + 1e-2)
            )
        )(1 - 0.9 ** (n + 1.0), 1 - 0.999 ** (n + 1.0)),
        "a step late": lambda p, g, m, v, n: (
            p
            - 1e-2
            * ((0.9 * m + 0.1 * g) / (1 - 0.9 ** (n + 2.0)))
            / (jnp.sqrt((0.999 * v + 0.001 * g**2) / (1 - 0.999 ** (n + 2.0))) + 1e-8)
        ),
    },
    on=[w, w, m, v, whole(0, 1000)],
)
GROUP.add(
    "optax.adamw, two steps",
    steps(lambda: optax.adamw(1e-3, weight_decay=0.01), 2),
    equal={
        "formula": lambda p, g, h: adam_formula(p, g, h, decay=0.01),
        "chain": steps(
            lambda: optax.chain(
                optax.scale_by_adam(),
                optax.add_decayed_weights(0.01),
                optax.scale_by_learning_rate(1e-3),
            ),
            2,
        ),
    },
    near={
        "decay in the gradient": steps(
            lambda: optax.chain(optax.add_decayed_weights(0.01), optax.adam(1e-3)), 2
        ),
        "decay without the rate": steps(
            lambda: optax.chain(optax.adam(1e-3), optax.add_decayed_weights(-0.01)), 2
        ),
    },
    on=[w, w, w],
)
GROUP.add(
    "optax.rmsprop",
    steps(lambda: optax.rmsprop(0.01, decay=0.9, eps=1e-8), 2),
    equal=lambda p, g, h: (
        p
        - 0.01 * g / jnp.sqrt(0.1 * g**2 + 1e-8)
        - 0.01 * h / jnp.sqrt(0.09 * g**2 + 0.1 * h**2 + 1e-8)
    ),
    near=lambda p, g, h: (
        p
        - 0.01 * g / jnp.sqrt(0.1 * g**2 + 1e-8)
        - 0.01 * h / jnp.sqrt(0.9 * g**2 + 0.1 * h**2 + 1e-8)
    ),
    on=[w, w, w],
)
GROUP.add(
    "optax.adagrad",
    steps(lambda: optax.adagrad(0.1), 2),
    equal=lambda p, g, h: (
        p - 0.1 * g / jnp.sqrt(0.1 + g * g + 1e-7) - 0.1 * h / jnp.sqrt(0.1 + g * g + h * h + 1e-7)
    ),
    near=lambda p, g, h: p - 0.1 * g / jnp.sqrt(0.1 + g * g) - 0.1 * h / jnp.sqrt(0.1 + h * h),
    on=[w, w, w],
)
GROUP.add(
    "optax.lion",
    steps(lambda: optax.lion(0.01, weight_decay=0.0), 2),
    equal=lambda p, g, h: p - 0.01 * jnp.sign(0.1 * g) - 0.01 * jnp.sign(0.9 * 0.01 * g + 0.1 * h),
    near=lambda p, g, h: p - 0.01 * jnp.sign(g) - 0.01 * jnp.sign(0.99 * g + 0.1 * h),
    on=[w, w, w],
)
GROUP.add(
    "optax.adamax",
    steps(lambda: optax.adamax(0.01), 2),
    equal=lambda p, g, h: (
        p
        - 0.01 * g / (jnp.abs(g) + 1e-8)
        - 0.01
        * ((0.09 * g + 0.1 * h) / 0.19)
        / jnp.maximum(0.999 * (jnp.abs(g) + 1e-8), jnp.abs(h) + 1e-8)
    ),
    near=lambda p, g, h: p - 0.01 * jnp.sign(g) - 0.01 * jnp.sign(h),
    on=[w, w, w],
)
GROUP.add(
    "optax.clip_by_global_norm",
    lambda g, h: optax.clip_by_global_norm(1.0).update((g, h), optax.EmptyState())[0],
    equal={
        "minimum": lambda g, h: (lambda scale: (g * scale, h * scale))(
            jnp.minimum(1, 1 / jnp.sqrt(jnp.sum(g * g) + jnp.sum(h * h)))
        ),
        "maximum": lambda g, h: (lambda n: (g / jnp.maximum(n, 1), h / jnp.maximum(n, 1)))(
            jnp.sqrt(jnp.sum(g * g) + jnp.sum(h * h))
        ),
    },
    near=lambda g, h: tuple(x / jnp.maximum(jnp.linalg.norm(x), 1) for x in (g, h)),
    on=[real(2), real(3)],
    more=lambda g, h: jnp.sum(g * g) > 0,
)
GROUP.add(
    "optax.clip",
    lambda g: optax.clip(0.5).update(g, optax.EmptyState())[0],
    equal=lambda g: jnp.sign(g) * jnp.minimum(jnp.abs(g), 0.5),
    near=lambda g: g / jnp.maximum(1, jnp.abs(g)),
    on=[w],
)
GROUP.add(
    "optax.centralize",
    lambda g: optax.centralize().update(g, optax.EmptyState())[0],
    equal=lambda g: g - g @ jnp.ones((2, 2)) / 2,
    near=lambda g: g - jnp.mean(g),
    on=[real(3, 2)],
)
GROUP.add(
    "optax.MultiSteps of two",
    lambda p, g, h: steps(lambda: optax.MultiSteps(optax.sgd(0.1), 2), 2)(p, g, h),
    equal=lambda p, g, h: p - 0.1 * (g + h) / 2,
    near=lambda p, g, h: p - 0.1 * (g + h),
    on=[w, w, w],
)
GROUP.add(
    "optax.incremental_update",
    lambda p, q: optax.incremental_update(p, q, 0.01),
    equal=lambda p, q: q + 0.01 * (p - q),
    near=lambda p, q: p + 0.01 * (q - p),
    on=[w, w],
)
GROUP.add(
    "optax.ema, debiased",
    lambda g, m, n: optax.ema(0.9).update(g, optax.EmaState(n, m))[0],
    equal=lambda g, m, n: (0.9 * m + 0.1 * g) / (1 - jnp.exp((n + 1) * jnp.log(0.9))),
    near=lambda g, m, n: 0.9 * m + 0.1 * g,
    on=[w, m, whole(0, 100)],
)
GROUP.add(
    "optax.lamb's trust ratio",
    lambda p, g: optax.scale_by_trust_ratio().update(g, optax.EmptyState(), p)[0],
    equal=lambda p, g: g * jnp.linalg.norm(p) / jnp.linalg.norm(g),
    near=lambda p, g: g * jnp.linalg.norm(g) / jnp.linalg.norm(p),
    on=[w, positive(4)],
    more=lambda p, g: jnp.sum(p * p) > 0,
)
GROUP.add(
    "a step of Adam on a regression",
    lambda p, x, y: steps(lambda: optax.adam(1e-3))(
        p, jax.grad(lambda p: jnp.mean(optax.l2_loss(x @ p, y)))(p)
    ),
    equal=lambda p, x, y: adam_formula(p, x.T @ (x @ p - y) / 3),
    near=lambda p, x, y: adam_formula(p, x.T @ (y - x @ p) / 3),
    on=[w, real(3, 4), real(3)],
)
