"""Parameters split over a model axis are kept in one file or in shards, and go on bit for bit."""

import shutil
import sys

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from cnnjax.checkpoint import CheckpointError, read, write
from cnnjax.notices import Notice
from cnnjax.train import data_mesh, fit, resume, saving, shards

KIND = "training checkpoint"


def mesh(data=1, model=2):
    return Mesh(np.array(jax.devices()[: data * model]).reshape(data, model), ("data", "model"))


@pytest.fixture(scope="module")
def task(toy):
    return toy.normed(rate=0.2), toy.splits(), toy.killable_config(epochs=2, checkpoint_steps=3)


@pytest.fixture(scope="module")
def undisturbed(task):
    return fit(*task, progress=False, mesh=mesh()).params


def assert_identical(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


class Stop(Exception):
    pass


@pytest.mark.parametrize(
    ("checkpoints", "moment"),
    [("safetensors", "after"), ("orbax", "after"), ("orbax", "between")],
)
def test_a_run_that_is_cut_ends_with_the_same_bits(
    task, undisturbed, tmp_path, monkeypatch, checkpoints, moment
):
    if checkpoints == "orbax":
        pytest.importorskip("orbax.checkpoint")
    save, saves = saving.save_state, []

    def cut(*arguments):
        saves.append(arguments)
        if moment == "between" and len(saves) == 2:
            raise Stop  # the arrays are there, the record that names them is not
        save(*arguments)
        if len(saves) == 2:
            raise Stop

    given = {"progress": False, "mesh": mesh(), "out": tmp_path, "checkpoints": checkpoints}
    with monkeypatch.context() as patched:
        patched.setattr(saving, "save_state", cut)
        with pytest.raises(Stop):
            fit(*task, **given)
    assert (tmp_path / "checkpoint.orbax").exists() == (checkpoints == "orbax")
    assert_identical(fit(*task, **given, resume=True).params, undisturbed)
    if checkpoints == "orbax":
        _, record = read(tmp_path / "checkpoint.safetensors", KIND)
        assert [path.name for path in (tmp_path / "checkpoint.orbax").iterdir()] == [
            record["arrays"]
        ]


@pytest.fixture(scope="module")
def sharded(task, tmp_path_factory):
    """A finished run whose checkpoint is in shards."""
    pytest.importorskip("orbax.checkpoint")
    out = tmp_path_factory.mktemp("sharded")
    fit(*task, progress=False, mesh=mesh(), out=out, checkpoints="orbax")
    return out


def test_shards_are_read_on_other_devices_and_written_as_one_file(task, sharded, tmp_path):
    out = shutil.copytree(sharded, tmp_path / "run")
    whole = read(out / "model.safetensors", "model")[0]
    with pytest.warns(Notice, match="devices was 2, now 1"):
        again = fit(*task, progress=False, mesh=data_mesh(jax.devices()[:1]), out=out, resume=True)
    np.testing.assert_array_equal(again.params["dense"]["kernel"], whole["dense.kernel"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda out: (out / "checkpoint.orbax").rename(out / "away"), "arrays .* cannot be read"),
        (lambda out: [p.unlink() for p in (out / "checkpoint.orbax").rglob("*") if p.is_file()],
         "arrays .* cannot be read"),
        (lambda out: rename(out, "../.."), "another form"),
        (lambda out: rename(out, 7), "another form"),
    ],
)  # fmt: skip
def test_damaged_shards_are_named_in_one_line(task, sharded, tmp_path, damage, message):
    out = shutil.copytree(sharded, tmp_path / "run")
    damage(out)
    with pytest.raises(CheckpointError, match=message) as raised:
        fit(*task, progress=False, mesh=mesh(), out=out, resume=True)
    assert str(out) in str(raised.value)
    assert "\n" not in str(raised.value)


def rename(out, name):
    tensors, record = read(out / "checkpoint.safetensors", KIND)
    write(out / "checkpoint.safetensors", tensors, {**record, "arrays": name}, KIND)


def test_what_cannot_be_is_refused_before_anything_is_written(task, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="must be 'safetensors' or 'orbax', got 'pickle'"):
        fit(*task, out=tmp_path / "run", checkpoints="pickle")
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ValueError, match=r"pip install 'cnnjax\[orbax\]'"):
        fit(*task, out=tmp_path / "run", checkpoints="orbax")
    assert not (tmp_path / "run").exists()


def test_an_infinite_array_is_not_written(tmp_path):
    with pytest.raises(FloatingPointError, match="b"):
        resume.check_finite({"a": np.ones(3), "b": jax.numpy.array([1, np.inf])})
    assert shards._named({"a": {"b": 1}}) == {"a.b": 1}
