"""Several processes: what they must share, and how all of them stop when one is asked to.

Here the other process is pretended; in `test_distributed.py` it is real.
"""

import json
import signal
from dataclasses import replace

import jax
import numpy as np
import optax
import pytest
from jax.experimental import multihost_utils

from cnnjax.checkpoint import CheckpointError, read
from cnnjax.data import Splits
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import Interrupted, TrainConfig, agreement, fit, hosts, interrupt, saving
from cnnjax.train.agreement import disagreements
from cnnjax.train.augment import flip

CONFIG = TrainConfig(epochs=2, batch_size=16)


@pytest.fixture
def two(monkeypatch):
    """This process is one of two; `others` makes what the other one says of what this one does."""

    def others(change=lambda record: record):
        monkeypatch.setattr(jax, "process_count", lambda: 2)
        monkeypatch.setattr(hosts, "of_first", lambda value: value)
        monkeypatch.setattr(saving, "of_first", lambda value: value)
        monkeypatch.setattr(
            agreement, "_gathered", lambda text: [text, json.dumps(change(json.loads(text)))]
        )

    return others


class Heard(Exception):
    """What a process tells the others is known."""


def told(monkeypatch, model, splits, config=CONFIG, **options):
    """The records that `fit` compares."""
    records = []

    def hear(text):
        records.append(json.loads(text))
        return [text, text]

    def stop(*_):
        raise Heard

    with monkeypatch.context() as patched:
        patched.setattr(jax, "process_count", lambda: 2)
        patched.setattr(agreement, "_gathered", hear)
        patched.setattr("cnnjax.train.loop.begin", stop)
        with pytest.raises(Heard):
            fit(model, splits, config, progress=False, **options)
    return records


def other_test(toy):
    return Splits(toy.splits().train, toy.splits(seed=7).test)


