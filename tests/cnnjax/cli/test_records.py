"""What a run folder says is not believed: whatever stands in it, the answer is one line."""

import copy
import json
import os
import random

import numpy as np
import pytest

from cnnjax.checkpoint import CheckpointError, load_model, write
from cnnjax.cli import runs
from cnnjax.cli.problems import Failed
from cnnjax.train.config import TrainConfig
from cnnjax.train.resume import load_state

DATA = {"data": "patterns", "size": [8, 8], "limit": 4, "max_pixels": None}
JUNK = [None, True, -1, 0, 1.5, float("nan"), "", "ten", [], ["a"], {}, {"a": 1}, 10**400, "\udcff"]


def record(folder):
    runs.write_record(folder, data=DATA, model="notes", config=TrainConfig())
    return json.loads((folder / "run.json").read_text())


def paths(value, prefix=()):
    """Every place in a JSON value."""
    yield prefix
    inner = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    for key, item in inner:
        yield from paths(item, (*prefix, key))


def changed(value, path, new):
    if not path:
        return new
    value = copy.deepcopy(value)
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    if new is KeyError:
        del inside[path[-1]]
    else:
        inside[path[-1]] = new
    return value


def variants(value):
    for path in paths(value):
        for new in [*JUNK, KeyError] if path else JUNK:
            yield path, new, changed(value, path, new)


def one_line(error):
    assert "\n" not in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 500
    return str(error)


def failure(call, kind):
    """The one line of an error of this kind; None without one. Any other error is a traceback."""
    try:
        call()
    except kind as error:
        return one_line(error)
    return None


def test_what_is_written_is_read(tmp_path):
    record(tmp_path)
    assert runs.read_record(tmp_path)["data"] == DATA | {"size": (8, 8)}
    assert runs.read_record(tmp_path / "nowhere") == {}


def test_every_other_form_of_a_record_is_read_or_named(tmp_path):
    whole, refused = record(tmp_path), 0
    for _, _, value in variants(whole):
        (tmp_path / "run.json").write_text(json.dumps(value))
        fault = failure(lambda: runs.read_record(tmp_path), Failed)
        if fault is not None:
            assert "run.json" in fault
            refused += 1
            continue
        # What is accepted is what the training takes, or refuses itself by a ValueError.
        config = runs.read_record(tmp_path)["config"]
        assert 0 <= config.get("seed", 0) < 2**32
        known = {name: value for name, value in config.items() if name in whole["config"]}
        fault = failure(lambda known=known: TrainConfig(**known), ValueError)
        assert fault is None or "TrainConfig: " in fault
    assert refused > 150


ROWS = [{"epoch": 1, "loss": 0.5, "accuracy": 0.5, "test_loss": 1.0, "test_accuracy": 0.5}]


def test_every_other_form_of_a_history_is_read_or_named(tmp_path):
    refused = 0
    for _, _, value in variants(ROWS):
        (tmp_path / "history.json").write_text(json.dumps(value))
        fault = failure(lambda: runs.read_history(tmp_path), Failed)
        if fault is not None:
            assert "history.json" in fault
            refused += 1
            continue
        for row in runs.read_history(tmp_path):
            assert all(np.isfinite(number) for number in row.values())
    assert refused > 40


@pytest.mark.parametrize("name", ["run.json", "history.json"])
def test_damage_to_a_record_is_one_line(tmp_path, name):
    read = runs.read_record if name == "run.json" else runs.read_history
    whole = json.dumps(record(tmp_path) if name == "run.json" else ROWS).encode()
    draw = random.Random(0)
    contents = [whole[:n] for n in range(0, len(whole), 7)] + [b"[" * 100_000, b"\xff\xfe", b"\0"]
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        contents.append(bytes(damaged))
    for content in contents:
        (tmp_path / name).write_bytes(content)
        fault = failure(lambda: read(tmp_path), Failed)
        assert fault is None or name in fault


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_what_is_no_file_is_never_opened(tmp_path, make):
    make(tmp_path / "run.json")
    with pytest.raises(Failed, match=r"run\.json is no regular file"):
        runs.read_record(tmp_path)


MODEL = {
    "model": "notes",
    "config": {"classes": 2, "image": [8, 8, 3], "widths": [4], "kernel": 3},
    "classes": ["a", "b"],
    "preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [1, 1, 1]},
}


def test_every_other_form_of_a_model_record_is_named(tmp_path):
    path = tmp_path / "model.safetensors"
    for place, new, value in variants(MODEL):
        if place[:1] == ("config",) and len(place) > 1 and not isinstance(new, str):
            continue  # a model of another size, which has other arrays
        write(path, {"x": np.ones(1)}, value, "model")
        with pytest.raises(CheckpointError, match=r"model\.safetensors: ") as caught:
            load_model(path)
        one_line(caught.value)


STATE = {
    "position": {
        "step": 3, "loss": 0.5, "correct": 2, "seconds": 1.0, "history": [{"epoch": 1, "loss": 1}],
    },
    "identity": {"config": {"seed": 0}},
    "made_with": {"jax": "0", "backend": "cpu", "devices": 1},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::cnnjax.notices.Notice")  # it was written by jax "0"
def test_every_other_form_of_a_checkpoint_record_is_named(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    template = {"x": np.ones(2)}
    refused = 0
    for _, _, value in variants(STATE):
        write(path, {"x": np.ones(1)}, value, "training checkpoint")
        with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors: ") as caught:
            # Arrays of another shape: a record that is accepted is refused by them.
            load_state(path, template, STATE["identity"], 1)
        refused += "the arrays do not fit" not in one_line(caught.value)
    assert refused > 80


FOREIGN = {
    "a PyTorch file": (b"PK\x03\x04\x14\0\x08\x08", "a PyTorch file"),
    "an old PyTorch file": (b"\x80\x02\x8a\nl\xfc\x9cF", "PyTorch file"),
    "Keras": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    "NumPy": (b"\x93NUMPY\x01\0", "a NumPy array"),
    "an image": (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    "nothing": (b"", "damaged or not a safetensors file"),
    "words": (b"weights go here, some day", "damaged or not a safetensors file"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_another_file_is_named_for_what_it_is(tmp_path, kind):
    content, words = FOREIGN[kind]
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_model(path)
    assert ("delete it" in str(caught.value)) == (kind in ("nothing", "words"))
