"""Training on streamed images is training on images in memory, bit for bit, in bounded memory."""

import os
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest

from cnnjax.checkpoint import CheckpointError
from cnnjax.data import Splits, streamed
from cnnjax.train import Interrupted, data_mesh, evaluate, fit, run
from cnnjax.train.batches import feeder


class Counted:
    """A source over an array that counts what is read, and sends Ctrl-C at one of them."""

    def __init__(self, array, interrupt=None):
        self.array, self.interrupt, self.read = array, interrupt, []

    def __len__(self):
        return len(self.array)

    def __getitem__(self, index):
        self.read.append(index)
        if len(self.read) == self.interrupt:
            os.kill(os.getpid(), signal.SIGINT)
        return self.array[index]


def lazily(splits, **given):
    return Splits(
        *(
            streamed(Counted(d.images, **given), labels=d.labels, classes=d.classes, name=d.name)
            for d in (splits.train, splits.test)
        )
    )


def assert_identical(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


@pytest.fixture(scope="module")
def task(toy):
    given = (toy.normed(rate=0.2), toy.splits(), toy.killable_config())
    return given, fit(*given, progress=False)


def test_the_parameters_are_those_of_images_in_memory(task):
    (model, splits, config), result = task
    again = fit(model, lazily(splits), config, progress=False)
    assert_identical(again.params, result.params)
    assert again.preprocessing == result.preprocessing
    assert again.evaluation.loss == result.evaluation.loss
    np.testing.assert_array_equal(again.evaluation.confusion, result.evaluation.confusion)


def test_a_source_takes_the_place_of_the_training_images(task):
    (model, splits, config), result = task
    source = Counted(splits.train.images)
    source.labels = splits.train.labels
    again = fit(model, Splits(splits.test, splits.test), config, data=source, progress=False)
    assert_identical(again.params, result.params)


@pytest.mark.parametrize("devices", [1, 2])
def test_a_batch_and_a_stack_are_the_indexed_images(toy, devices):
    data = toy.quadrants(20)
    lazy = streamed(Counted(data.images), labels=data.labels, classes=data.classes)
    with lazy.images.pool:
        feed = feeder(lazy, data_mesh(jax.devices()[:devices]))
        for indices in (np.array([19, 0, 7, 7]), np.array([[1, 2], [3, 4], [3, 4]])):
            images, labels = feed(indices.astype(np.int32))
            np.testing.assert_array_equal(images, data.images[indices])
            np.testing.assert_array_equal(labels, data.labels[indices])
            assert (images.dtype, labels.dtype) == (np.uint8, np.int32)
            assert len(images.addressable_shards) == devices


def test_an_epoch_reads_every_image_once(task):
    (model, splits, config), _ = task
    lazy = lazily(splits)
    fit(model, lazy, config, progress=False)
    counts = np.bincount(lazy.train.images.source.read)
    # Its shape (the first image), the measuring of mean and deviation, the example batch, 4 epochs.
    assert counts[1:].tolist() == [1 + config.epochs] * 63
    assert counts[0] == 1 + 1 + config.batch_size + config.epochs


def test_ctrl_c_and_resume_end_with_the_same_parameters(task, tmp_path):
    (model, splits, config), result = task
    lazy = lazily(splits)
    lazy.train.images.source.interrupt = 64 + 9 + 100
    with pytest.raises(Interrupted):
        fit(model, lazy, config, out=tmp_path, progress=False)
    again = fit(model, lazily(splits), config, out=tmp_path, resume=True, progress=False)
    assert_identical(again.params, result.params)


def test_resuming_with_other_images_is_refused(task, toy, tmp_path):
    (model, splits, config), _ = task
    fit(model, lazily(splits), config, out=tmp_path, progress=False)
    other = toy.quadrants(64, 9, "toy train").images
    train = streamed(other, labels=splits.train.labels, classes=toy.CLASSES, name="toy train")
    changed = Splits(train, lazily(splits).test)
    with pytest.raises(CheckpointError, match=r"data\.train\.streamed\.some_crc32 was"):
        fit(model, changed, config, out=tmp_path, resume=True, progress=False)


def test_of_many_images_some_are_measured(toy, monkeypatch):
    monkeypatch.setattr(run, "MEASURED", 5)
    lazy = lazily(toy.splits()).train
    lazy.images.source.read.clear()
    with lazy.images.pool:
        found = run._measured(lazy.images)
    assert sorted(lazy.images.source.read) == [0, 16, 32, 47, 63]
    assert found == type(found).fit(toy.splits().train.images[[0, 16, 32, 47, 63]])


def test_evaluation_of_streamed_images_is_that_of_images_in_memory(task):
    (model, splits, _), result = task
    for batch in (7, 128):
        both = [
            evaluate(model, result.params, data, result.preprocessing, batch_size=batch)
            for data in (splits.train, lazily(splits).train)
        ]
        assert both[0].loss == both[1].loss


MEMORY = """
import os, resource, sys
LIMIT, SIDE, COUNT = (int(a) for a in sys.argv[1:])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # every thread has a stack
resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
import jax.numpy as jnp
import numpy as np
from cnnjax.data import Splits, streamed
from cnnjax.models import Model
from cnnjax.train import TrainConfig, fit

class Source:
    labels = np.arange(COUNT) % 2
    read = 0
    def __len__(self): return COUNT
    def __getitem__(self, i):
        self.read += 1
        return np.full((SIDE, SIDE, 3), 64 + 128 * (i % 2), np.uint8)

def apply(params, x):  # looks at a corner: the test is of the memory
    return x[:, :4, :4].mean((1, 2)) @ params["dense"]["kernel"]

def init(key): return {"dense": {"kernel": jnp.zeros((3, 2))}}

model = Model(name="corner", config={}, image=(SIDE, SIDE, 3), classes=2, init=init, apply=apply,
              apply_train=lambda p, x, key: (apply(p, x), {}), features=lambda p, x: {})
source = Source()
test = streamed(np.full((8, SIDE, SIDE, 3), 64, np.uint8), labels=[0] * 8, classes="01")
try:
    np.ones(COUNT * SIDE * SIDE * 3, np.uint8)
    print("there is no limit")
except MemoryError:
    result = fit(model, Splits(streamed(source, name="train"), test),
                 TrainConfig(epochs=1, batch_size=32, learning_rate=0.1), progress=False)
    print(source.read >= COUNT, result.evaluation.accuracy)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_set_four_times_the_memory_limit_trains():
    limit, side = 640 << 20, 192
    count = 32 * -(-4 * limit // (32 * side * side * 3))
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, *map(str, (limit, side, count))],
        env={**os.environ, "XLA_FLAGS": ""}, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert ran.stdout.split() == ["True", "1.0"], ran.stderr
