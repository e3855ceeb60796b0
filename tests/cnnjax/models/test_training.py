"""Every published network learns: the loss falls in a few steps, on real images and on drawn ones.

Small versions on few images: that they learn is the claim here, not how well.
"""

import functools
import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cnnjax import data, models
from cnnjax.losses import cross_entropy
from cnnjax.models import BATCH_STATS, build, mobilenet, resnet

README = Path(models.__file__).with_name("README.md")
# Blocks like those that are left out.
BLOCKS = {"resnet34": ("basic", (1, 1, 1, 1)), "resnet50": ("bottleneck", (1, 1, 1, 1))}
ROWS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 1, 2))
OPTIONS = {
    "vgg16": {"width": 4, "head": 16, "dropout": 0.0},
    "resnet34": {"width": 4},
    "resnet50": {"width": 4},
    "mobilenet_v2": {"width": 0.25},
    "convnext": {"depths": (1, 1), "widths": (8, 16), "patch": 4, "scale": 0.1},
    "unet": {"width": 4, "depth": 2},
}
IMAGES, BATCH, STEPS = 128, 32, 24


# Programs here run once on small arrays: what counts is how fast they compile.
jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


@pytest.fixture(autouse=True)
def shallow(monkeypatch):
    for name, blocks in BLOCKS.items():
        monkeypatch.setitem(resnet.BLOCKS, name, blocks)
    monkeypatch.setattr(mobilenet, "SETTINGS", ROWS)


def drawn():
    """Images of three shapes that the library draws, with one channel."""
    part = data.load("patterns", size=(32, 32), limit=2 * IMAGES).train
    keep = part.labels < 3
    return part.images[keep][:IMAGES].mean(-1, keepdims=True) / 255, part.labels[keep][:IMAGES]


def real():
    """Garments of Fashion-MNIST, three kinds, 28x28 with a rim of zeros."""
    if not os.environ.get("CNNJAX_DATA"):
        pytest.skip("real data: the environment variable CNNJAX_DATA names no folder")
    part = data.load(f"idx:{Path(os.environ['CNNJAX_DATA'], 'fashion-mnist')}").train
    keep = np.flatnonzero(part.labels < 3)[:IMAGES]
    images = np.pad(part.images[keep] / 255.0, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return images, part.labels[keep]


def losses(model, images, labels):
    """The loss of each step."""
    images, labels = jnp.asarray(images, jnp.float32), jnp.asarray(labels, jnp.int32)
    params = model.init(jax.random.key(0))
    stats = params.pop(BATCH_STATS, {})
    optimizer = optax.adam(3e-3)

    def step(state, key):
        params, stats, slopes = state
        rows = jax.random.choice(key, len(images), (BATCH,), replace=False)

        def loss(params):
            given = {**params, BATCH_STATS: stats} if stats else params
            logits, new = model.apply_train(given, images[rows], key)
            return cross_entropy(logits, labels[rows]).mean(), new

        (value, new), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        updates, slopes = optimizer.update(gradient, slopes, params)
        return (optax.apply_updates(params, updates), new, slopes), value

    start = params, stats, optimizer.init(params)
    keys = jax.random.split(jax.random.key(1), STEPS)
    return np.asarray(jit(lambda: jax.lax.scan(step, start, keys)[1])())


def learns(name, images, labels):
    if name == "unet":  # the class of the image where there is something, else one more
        bright = images[..., 0] > 0.2
        labels = np.where(bright, labels[:, None, None], 3)
    classes = 4 if name == "unet" else 3
    model = build(name, classes=classes, image=images.shape[1:], **OPTIONS[name])
    found = losses(model, images, labels)
    assert np.isfinite(found).all()
    assert found[-6:].mean() < 0.8 * found[:3].mean(), found


@pytest.mark.full
@pytest.mark.parametrize("name", OPTIONS)
def test_every_network_learns_from_real_images(name):
    learns(name, *real())


@pytest.mark.parametrize("name", ["mobilenet_v2", "unet"])
def test_networks_learn_from_drawn_images(name):
    learns(name, *drawn())


def test_the_readme_trains_a_class_for_each_pixel():
    [snippet] = re.findall(r"^```python pixels\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S)
    space = {}
    exec(compile(snippet, str(README), "exec"), space)
    first, *_, last = space["result"].history
    assert last["loss"] < first["loss"]
    assert space["answers"].shape == (4, 32, 32)