# Of the second process: what it is given in place of the first one's arguments, and the entries of
# the records that differ.
DIFFERENT = {
    "batch size": (lambda toy: {"config": replace(CONFIG, batch_size=32)}, ["config.batch_size"]),
    "learning rate": (
        lambda toy: {"config": replace(CONFIG, learning_rate=0.5)}, ["config.learning_rate"],
    ),
    "epochs and seed": (
        lambda toy: {"config": replace(CONFIG, epochs=3, seed=5)}, ["config.epochs", "config.seed"],
    ),
    "when to save": (
        lambda toy: {"config": replace(CONFIG, checkpoint_steps=2)}, ["config.checkpoint_steps"],
    ),
    "model": (lambda toy: {"model": toy.normed(rate=0.5)}, ["model.rate"]),
    "data": (
        lambda toy: {"splits": toy.splits(train=48)},
        ["splits.train.images", "splits.train.images_crc32", "splits.train.labels_crc32"],
    ),
    "test data": (
        lambda toy: {"splits": other_test(toy)},
        ["splits.test.images_crc32", "splits.test.labels_crc32"],
    ),
    "an optimizer": (lambda toy: {"optimizer": optax.sgd(1e-3)}, ["optimizer"]),
    "augment": (lambda toy: {"augment": flip}, ["augment"]),
    "frozen": (lambda toy: {"frozen": ["conv"]}, ["frozen"]),
    "params": (lambda toy: {"params": toy.normed().init(jax.random.key(3))}, ["params"]),
    "preprocessing": (
        lambda toy: {"preprocessing": Preprocessing((0.5,), (0.1,))},
        ["preprocessing.mean", "preprocessing.std"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DIFFERENT)
def test_each_argument_that_differs_is_named(toy, monkeypatch, what):
    change, names = DIFFERENT[what]
    given = {"model": toy.normed(), "splits": toy.splits(), "config": CONFIG}
    here = told(monkeypatch, **given)
    there = told(monkeypatch, **(given | change(toy)))
    assert [line.partition(" is ")[0] for line in disagreements([here[0], there[0]])] == names
    assert not disagreements([here[0], told(monkeypatch, **given)[0]])


def test_functions_and_parameters_are_compared_by_their_content(toy, monkeypatch):
    given = {"model": toy.normed(), "splits": toy.splits()}
    here, there = (
        told(
            monkeypatch, **given, optimizer=optax.sgd(rate),
            params=toy.normed().init(jax.random.key(seed)),
        )
        for rate, seed in ((1e-3, 0), (1e-2, 1))
    )  # fmt: skip
    assert not disagreements([here[0], there[0]])
    found = [line.partition(" is ")[0] for line in disagreements([here[1], there[1]])]
    assert found == ["optimizer", "params_crc32"]


def test_a_difference_is_an_error_before_the_first_step(toy, two, tmp_path):
    def change(record):
        if "config" in record:
            record["config"]["batch_size"] = 8
        return record

    two(change)
    with pytest.raises(ValueError, match="batch_size is 16 in process 0 and 8 in process 1"):
        fit(toy.normed(), toy.splits(), CONFIG, progress=False, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_only_one_of_them_sees_is_an_error(toy, two, tmp_path):
    fit(toy.normed(), toy.splits(), CONFIG, progress=False, out=tmp_path)

    def change(record):
        name = "step of the checkpoint in out"
        return {**record, name: 0} if name in record else record

    two(change)
    with pytest.raises(ValueError, match="checkpoint in out is 8 in process 0 and 0 in process 1"):
        fit(toy.normed(), toy.splits(), CONFIG, progress=False, out=tmp_path, resume=True)


@pytest.mark.parametrize("call", [1, 3, 4])  # 4 steps an epoch: within one, and at its end
def test_all_stop_after_the_step_that_jax_names_and_go_on_from_it(
    toy, two, tmp_path, monkeypatch, call
):
    expected = fit(toy.normed(), toy.splits(), CONFIG, progress=False)
    two()
    with monkeypatch.context() as patched:
        patched.setattr(multihost_utils, "reached_preemption_sync_point", lambda n: n == call)
        with pytest.raises(Interrupted) as raised:
            fit(toy.normed(), toy.splits(), CONFIG, progress=False, out=tmp_path)
        assert str(raised.value) == (
            f"process 0 of 2 stopped after step {call} of 8, as one of them was asked to (Ctrl-C "
            f"or SIGTERM), saved to {tmp_path / 'checkpoint.safetensors'}; the same call with "
            "resume=True goes on from there"
        )
    _, record = read(tmp_path / "checkpoint.safetensors", "training checkpoint")
    assert record["position"]["step"] == call
    monkeypatch.setattr(multihost_utils, "reached_preemption_sync_point", lambda n: False)
    resumed = fit(toy.normed(), toy.splits(), CONFIG, progress=False, out=tmp_path, resume=True)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, expected.params)


def test_ctrl_c_is_passed_on_as_the_signal_that_jax_tells_others_of(two, monkeypatch):
    two()
    sent = []
    monkeypatch.setattr(interrupt.os, "kill", lambda process, number: sent.append(number))
    with interrupt.interruptible() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
    assert sent == [signal.SIGTERM]
    monkeypatch.setattr(interrupt, "_joined", lambda: False)  # JAX tells nobody
    with pytest.raises(KeyboardInterrupt), interrupt.interruptible() as asked:
        signal.raise_signal(signal.SIGINT)
    assert not asked.to_stop()


def test_a_trained_model_without_its_checkpoint_is_not_trained_over(toy, tmp_path):
    fit(toy.normed(), toy.splits(), CONFIG, progress=False, out=tmp_path)
    (tmp_path / "checkpoint.safetensors").unlink()
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(CheckpointError, match="holds a trained model, but no checkpoint"):
        fit(toy.normed(), toy.splits(), CONFIG, progress=False, out=tmp_path, resume=True)
    assert (tmp_path / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (jax.errors.JaxRuntimeError("UNKNOWN: Gloo AllGather failed: Connection closed"), True),
        (ValueError("UNKNOWN: Gloo AllGather failed: Connection closed by peer"), True),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory"), False),
        (ValueError("train: the heartbeat of the data is unavailable"), False),
        (KeyError("UNAVAILABLE: "), False),
        (RuntimeError("Unable to initialize backend 'cpu': UNAVAILABLE: Socket closed"), True),
        (RuntimeError("Unable to initialize backend 'gpu': no device"), False),
        (RuntimeError("the service is unavailable"), False),
    ],
)
def test_an_operation_that_fails_for_another_process_is_told_from_errors(error, lost):
    assert hosts._is_loss(error) == lost
