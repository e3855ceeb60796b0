"""A task a network learns in a second, and a run of it that can be killed.

    python toy.py OUT [--resume] [--kill WHAT:N] [--stream | --open]

WHAT is a call (`write_bytes`, `fsync`, `replace`) or `replaced`, right after a replace; the N-th
one does not return, the process dies of SIGKILL instead.  The tests load this file by its path.
"""

import argparse
import os
import pathlib
import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cnnjax import layers
from cnnjax.data import Dataset, Splits, streamed
from cnnjax.models import Model, notes_cnn
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import TrainConfig, data_mesh, fit
from cnnjax.train.augment import compose, flip
from cnnjax.train.mesh import split, to_mesh
from cnnjax.train.state import BUILT_IN, initial_state
from cnnjax.train.step import make_step

SIDE = 8
CLASSES = ("north-west", "north-east", "south-west", "south-east")


def quadrants(count, seed=0, name="quadrants"):
    """Noise with one bright quadrant, which is the class."""
    rng = np.random.default_rng([seed, count])
    labels = rng.integers(0, 4, count).astype(np.int32)
    images = rng.integers(0, 120, (count, SIDE, SIDE, 1))
    half = SIDE // 2
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[half * row :][:half, half * column :][:, :half] += 100
    return Dataset(images.astype(np.uint8), labels, CLASSES, name)


def splits(train=64, test=20, seed=0):
    return Splits(quadrants(train, seed, "toy train"), quadrants(test, seed + 1, "toy test"))


def streaming(**given):
    """`splits()`, read by two processes when a batch needs them."""
    whole = splits()
    given = {"workers": 2, "processes": True, **given}
    return Splits(
        *(
            streamed(d.images, labels=d.labels, classes=d.classes, name=d.name, **given)
            for d in (whole.train, whole.test)
        )
    )


def plain():
    return notes_cnn(4, widths=(4,), kernel=3, image=(SIDE, SIDE, 1))


def normed(rate=0.0):
    """One convolution, batch norm, dropout and a dense layer."""

    def init(key):
        first, second = jax.random.split(key)
        return {
            "conv": {"kernel": 0.3 * jax.random.normal(first, (3, 3, 1, 4))},
            "bn": {"scale": jnp.ones(4), "bias": jnp.zeros(4)},
            "dense": {"kernel": 0.1 * jax.random.normal(second, (64, 4)), "bias": jnp.zeros(4)},
            "batch_stats": {"bn": {"mean": jnp.zeros(4), "var": jnp.ones(4)}},
        }

    def forward(params, x, key):
        kernels = jax.tree.map(lambda leaf: leaf.astype(x.dtype), (params["conv"], params["dense"]))
        y = layers.conv(x, **kernels[0])
        y, stats = layers.batch_norm(
            y, params["bn"], params["batch_stats"]["bn"], training=key is not None
        )
        y = layers.max_pool(layers.relu(y), 2)
        if key is not None:
            y = layers.dropout(key, y, rate)
        return layers.dense(layers.flatten(y), **kernels[1]), {"bn": stats}

    return Model(
        name="normed",
        config={"rate": rate},
        image=(SIDE, SIDE, 1),
        classes=4,
        init=init,
        apply=lambda params, x: forward(params, x, None)[0],
        apply_train=forward,
        features=lambda params, x: {},
    )


def after(config, steps=2, model=None, functions=BUILT_IN):
    """The states before and after each of some steps on the first images."""
    model, data = model or plain(), quadrants(32)
    mesh = data_mesh(jax.devices()[:1])
    preprocessing = Preprocessing.fit(data.images)
    state = to_mesh(initial_state(model, config, 10, functions), mesh)
    states, step = [jax.device_get(state._replace(opt_state=None))], None
    for index in range(steps):
        part = slice(16 * index, 16 * index + 16)
        batch = jax.device_put((data.images[part], data.labels[part]), split(mesh))
        step = step or make_step(model, config, preprocessing, 10, mesh, (state, *batch), functions)
        state, _ = step(state, *batch)
        states.append(jax.device_get(state._replace(opt_state=None)))
    return states


def killable_config(**changes):
    """A short run with everything that could break on resuming: dropout, augmentation, Adam."""
    given = {
        "epochs": 4,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "warmup_steps": 3,
        "augment": "shift+flip",
        "shift": 1,
        "optimizer": "adamw",
        "weight_decay": 1e-2,
        "checkpoint_steps": 1,
    }
    return TrainConfig(**{**given, **changes})


def functions():
    """Functions of a user's own for `fit`, with all that could break: a key and a count in the
    optimiser's state, momentum, an array that the loss closes over, randomness."""
    table = jnp.asarray([1.0, 2.0, 1.0, 0.5])

    def focal(logits, labels):
        log_p = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)[:, 0]
        return -jnp.take(table, labels) * (1 - jnp.exp(log_p)) ** 2 * log_p

    def brighter(key, images):
        factor = jax.random.uniform(key, (len(images), 1, 1, 1), jnp.float32, 0.5, 1.0)
        return (images.astype(jnp.float32) * factor).astype(jnp.uint8)

    noisy = optax.add_noise(1e-3, 0.5, jax.random.key(3))
    return {
        "optimizer": lambda rate: optax.chain(noisy, optax.lion(rate, b1=0.8)),
        "loss": focal,
        "augment": compose(brighter, flip),
    }


def open_config(**changes):
    """A run with those functions, an average of the parameters, class weights and clipping."""
    given = {"epochs": 2, "augment": "none", "optimizer": "adam", "weight_decay": 0.0}
    extra = {"ema": 0.9, "clip_norm": 1.0, "class_weights": "balanced"}
    return killable_config(**given, **extra, **changes)


def _kill_at(what, number):
    """Make the `number`-th call of `what` die."""
    owner, name = {
        "write_bytes": (pathlib.Path, "write_bytes"),
        "fsync": (os, "fsync"),
        "replace": (os, "replace"),
        "replaced": (os, "replace"),
    }[what]
    original, calls = getattr(owner, name), 0

    def call(*arguments):
        nonlocal calls
        calls += 1
        if calls == number and what == "write_bytes":
            with open(arguments[0], "wb") as file:  # half of it is written
                file.write(arguments[1][: len(arguments[1]) // 2])
        elif what == "replaced" or calls != number:
            original(*arguments)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, call)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--kill")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--open", action="store_true")
    given = parser.parse_args()
    if given.kill:
        what, number = given.kill.split(":")
        _kill_at(what, int(number))
    print("begins", flush=True)
    data = streaming() if given.stream else splits()
    config, own = (open_config(), functions()) if given.open else (killable_config(), {})
    model = plain() if given.open else normed(rate=0.2)
    fit(model, data, config, out=given.out, resume=given.resume, **own)
