"""One training step as one jitted function: augment, normalise, loss, gradient, update.

    state, metrics = step(state, images, labels)      images uint8, labels int32

All randomness of step t comes from the key (seed, t); nothing random is stored.  Parameters,
optimiser state and loss are float32, the network computes in `config.precision`.  With
`accumulate=k` the gradient is the mean over k micro-batches, which for models without batch norm
or dropout is the gradient of the whole batch (to rounding), in the memory of one k-th of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from cnnjax.losses import cross_entropy
from cnnjax.preprocessing import Preprocessing
from cnnjax.train.augment import augment
from cnnjax.train.compiler import compiler_options
from cnnjax.train.config import TrainConfig
from cnnjax.train.mesh import replicated, split
from cnnjax.train.optimizer import optimizer

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = ["State", "initial_params", "initial_state", "make_step", "params_of"]

# The streams of randomness that grow from one seed.
_INIT, _STEPS = 0, 1


class State(NamedTuple):
    """What a step changes: the trained parameters, running statistics, optimiser, step count."""

    trained: Any
    batch_stats: Any
    opt_state: Any
    step: Any


def initial_params(model: Model, seed: int) -> Any:
    """The parameters that a run with this seed starts from (`model.init`, float32)."""
    return jax.jit(model.init)(jax.random.fold_in(jax.random.key(seed), _INIT))


def initial_state(model: Model, config: TrainConfig, steps: int) -> State:
    """The state before the first of `steps` steps."""
    params = dict(initial_params(model, config.seed))
    stats = params.pop("batch_stats", {})
    return State(params, stats, optimizer(config, steps).init(params), jnp.zeros((), jnp.int32))


def params_of(state: State) -> Any:
    """The model's parameters: the trained ones, and the running statistics where it has any."""
    return _merge(state.trained, state.batch_stats)


def _merge(trained: Any, stats: Any) -> Any:
    return {**trained, "batch_stats": stats} if stats else dict(trained)


def make_step(
    model: Model, config: TrainConfig, preprocessing: Preprocessing, steps: int, mesh: Mesh
) -> Any:
    """The jitted step of a run of `steps` steps over `mesh`.

    It takes the state (donated: use the returned one), (B, H, W, C) uint8 images and (B,) int32
    labels, both split over the mesh, and returns the state and a float32 array [mean loss, number
    of correct answers].
    """
    update = optimizer(config, steps).update
    dtype = jnp.dtype(config.precision)
    platform = mesh.devices.flat[0].platform

    def loss_of(trained: Any, stats: Any, images: Any, labels: Any, key: Any) -> Any:
        x = preprocessing(images, dtype)
        logits, new_stats = model.apply_train(_merge(trained, stats), x, key)
        logits = logits.astype(jnp.float32)
        loss = jnp.mean(cross_entropy(logits, labels, label_smoothing=config.label_smoothing))
        correct = jnp.sum(jnp.argmax(logits, -1).astype(labels.dtype) == labels)
        new_stats = jax.tree.map(lambda new, old: new.astype(old.dtype), new_stats, stats)
        return loss, (new_stats, correct)

    gradient = jax.value_and_grad(loss_of, has_aux=True)

    def accumulated(trained: Any, stats: Any, images: Any, labels: Any, key: Any) -> Any:
        """The same as `gradient`, micro-batch by micro-batch."""
        parts = config.accumulate

        def micro(carry: Any, part: Any) -> Any:
            # One after the other: XLA may otherwise run all of them at once, in all the memory.
            (total, stats, loss, correct), part = jax.lax.optimization_barrier((carry, part))
            images, labels, index = part
            (part_loss, (stats, part_correct)), grads = gradient(
                trained, stats, images, labels, jax.random.fold_in(key, index)
            )
            total = jax.tree.map(jnp.add, total, grads)
            return (total, stats, loss + part_loss, correct + part_correct), None

        # Every parts-th image, so that each device's share stays on that device.
        def divide(array: Any) -> Any:
            return jnp.moveaxis(array.reshape(-1, parts, *array.shape[1:]), 1, 0)

        zeros = jax.tree.map(jnp.zeros_like, trained)
        start = (zeros, stats, jnp.zeros(()), jnp.zeros((), jnp.int32))
        inputs = (divide(images), divide(labels), jnp.arange(parts))
        # Convolution gradients in a loop body are up to 28 times slower on the CPU.
        unroll = platform == "cpu"
        (total, stats, loss, correct), _ = jax.lax.scan(micro, start, inputs, unroll=unroll)
        mean = jax.tree.map(lambda g: g / parts, total)
        return (loss / parts, (stats, correct)), mean

    def step(state: State, images: Any, labels: Any) -> Any:
        key = jax.random.fold_in(jax.random.key(config.seed), _STEPS)
        for_images, for_model = jax.random.split(jax.random.fold_in(key, state.step))
        images = augment(for_images, images, config.augment, config.shift)
        compute = gradient if config.accumulate == 1 else accumulated
        (loss, (stats, correct)), grads = compute(
            state.trained, state.batch_stats, images, labels, for_model
        )
        updates, opt_state = update(grads, state.opt_state, state.trained)
        trained = optax.apply_updates(state.trained, updates)
        metrics = jnp.stack([loss, correct.astype(jnp.float32)])
        return State(trained, stats, opt_state, state.step + 1), metrics

    everywhere, batch = replicated(mesh), split(mesh)
    return jax.jit(
        step,
        donate_argnums=0,
        in_shardings=(everywhere, batch, batch),
        out_shardings=everywhere,
        compiler_options=compiler_options(platform, dtype),
    )
