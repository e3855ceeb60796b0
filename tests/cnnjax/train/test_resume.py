"""A run that was stopped and resumed is the run that was not, bit for bit."""

import json
import os
import signal
import threading
from dataclasses import replace

import jax
import numpy as np
import pytest

from cnnjax.checkpoint import CheckpointError, load_model, read
from cnnjax.lowerings import tuned
from cnnjax.notices import Notice
from cnnjax.train import Interrupted, NonFiniteLoss, TrainConfig, data_mesh, fit, run
from cnnjax.train.interrupt import interruptible


def assert_identical(left, right):
    paths, other = jax.tree_util.tree_leaves_with_path(left), jax.tree.leaves(right)
    for (path, a), b in zip(paths, other, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=jax.tree_util.keystr(path))


def untimed(history):
    timed = ("seconds", "images_per_second")
    return [{k: v for k, v in row.items() if k not in timed} for row in history]


@pytest.fixture(autouse=True)
def interrupts_arrive():
    """A run in the background of a shell starts with Ctrl-C ignored; these tests are about it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def task(toy):
    """A model, data and settings with all that could break on resuming, and how they end."""
    given = (toy.normed(rate=0.2), toy.splits(), toy.killable_config())
    return given, fit(*given, progress=False)


@pytest.fixture
def ctrl_c(monkeypatch):
    """`ctrl_c(n)`: the next run gets a Ctrl-C while batch n is fetched."""

    def at(number):
        def feeder(*arguments, **options):
            feed, calls = original(*arguments, **options), 0

            def interrupted(indices):
                nonlocal calls
                calls += 1
                if calls == number + 1:  # the first call is for compiling
                    signal.raise_signal(signal.SIGINT)
                return feed.batch(indices)

            return replace(feed, batch=interrupted)

        monkeypatch.setattr(run, "feeder", feeder)

    original = run.feeder
    yield at
    monkeypatch.setattr(run, "feeder", original)


def test_the_same_seed_is_the_same_run_and_another_is_not(task):
    (model, splits, config), result = task
    again = fit(model, splits, config, progress=False)
    assert_identical(result.params, again.params)
    assert untimed(result.history) == untimed(again.history)
    other = fit(model, splits, TrainConfig(**{**config.identity(), "seed": 1}), progress=False)
    assert (other.params["conv"]["kernel"] != result.params["conv"]["kernel"]).any()


@pytest.mark.parametrize("step", [1, 4, 8, 9, 31])  # 8 steps an epoch
def test_ctrl_c_saves_and_resuming_is_identical(task, ctrl_c, tmp_path, monkeypatch, step):
    (model, splits, config), result = task
    config = TrainConfig(**config.identity(), checkpoint_seconds=None)  # only Ctrl-C saves
    ctrl_c(step)
    with pytest.raises(Interrupted, match=f"after step {step} of 32.*resume"):
        fit(model, splits, config, out=tmp_path, progress=False)
    ctrl_c(10**9)
    resumed = fit(model, splits, config, out=tmp_path, resume=True, progress=False)
    assert_identical(result.params, resumed.params)
    assert untimed(result.history) == untimed(resumed.history)
    saved = json.loads((tmp_path / "history.json").read_text())
    assert untimed(saved) == untimed(result.history)
    tensors, _ = read(tmp_path / "model.safetensors", "model")
    np.testing.assert_array_equal(tensors["conv.kernel"], result.params["conv"]["kernel"])


def test_ctrl_c_without_a_folder_says_that_nothing_is_saved(task, ctrl_c):
    ctrl_c(3)
    with pytest.raises(Interrupted, match="nothing is saved"):
        fit(*task[0], progress=False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("step", [1, 7])
def test_ctrl_c_before_the_first_checkpoint_leaves_an_earlier_run_as_it_was(
    task, ctrl_c, tmp_path, step
):
    (model, splits, config), _ = task
    fit(model, splits, config, out=tmp_path, progress=False)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    config = TrainConfig(**config.identity() | {"seed": 9}, checkpoint_seconds=None)
    ctrl_c(step)
    with pytest.raises(Interrupted, match=r"the earlier run in .* is as it was"):
        fit(model, splits, config, out=tmp_path, progress=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    ctrl_c(step + 8)  # after the first epoch there is a checkpoint
    with pytest.raises(Interrupted, match="saved to"):
        fit(model, splits, config, out=tmp_path, progress=False)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_second_ctrl_c_does_not_wait():
    with pytest.raises(KeyboardInterrupt), interruptible() as asked:  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_fit_works_outside_the_main_thread(task):
    found = []
    thread = threading.Thread(target=lambda: found.append(fit(*task[0], progress=False)))
    thread.start()
    thread.join()
    assert_identical(found[0].params, task[1].params)


def test_resuming_a_finished_run_returns_it(task, tmp_path):
    given, result = task
    fit(*given, out=tmp_path, progress=False)
    for name in ("model.safetensors", "history.json"):  # killed before these were written
        (tmp_path / name).unlink()
    again = fit(*given, out=tmp_path, resume=True, progress=False)
    assert_identical(result.params, again.params)
    assert again.history == json_rows(tmp_path)
    assert again.evaluation.accuracy == result.evaluation.accuracy
    assert (tmp_path / "model.safetensors").exists()


def json_rows(folder):
    return tuple(json.loads((folder / "history.json").read_text()))


def test_resume_without_a_checkpoint_begins_and_without_resume_begins_anew(task, tmp_path):
    given, result = task
    with pytest.warns(Notice, match="no checkpoint in .*new: the run begins with its first step"):
        fresh = fit(*given, out=tmp_path / "new", resume=True, progress=False)
    assert_identical(result.params, fresh.params)
    anew = fit(*given, out=tmp_path / "new", progress=False)
    assert_identical(result.params, anew.params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.5}, "config.learning_rate was 0.01, now 0.5"),
        ({"seed": 7}, "config.seed was 0, now 7"),
        ({"epochs": 9}, "config.epochs was 4, now 9.*cosine schedule ends with the last epoch"),
        ({"augment": "none"}, r"config.augment was 'shift\+flip', now 'none'"),
    ],
)
def test_resuming_with_other_settings_names_them(task, tmp_path, change, message):
    (model, splits, config), _ = task
    fit(model, splits, config, out=tmp_path, progress=False)
    other = TrainConfig(**{**config.identity(), **change})
    with pytest.raises(CheckpointError, match=message):
        fit(model, splits, other, out=tmp_path, resume=True, progress=False)


def test_resuming_with_another_model_or_data_names_it(toy, task, tmp_path):
    (model, splits, config), _ = task
    fit(model, splits, config, out=tmp_path, progress=False)
    with pytest.raises(CheckpointError, match=r"model.rate was 0.2, now 0.3"):
        fit(toy.normed(rate=0.3), splits, config, out=tmp_path, resume=True, progress=False)
    with pytest.raises(CheckpointError, match=r"model.name was 'normed', now 'notes'"):
        fit(toy.plain(), splits, config, out=tmp_path, resume=True, progress=False)
    changed = toy.splits()
    changed.train.images[5, 0, 0, 0] ^= 1  # one bit of one pixel
    with pytest.raises(CheckpointError, match=r"data.train.images_crc32 was \d+, now \d+"):
        fit(model, changed, config, out=tmp_path, resume=True, progress=False)


def test_resuming_on_other_devices_warns_and_agrees_to_rounding(task, ctrl_c, tmp_path):
    given, result = task
    path = tmp_path / "checkpoint.safetensors"
    ctrl_c(11)
    with pytest.raises(Interrupted):
        fit(*given, out=tmp_path, progress=False)
    ctrl_c(10**9)
    _, record = read(path, "training checkpoint")
    one = data_mesh(jax.devices()[:1])
    assert record["made_with"]["devices"] == 2
    with pytest.warns(UserWarning, match="devices was 2, now 1.*to rounding, not bit for bit"):
        resumed = fit(*given, out=tmp_path, resume=True, progress=False, mesh=one)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4),
        resumed.params,
        result.params,
    )


def test_resuming_after_cnnjax_tune_warns(task, ctrl_c, tmp_path, monkeypatch):
    """Another way to compute a layer rounds otherwise: the promise of equal bits is withdrawn."""
    given, _ = task
    out = tmp_path / "run"
    ctrl_c(11)
    with pytest.raises(Interrupted):
        fit(*given, out=out, progress=False)
    ctrl_c(10**9)
    _, record = read(out / "checkpoint.safetensors", "training checkpoint")
    assert set(record["made_with"]) == {"jax", "backend", "devices"}  # nothing was tuned
    monkeypatch.setenv("CNNJAX_CACHE", str(tmp_path / "cache"))
    tuned.add({tuned.key("conv", ((1, 1),)): "lax"})
    with pytest.warns(UserWarning, match="tuned_lowerings was absent, now '.*not bit for bit"):
        fit(*given, out=out, resume=True, progress=False)


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-10])


def damage_flip(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def damage_empty(path):
    path.write_bytes(b"")


def damage_text(path):
    path.write_text("not a checkpoint, but longer than eight bytes")


@pytest.mark.parametrize("damage", [damage_truncate, damage_flip, damage_empty, damage_text])
def test_a_damaged_checkpoint_is_an_error_that_names_it(task, tmp_path, damage):
    given, _ = task
    fit(*given, out=tmp_path, progress=False)
    damage(tmp_path / "checkpoint.safetensors")
    with pytest.raises(CheckpointError, match=r"checkpoint.safetensors: damaged.*delete it"):
        fit(*given, out=tmp_path, resume=True, progress=False)


def test_a_loss_that_is_not_finite_stops_and_leaves_the_last_good_checkpoint(toy, tmp_path):
    config = TrainConfig(
        epochs=3, batch_size=8, optimizer="sgd", learning_rate=1e30, schedule="constant"
    )
    with pytest.raises(NonFiniteLoss) as caught:
        fit(toy.plain(), toy.splits(), config, progress=False)
    message = str(caught.value)
    assert "of 24 (epoch 1, learning rate 1e+30)" in message
    assert "Try a smaller learning_rate" in message
    assert "there is no checkpoint" in message

    # The rate overflows late: warm-up makes the first steps harmless.
    late = TrainConfig(
        epochs=3,
        batch_size=8,
        optimizer="sgd",
        learning_rate=1e12,
        warmup_steps=20,
        checkpoint_steps=1,
        momentum=0.0,
    )
    with pytest.raises(NonFiniteLoss, match="the last good checkpoint is"):
        fit(toy.plain(), toy.splits(), late, out=tmp_path, progress=False)
    tensors, record = read(tmp_path / "checkpoint.safetensors", "training checkpoint")
    assert record["position"]["step"] > 0
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


def test_resume_needs_a_folder(task):
    with pytest.raises(ValueError, match="resume=True needs out"):
        fit(*task[0], resume=True)


def test_a_saved_model_predicts_what_was_evaluated(toy, tmp_path):
    splits = toy.splits()
    config = TrainConfig(epochs=2, batch_size=16)
    result = fit(toy.plain(), splits, config, out=tmp_path, progress=False)
    saved = load_model(tmp_path / "model.safetensors")
    logits = saved.model.apply(saved.params, saved.preprocessing(splits.test.images))
    right = np.argmax(logits, -1) == splits.test.labels
    assert right.mean() == result.evaluation.accuracy
    assert saved.classes == splits.test.classes
    assert sorted(os.listdir(tmp_path)) == [
        "checkpoint.safetensors",
        "history.json",
        "model.safetensors",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"batch_size": 65},
            r"batch_size 65 is larger than the training set \(64 images\); expected at most 64",
        ),
        ({"batch_size": 9}, "batch_size 9 does not divide over 2 devices.*for example 8"),
        ({"batch_size": 8, "accumulate": 8}, "batch_size / accumulate = 1 does not divide"),
    ],
)
def test_batches_that_do_not_fit_are_refused(toy, change, message):
    with pytest.raises(ValueError, match=message):
        fit(toy.plain(), toy.splits(), TrainConfig(epochs=1, **change), progress=False)
