"""`cnnjax export`: the files, where they go, and what is refused before anything is written."""

import sys

import jax
import numpy as np
import pytest

from cnnjax.checkpoint import SavedModel, save_model
from cnnjax.cli import main
from cnnjax.export import logits_of
from cnnjax.models import build
from cnnjax.preprocessing import Preprocessing

NEEDS = {"onnx": "onnxruntime", "stablehlo": "flatbuffers"}


@pytest.fixture
def saved():
    model = build("lenet", classes=2, image=(12, 14, 1))
    params = model.init(jax.random.key(0))
    return SavedModel(model, params, ("cat", "dog"), Preprocessing((0.5,), (0.25,)))


@pytest.fixture
def folder(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "model.safetensors"
    rest = {"classes": saved.classes, "preprocessing": saved.preprocessing}
    save_model(path, saved.model, saved.params, **rest)
    return tmp_path / "run"


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def answers(path, format, images):
    if format == "onnx":
        import onnxruntime

        return onnxruntime.InferenceSession(path).run(None, {"images": images})[0]
    return jax.export.deserialize(bytearray(path.read_bytes())).call(images)


@pytest.mark.parametrize("format", NEEDS)
def test_a_run_is_written_beside_its_model(format, saved, folder, capsys):
    pytest.importorskip(NEEDS[format], reason=f"not installed (extra `{format}`)")
    assert main(["export", "run", "--format", format]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"wrote   run/model.{format}  ")
    assert said.endswith("images (N, 12, 14, 1) uint8 to logits of 2 classes\n")
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 14, 1), np.uint8)
    found = answers(folder / f"model.{format}", format, images)
    expected = jax.jit(logits_of(saved))(images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert names(folder) == sorted(["model.safetensors", f"model.{format}"])


def test_a_file_is_written_over_only_where_it_is_said(folder, capsys):
    pytest.importorskip("onnx", reason="not installed (extra `onnx`)")
    target = folder / "net.onnx"
    target.write_text("precious")
    command = ["export", "run/model.safetensors", "--format", "onnx", "--out", "run/net.onnx"]
    assert main(command) == 2
    assert "run/net.onnx exists; --force writes over it, --out" in capsys.readouterr().err
    assert target.read_text() == "precious"
    assert main([*command, "--force"]) == 0
    assert target.read_bytes() != b"precious"


MISTAKES = {
    "no run": (["nowhere"], 2, "nowhere does not exist"),
    "no folder": (["run", "--out", "gone/net.onnx"], 2, "there is no folder gone for net.onnx"),
    "a folder": (["run", "--out", "run"], 2, "run is no file; name one with --out"),
    "an unfinished run": (["half"], 2, "the run in half is not finished"),
    "a damaged model": (["bad.safetensors"], 1, "bad.safetensors"),
}


@pytest.mark.parametrize(("argv", "status", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(argv, status, words, folder, capsys):
    (folder.parent / "half").mkdir()
    (folder.parent / "half" / "checkpoint.safetensors").touch()
    (folder.parent / "bad.safetensors").write_bytes(b"no model")
    before = names(folder.parent)
    assert main(["export", *argv, "--format", "onnx"]) == status
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert words in shown.err
    assert names(folder.parent) == before


def test_a_format_must_be_named(folder, capsys):
    assert main(["export", "run"]) == 2
    assert "--format" in capsys.readouterr().err
    assert main(["export", "run", "--format", "tflite"]) == 2
    assert "tflite" in capsys.readouterr().err


OWN = """
import jax.numpy as jnp
from cnnjax import models

@models.register("sorting")
def sorting(classes, image=(12, 14, 1)):
    def init(key):
        return {"head": models.dense_params(key, 12, classes)}
    def forward(params, x, *, key, record):
        x = jnp.sort(x.mean((-1, -2)), -1)
        return record("head", x @ params["head"]["kernel"] + params["head"]["bias"]), {}
    return models.from_forward("sorting", {"classes": classes, "image": image}, init, forward)
"""


def test_an_operation_without_a_form_is_named_and_leaves_nothing(folder, capsys, monkeypatch):
    pytest.importorskip("onnx", reason="not installed (extra `onnx`)")
    (folder.parent / "own_sorting.py").write_text(OWN)
    monkeypatch.syspath_prepend(folder.parent)
    import own_sorting

    from cnnjax.models import MODELS

    model = own_sorting.sorting(2)
    rest = {"classes": ("a", "b"), "preprocessing": Preprocessing((0.5,), (0.25,))}
    save_model(folder / "own.safetensors", model, model.init(jax.random.key(0)), **rest)
    before = names(folder)
    command = ["export", "run/own.safetensors", "--model", "own_sorting:sorting"]
    try:
        assert main([*command, "--format", "onnx"]) == 1
    finally:
        monkeypatch.delitem(MODELS, "sorting")
        monkeypatch.delitem(sys.modules, "own_sorting")
    error = capsys.readouterr().err
    assert "cnnjax export: onnx: the model uses the operation sort, which has no form" in error
    assert "the format stablehlo takes every model" in error
    assert names(folder) == before


def test_a_full_disk_leaves_no_half_of_a_file(folder, capsys, monkeypatch):
    pytest.importorskip("onnx", reason="not installed (extra `onnx`)")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cnnjax.files.os.fsync", full)
    assert main(["export", "run", "--format", "onnx"]) == 1
    assert "run/model.onnx: No space left on device" in capsys.readouterr().err
    assert names(folder) == ["model.safetensors"]
