"""A task a network learns in a second, and a run of it that can be killed.

    python toy.py OUT [--resume] [--kill WHAT:N] [--stream]

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

from cnnjax import layers
from cnnjax.data import Dataset, Splits, streamed
from cnnjax.models import Model, notes_cnn
from cnnjax.train import TrainConfig, fit

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
    given = parser.parse_args()
    if given.kill:
        what, number = given.kill.split(":")
        _kill_at(what, int(number))
    print("begins", flush=True)
    data = streaming() if given.stream else splits()
    fit(normed(rate=0.2), data, killable_config(), out=given.out, resume=given.resume)
