"""The learning-rate schedule and the optimisers, from Optax.

Schedule, with T steps in all, warm-up W and peak r:

    t < W:   r (t + 1) / W                               (never 0: the first step counts)
    t >= W:  r (1 + cos(pi (t - W) / (T - W))) / 2       "cosine"  (Loshchilov & Hutter 2017)
             r                                           "constant"

Optimisers: SGD with Nesterov momentum (Sutskever et al. 2013), Adam (Kingma & Ba 2015), AdamW
(Loshchilov & Hutter 2019).  Weight decay touches kernels only: pulling a bias or a norm's scale
towards zero regularises nothing.
"""

from __future__ import annotations

from typing import Any

import jax
import optax

from cnnjax.train.config import TrainConfig

__all__ = ["clipped", "decays", "learning_rate", "optimizer"]


def learning_rate(config: TrainConfig, steps: int) -> optax.Schedule:
    """The schedule of a run of `steps` steps: a function from step to learning rate.

    >>> rate = learning_rate(TrainConfig(learning_rate=0.1, warmup_steps=2), steps=6)
    >>> [round(float(rate(t)), 3) for t in range(7)]
    [0.05, 0.1, 0.1, 0.085, 0.05, 0.015, 0.0]
    """
    peak, warmup = config.learning_rate, config.warmup_steps
    if warmup >= steps:
        raise ValueError(
            f"TrainConfig: warmup_steps {warmup} must be below the {steps} steps of the run"
        )
    if config.schedule == "cosine":
        main = optax.cosine_decay_schedule(peak, steps - warmup)
    else:
        main = optax.constant_schedule(peak)
    if warmup == 0:
        return main
    # Reaches the peak at step W - 1; the main part starts at step W, at the peak as well.
    rise = optax.linear_schedule(peak / warmup, peak, max(warmup - 1, 1))
    if warmup == 1:
        rise = optax.constant_schedule(peak)
    return optax.join_schedules([rise, main], [warmup])


def decays(params: Any) -> Any:
    """The same tree with True where weight decay applies: kernels, not biases or norm scales.

    Kernels have two dimensions or more, biases and scales one.

    >>> import numpy as np
    >>> decays({"dense": {"kernel": np.ones((3, 2)), "bias": np.ones(2)}})
    {'dense': {'bias': False, 'kernel': True}}
    """
    return jax.tree.map(lambda p: p.ndim > 1, params)


def optimizer(config: TrainConfig, steps: int) -> optax.GradientTransformation:
    """The configured optimiser for a run of `steps` steps."""
    chosen = clipped(_chosen(config, learning_rate(config, steps)), config)

    def update(grads: Any, state: Any, params: Any = None) -> Any:
        # Optax mixes float32 and int32 counts, which a user's strict setting would refuse.
        with jax.numpy_dtype_promotion("standard"):
            return chosen.update(grads, state, params)

    return optax.GradientTransformation(chosen.init, update)


def clipped(
    chosen: optax.GradientTransformation, config: TrainConfig
) -> optax.GradientTransformation:
    """`chosen`, its gradients shortened to `config.clip_norm` first (Pascanu et al. 2013).

    The norm is that over all parameters together, of the gradient of the whole batch.
    """
    if not config.clip_norm:
        return chosen
    return optax.chain(optax.clip_by_global_norm(config.clip_norm), chosen)


def _chosen(config: TrainConfig, rate: optax.Schedule) -> optax.GradientTransformation:
    if config.optimizer == "adam":
        return optax.adam(rate)
    if config.optimizer == "adamw":
        return optax.adamw(rate, weight_decay=config.weight_decay, mask=decays)
    sgd = optax.sgd(rate, momentum=config.momentum, nesterov=True)
    if not config.weight_decay:
        return sgd
    return optax.chain(optax.add_decayed_weights(config.weight_decay, mask=decays), sgd)
