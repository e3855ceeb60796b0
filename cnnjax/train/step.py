"""One training step as one jitted function: augment, normalise, loss, gradient, update.

    state, metrics = step(state, images, labels)      images uint8, labels int32

All randomness of step t comes from the key (seed, t); nothing random is stored.  Parameters,
optimiser state and loss are float32, the network computes in `config.precision`.  With
`accumulate=k` the gradient is the mean over k micro-batches, which for models without batch norm
or dropout is the gradient of the whole batch (to rounding), in the memory of one of them.  For the
same models a CPU computes each of them in parts that stay in its cache (`parts.py`).

What augments, what the loss is and what the optimiser makes of the gradient are `functions.py`;
what a step changes is `state.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from cnnjax.preprocessing import Preprocessing
from cnnjax.train.compiler import compiler_options
from cnnjax.train.config import TrainConfig
from cnnjax.train.functions import Functions
from cnnjax.train.mesh import placement, replicated, shares, split
from cnnjax.train.parts import in_parts, parts_that_pay
from cnnjax.train.state import BUILT_IN, State, averaged, merged

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = ["Step", "make_step", "one_step"]

# Of the streams of randomness that grow from one seed; the other one is `state.py`'s.
_STEPS = 1
_MIX = 0x6D6978  # of the images' key: mixing draws apart from what augments


Step = Callable[["State", jax.Array, jax.Array], tuple["State", jax.Array]]


class _Sums(NamedTuple):
    """What is added up over the micro-batches of one step."""

    grads: Any
    batch_stats: Any
    loss: jax.Array
    correct: jax.Array


class _Pieces(NamedTuple):
    """A step in three: empty sums, the sums with one micro-batch added, the update from them."""

    start: Callable[[State], _Sums]
    add: Callable[[State, _Sums, Any, Any, Any], _Sums]
    finish: Callable[[State, _Sums], tuple[State, jax.Array]]


def _pieces(
    model: Model,
    config: TrainConfig,
    preprocessing: Preprocessing,
    steps: int,
    mesh: Mesh,
    functions: Functions,
) -> _Pieces:
    transform = functions.transformation(config, steps)
    augment = functions.augmented(model, config, preprocessing)
    mix, losses_of = functions.mixed(config), functions.losses(config)
    dtype = jnp.dtype(config.precision)
    parts = config.accumulate
    share = config.batch_size // (parts * shares(mesh))
    # Over several devices a part would have to lie on all of them.
    platform = mesh.devices.flat[0].platform
    cuts = parts_that_pay(model, share, platform, training=True) if mesh.size == 1 else 1

    def loss_of(
        trained: Any, stats: Any, frozen: Any, images: Any, labels: Any, mixed: Any, key: Any
    ) -> Any:
        x = preprocessing(images, dtype)
        logits, new_stats = model.apply_train(merged(trained, stats, frozen), x, key)
        logits = logits.astype(jnp.float32)
        losses = losses_of(logits, labels)
        if mixed:
            others, share = mixed
            losses = share * losses + (1 - share) * losses_of(logits, others)
            # Right is the class of which there is more in the image.
            labels = jnp.where(share >= 0.5, labels, others)
        loss = jnp.mean(losses) / cuts
        correct = jnp.sum(jnp.argmax(logits, -1).astype(labels.dtype) == labels)
        new_stats = jax.tree.map(lambda new, old: new.astype(old.dtype), new_stats, stats)
        return loss, (new_stats, correct.astype(jnp.float32))

    def keys(step: Any) -> tuple[jax.Array, jax.Array]:
        stream = jax.random.fold_in(jax.random.key(config.seed), _STEPS)
        for_images, for_model = jax.random.split(jax.random.fold_in(stream, step))
        return for_images, for_model

    def start(state: State) -> _Sums:
        zeros = jax.tree.map(jnp.zeros_like, state.trained)
        return _Sums(zeros, state.batch_stats, jnp.zeros(()), jnp.zeros(()))

    def add(state: State, sums: _Sums, images: Any, labels: Any, part: Any) -> _Sums:
        """Add the gradient of one micro-batch: every `parts`-th image of the batch."""
        for_images, for_model = keys(state.step)
        # The whole batch is augmented each time (it costs next to nothing), so that the number
        # of micro-batches does not change what is trained on.
        images, labels = augment(for_images, images, labels)
        mixed: tuple[Any, ...] = ()
        if mix is not None:
            images, *rest = mix(jax.random.fold_in(for_images, _MIX), images, labels)
            mixed = tuple(rest)
        if parts > 1:
            # Strided, not contiguous: so each device's share stays on that device.
            images, labels, *rest = (
                jax.lax.dynamic_index_in_dim(
                    array.reshape(-1, parts, *array.shape[1:]), part, axis=1, keepdims=False
                )
                for array in (images, labels, *mixed)
            )
            mixed = tuple(rest)
            for_model = jax.random.fold_in(for_model, part)

        def gradient(trained: Any, images: Any, labels: Any, *mixed: Any) -> Any:
            return jax.value_and_grad(loss_of, has_aux=True)(
                trained, sums.batch_stats, state.frozen, images, labels, mixed, for_model
            )

        arrays = (images, labels, *mixed)
        (loss, (stats, correct)), grads = in_parts(gradient, cuts)(state.trained, *arrays)
        grads = jax.tree.map(jnp.add, sums.grads, grads)
        return _Sums(grads, stats, sums.loss + loss, sums.correct + correct)

    def finish(state: State, sums: _Sums) -> tuple[State, jax.Array]:
        grads = jax.tree.map(lambda total: total / parts, sums.grads)
        extra: dict[str, Any] = {} if functions.optimizer is None else {"value": sums.loss / parts}
        updates, opt_state = transform.update(grads, state.opt_state, state.trained, **extra)
        trained = optax.apply_updates(state.trained, updates)
        average = state.average
        if average is not None:
            new = {"trained": trained, "batch_stats": sums.batch_stats}
            average = averaged(config.ema, state.step, average, new)
        metrics = jnp.stack([sums.loss / parts, sums.correct])
        step = state.step + 1
        return State(trained, sums.batch_stats, opt_state, step, state.frozen, average), metrics

    return _Pieces(start, add, finish)


def one_step(
    model: Model,
    config: TrainConfig,
    preprocessing: Preprocessing,
    steps: int,
    mesh: Mesh,
    functions: Functions = BUILT_IN,
) -> Step:
    """The step as a plain function, to be compiled by the caller; no micro-batches."""
    start, add, finish = _pieces(model, config, preprocessing, steps, mesh, functions)

    def step(state: State, images: Any, labels: Any) -> tuple[State, jax.Array]:
        return finish(state, add(state, start(state), images, labels, 0))

    return step


def make_step(
    model: Model,
    config: TrainConfig,
    preprocessing: Preprocessing,
    steps: int,
    mesh: Mesh,
    example: tuple[State, jax.Array, jax.Array],
    functions: Functions = BUILT_IN,
) -> Step:
    """The compiled step of a run of `steps` steps over `mesh`.

    It takes the state (donated: use the returned one), (B, H, W, C) uint8 images and int32 labels,
    (B,) or a pixel's each (B, H, W), both split over the mesh, and returns the state and a float32
    array [mean loss, number of correct answers].  `example` is one such set of arguments, or their
    ShapeDtypeStructs with shardings.
    """
    dtype = jnp.dtype(config.precision)
    everywhere, batch = replicated(mesh), split(mesh)
    parts = config.accumulate
    share = config.batch_size // (parts * shares(mesh))
    options = compiler_options(mesh.devices.flat[0].platform, dtype, share, training=True)

    def compiled(
        f: Any, *arguments: Any, donate: tuple[int, ...], shardings: Any, results: Any
    ) -> Any:
        return (
            jax.jit(
                f,
                donate_argnums=donate,
                in_shardings=shardings,
                out_shardings=results,
                compiler_options=options,
            )
            .lower(*arguments)
            .compile()
        )

    state, images, labels = example
    placed = placement(state, mesh)
    if parts == 1:
        whole = one_step(model, config, preprocessing, steps, mesh, functions)
        given = (placed, batch, batch)
        return compiled(whole, *example, donate=(0,), shardings=given, results=(placed, everywhere))

    # Three programs instead of a loop in one: memory is that of one micro-batch on every backend.
    start, add, finish = _pieces(model, config, preprocessing, steps, mesh, functions)
    sums = jax.eval_shape(start, state)
    total = placement(sums, mesh)
    begin = compiled(start, state, donate=(), shardings=(placed,), results=total)
    end = compiled(
        finish,
        state,
        sums,
        donate=(0,),
        shardings=(placed, total),
        results=(placed, everywhere),
    )
    one = compiled(
        add,
        state,
        sums,
        images,
        labels,
        np.int32(0),
        donate=(1,),
        shardings=(placed, total, batch, batch, everywhere),
        results=total,
    )

    def accumulated(state: State, images: Any, labels: Any) -> tuple[State, jax.Array]:
        total = begin(state)
        for part in range(parts):
            total = one(state, total, images, labels, np.int32(part))
        return end(state, total)

    return accumulated
