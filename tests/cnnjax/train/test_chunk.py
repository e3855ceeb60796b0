"""Many steps in one call are the steps one by one, wherever the calls are cut."""

import signal

import jax
import numpy as np
import pytest

from cnnjax.lowerings import registry
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import Interrupted, TrainConfig, data_mesh, epoch, fit, run
from cnnjax.train.chunk import make_chunk, steps_a_call
from cnnjax.train.mesh import split, to_mesh
from cnnjax.train.state import initial_state
from cnnjax.train.step import make_step

STEPS = 48  # an epoch: three steps a call


@pytest.fixture(scope="module")
def task(toy):
    """A run with everything random in it, long enough that calls hold several steps."""
    return toy.normed(rate=0.2), toy.splits(train=8 * STEPS)


def settings(toy, **changes):
    given = toy.killable_config().identity()
    return TrainConfig(**{**given, "epochs": 2, "checkpoint_seconds": None, **changes})


@pytest.fixture(scope="module")
def undisturbed(toy, task):
    return fit(*task, settings(toy), progress=False)


@pytest.fixture
def calls(monkeypatch):
    """How many steps each call was asked for; `calls.interrupt_at` raises Ctrl-C in that call."""

    class Calls(list):
        interrupt_at = None

    made = Calls()
    original = epoch.make_chunk

    def counted(*arguments):
        chunk = original(*arguments)

        def call(state, images, labels, count):
            made.append(int(count))
            if len(made) == made.interrupt_at:
                signal.raise_signal(signal.SIGINT)
            return chunk(state, images, labels, count)

        return call

    monkeypatch.setattr(epoch, "make_chunk", counted)
    return made


def assert_identical(left, right):
    jax.tree.map(np.testing.assert_array_equal, left.params, right.params)
    for a, b in zip(left.history, right.history, strict=True):
        assert {k: a[k] for k in ("step", "loss", "accuracy")} == {
            k: b[k] for k in ("step", "loss", "accuracy")
        }


@pytest.mark.parametrize("every", [1, 2, 5])
def test_where_the_calls_are_cut_does_not_matter(toy, task, undisturbed, calls, tmp_path, every):
    cut = fit(*task, settings(toy, checkpoint_steps=every), out=tmp_path, progress=False)
    assert sum(calls) == 2 * STEPS
    assert set(calls) == {1: {1}, 2: {2}, 5: {3, 2, 1}}[every]
    assert_identical(cut, undisturbed)


def test_ctrl_c_between_two_calls_and_resuming_is_identical(
    toy, task, undisturbed, calls, tmp_path
):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    calls.interrupt_at = 20  # the fourth call of the second epoch
    with pytest.raises(Interrupted, match=r"after step 60 of 96"):
        fit(*task, settings(toy), out=tmp_path, progress=False)
    signal.signal(signal.SIGINT, before)
    calls.interrupt_at = None
    resumed = fit(*task, settings(toy), out=tmp_path, resume=True, progress=False)
    assert sum(calls) == 2 * STEPS
    assert_identical(resumed, undisturbed)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("resident", [True, False])
def test_a_call_of_three_is_three_steps(toy, task, devices, resident):
    model, splits = task
    config = TrainConfig(batch_size=8, optimizer="sgd", augment="shift+flip")
    mesh = data_mesh(jax.devices()[:devices])
    preprocessing = Preprocessing.fit(splits.train.images)
    given = (model, config, preprocessing, 100)
    feed = run.feeder(splits.train, mesh, resident=resident)
    rows = np.arange(32, dtype=np.int32).reshape(4, 8)

    state = to_mesh(initial_state(model, config, 100), mesh)
    chunk = make_chunk(*given, mesh, (state, *feed(rows)))
    together, metrics = chunk(state, *feed(rows), np.int32(3))

    state = to_mesh(initial_state(model, config, 100), mesh)
    step = make_step(*given, mesh, (state, *feed(rows[0])))
    for row, found in zip(rows[:3], np.asarray(metrics)[:3], strict=True):
        state, expected = step(state, *feed(row))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert int(together.step) == 3
    np.testing.assert_array_equal(metrics[3], 0)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        together.trained,
        state.trained,
    )


def test_a_stack_is_split_by_images_not_by_batches(toy):
    mesh = data_mesh(jax.devices()[:2])
    data = toy.quadrants(20)
    rows = np.arange(12, dtype=np.int32).reshape(3, 4)
    for resident in (True, False):
        images, labels = run.feeder(data, mesh, resident=resident)(rows)
        np.testing.assert_array_equal(images, data.images[rows])
        np.testing.assert_array_equal(labels, data.labels[rows])
        assert images.addressable_shards[0].data.shape == (3, 2, 8, 8, 1)


@pytest.mark.parametrize(
    ("changes", "per_epoch", "expected"),
    [
        ({}, 48, 3),  # 16 calls an epoch
        ({}, 31, 1),  # the bar would hardly move
        ({}, 10**6, 64),  # the most there is
        ({"accumulate": 2}, 10**6, 1),
    ],
)
def test_how_many_steps_a_call_has(toy, changes, per_epoch, expected):
    model, config = toy.plain(), TrainConfig(batch_size=8, **changes)
    mesh = data_mesh(jax.devices()[:1])
    images = jax.ShapeDtypeStruct((8, 8, 8, 1), np.uint8)
    example = (initial_state(model, config, 100), images, np.zeros(8, np.int32))
    preprocessing = Preprocessing.fit(toy.quadrants(8).images)
    given = (model, config, preprocessing, 100, per_epoch, mesh, example)
    assert steps_a_call(*given) == expected


def test_a_long_step_is_a_call_of_its_own(toy):
    """The note's network on 32 images: half a hundred GFLOP."""
    from cnnjax.models import notes_cnn

    model, config = notes_cnn(10), TrainConfig(batch_size=32)
    mesh = data_mesh(jax.devices()[:1])
    example = (
        jax.eval_shape(lambda: initial_state(model, config, 100)),
        jax.ShapeDtypeStruct((32, 100, 100, 3), np.uint8),
        jax.ShapeDtypeStruct((32,), np.int32),
    )
    preprocessing = Preprocessing.fit(np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3))
    assert steps_a_call(model, config, preprocessing, 100, 10**6, mesh, example) == 1


def test_stacks_go_on_the_same_devices_as_batches():
    mesh = data_mesh(jax.devices()[:2])
    assert split(mesh, 1).spec == jax.sharding.PartitionSpec(None, "data")


def test_what_a_loop_would_slow_down_is_not_looped(toy, monkeypatch):
    model, config = toy.plain(), TrainConfig(batch_size=8)
    mesh = data_mesh(jax.devices()[:1])
    images = jax.ShapeDtypeStruct((8, 8, 8, 1), np.uint8)
    example = (initial_state(model, config, 100), images, np.zeros(8, np.int32))
    preprocessing = Preprocessing.fit(toy.quadrants(8).images)
    given = (model, config, preprocessing, 100, 10**6, mesh, example)
    assert steps_a_call(*given) > 1
    for table in filter(lambda thing: isinstance(thing, registry.Table), vars(registry).values()):
        monkeypatch.setattr(table, "preferred", {})
    assert steps_a_call(*given) == 1
