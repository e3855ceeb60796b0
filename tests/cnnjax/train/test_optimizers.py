"""Every optimiser learns, the schedule has the values of its formula, decay spares biases."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.train import TrainConfig, fit
from cnnjax.train.config import OPTIMIZERS, SCHEDULES
from cnnjax.train.optimizer import decays, learning_rate, optimizer


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_learns_the_toy_task(toy, name, schedule):
    config = TrainConfig(
        epochs=3, batch_size=16, optimizer=name, schedule=schedule, learning_rate=2e-2
    )
    result = fit(toy.plain(), toy.splits(), config, progress=False)
    assert result.history[-1]["loss"] < 0.5 * result.history[0]["loss"]
    assert result.evaluation.accuracy > 0.9


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 1, 2, 7])
def test_schedule_is_its_formula(schedule, warmup):
    peak, steps = 0.3, 20
    config = TrainConfig(learning_rate=peak, warmup_steps=warmup, schedule=schedule)
    rate = learning_rate(config, steps)
    for t in range(steps + 1):
        if t < warmup:
            expected = peak * (t + 1) / warmup
        elif schedule == "cosine":
            expected = peak * (1 + math.cos(math.pi * (t - warmup) / (steps - warmup))) / 2
        else:
            expected = peak
        np.testing.assert_allclose(float(rate(t)), expected, rtol=1e-6, atol=2e-7 * peak)


def test_warmup_longer_than_the_run_is_refused(toy):
    with pytest.raises(ValueError, match="warmup_steps 8 must be below the 8 steps"):
        fit(toy.plain(), toy.splits(), TrainConfig(epochs=2, batch_size=16, warmup_steps=8))


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_decay_shrinks_kernels_and_nothing_else(toy, name):
    params = toy.normed().init(jax.random.key(0))
    del params["batch_stats"]
    config = TrainConfig(optimizer=name, weight_decay=0.5, learning_rate=0.1, schedule="constant")
    updates = optimizer(config, 10)
    zeros = jax.tree.map(jnp.zeros_like, params)  # no gradient: what moves, moves by decay
    moved, _ = updates.update(zeros, updates.init(params), params)
    for (path, change), is_kernel in zip(
        jax.tree_util.tree_leaves_with_path(moved), jax.tree.leaves(decays(params)), strict=True
    ):
        assert is_kernel == (path[-1].key == "kernel")
        assert bool(jnp.any(change != 0)) == is_kernel


def test_sgd_is_nesterov_momentum():
    config = TrainConfig(optimizer="sgd", learning_rate=0.1, momentum=0.9, schedule="constant")
    sgd = optimizer(config, 10)
    w, state = jnp.asarray(1.0), sgd.init(jnp.asarray(1.0))
    mine, trace = 1.0, 0.0
    for _ in range(4):  # the gradient of w**2 / 2 is w
        update, state = sgd.update(w, state, w)
        w = w + update
        trace = mine + 0.9 * trace
        mine -= 0.1 * (mine + 0.9 * trace)
    np.testing.assert_allclose(float(w), mine, rtol=1e-6)
