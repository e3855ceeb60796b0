"""The state that training changes: what it begins with, and the model's parameters in it.

With `config.ema` = d there is an average of all parameters and running statistics, after step t

    average = r average + (1 - r) parameters,      r = min(d, (1 + t) / (10 + t)),

(Polyak & Juditsky 1992; r as in TensorFlow's, so that the random start is forgotten early), and
the model's parameters are that average.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from cnnjax.train import start as starting
from cnnjax.train.config import TrainConfig
from cnnjax.train.functions import Functions

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = [
    "BUILT_IN",
    "State",
    "averaged",
    "initial_params",
    "initial_state",
    "merged",
    "params_of",
]

BUILT_IN = Functions()
_INIT = 0  # of the streams of randomness that grow from one seed; the other one is `step.py`'s


class State(NamedTuple):
    """What a step changes: the trained parameters, running statistics, optimiser, step count; the
    frozen parameters, which it does not; the average of the trained ones and the statistics.

    The last two are None where there are none."""

    trained: Any
    batch_stats: Any
    opt_state: Any
    step: Any
    frozen: Any = None
    average: Any = None


def initial_params(model: Model, seed: int) -> Any:
    """The parameters that a run with this seed starts from (`model.init`, float32)."""
    return jax.jit(model.init)(jax.random.fold_in(jax.random.key(seed), _INIT))


def initial_state(
    model: Model,
    config: TrainConfig,
    steps: int,
    functions: Functions = BUILT_IN,
    *,
    params: Any = None,
    frozen: Sequence[str] = (),
) -> State:
    """The state before the first of `steps` steps, from `params` if they are given."""
    whole = initial_params(model, config.seed) if params is None else params
    trained, stats = starting.without_stats(whole)
    still = None
    if frozen:
        trained, still = starting.divide(trained, frozen)
    average = None
    if config.ema:
        average = jax.tree.map(jnp.copy, {"trained": trained, "batch_stats": stats})
    opt_state = functions.transformation(config, steps).init(trained)
    return State(trained, stats, opt_state, jnp.zeros((), jnp.int32), still, average)


def params_of(state: State) -> Any:
    """The model's parameters, as they are evaluated and saved: averaged ones if there are, frozen
    ones included, and the running statistics where it has any."""
    trained, stats = state.trained, state.batch_stats
    if state.average is not None:
        trained, stats = state.average["trained"], state.average["batch_stats"]
    return merged(trained, stats, state.frozen)


def merged(trained: Any, stats: Any, frozen: Any) -> Any:
    """A model's parameters from those that are trained, its statistics, and the frozen ones."""
    whole = starting.merge(trained, frozen)
    return {**whole, "batch_stats": stats} if stats else dict(whole)


def averaged(decay: float, step: Any, average: Any, new: Any) -> Any:
    """The average of a tree of arrays after a step (counted from 0); see above.

    >>> print(averaged(0.9, jnp.int32(0), jnp.float32(1.0), jnp.float32(2.0)))
    1.9
    """
    t = step.astype(jnp.float32)
    rate = jnp.minimum(jnp.float32(decay), (1 + t) / (10 + t))

    def mean(old: jax.Array, now: jax.Array) -> jax.Array:
        share = rate.astype(old.dtype)
        return share * old + (1 - share) * now

    return jax.tree.map(mean, average, new)
