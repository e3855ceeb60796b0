"""`cnnjax train --from`: the body stays, the head is kept or new, and resuming needs no source."""

import json
import re
import shutil

import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from cnnjax.checkpoint import load_model, save_model
from cnnjax.cli import main, runs
from cnnjax.convert import to_torch
from cnnjax.models import body, lenet5, notes_cnn
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import TrainConfig

QUICK = ("--epochs", "1", "--batch-size", "8", "--quiet", "--no-pictures")
SIDE = 8


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twelve images of each of three colours, of twice the size that the network reads."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number, name in enumerate(("blue", "green", "red")):
        (folder / name).mkdir()
        for index in range(12):
            pixels = rng.integers(0, 120, (2 * SIDE, 2 * SIDE, 3), np.uint8)
            pixels[..., number] += 100
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


def model(classes=("cat", "dog")):
    return notes_cnn(len(classes), widths=(2, 3), image=(SIDE, SIDE, 3))


def saved(path, classes=("cat", "dog")):
    """A network that somebody trained, to other preprocessing than any data's."""
    path.mkdir()
    network = model(classes)
    params = network.init(jax.random.key(5))
    save_model(
        path / "model.safetensors", network, params, classes=classes,
        preprocessing=Preprocessing((0.4,) * 3, (0.3,) * 3),
    )  # fmt: skip
    return path


def train(photos, out, *options):
    return main(["train", "--data", f"folder:{photos}", *QUICK, "--out", str(out), *options])


@pytest.mark.full
def test_another_head_on_a_frozen_body_and_resuming_without_the_source(photos, tmp_path, capsys):
    source, out = saved(tmp_path / "source"), tmp_path / "out"
    options = ("--from", str(source), "--freeze", "body")
    assert train(photos, out, *options, "--epochs", "2") == 0
    old, new = load_model(source / "model.safetensors"), load_model(out / "model.safetensors")
    assert new.model.config == {
        **old.model.config,
        "classes": 3,
    }  # widths and size are the source's
    assert new.classes == ("blue", "green", "red")
    assert new.preprocessing == old.preprocessing
    for layer in body(new.model):
        jax.tree.map(np.testing.assert_array_equal, new.params[layer], old.params[layer])
    assert json.loads((out / "run.json").read_text())["start"]["freeze"] == ["conv1", "conv2"]

    # The source is gone; the checkpoint and run.json have all that there is to know.
    shutil.rmtree(source)
    finished = (out / "model.safetensors").read_bytes()
    (out / "model.safetensors").unlink()
    assert main(["train", "--resume", "--out", str(out), "--quiet", "--no-pictures"]) == 0
    assert (out / "model.safetensors").read_bytes() == finished
    capsys.readouterr()
    argv = ["train", "--resume", "--out", str(out), "--freeze", "conv1"]
    assert main(argv) == 2
    assert "--freeze ('conv1',): the run" in capsys.readouterr().err
    assert main(["show", str(out)]) == 0
    assert not (out / "kernels.png").exists()  # before training: not known any more
    # And before there is a checkpoint, it is asked for.
    (out / "checkpoint.safetensors").unlink()
    (out / "model.safetensors").unlink()
    assert main(["train", "--resume", "--out", str(out)]) == 2
    assert re.search(r"source.* does not exist", capsys.readouterr().err)


def test_the_head_is_kept_where_the_classes_are_the_same(photos, tmp_path, capsys):
    source = saved(tmp_path / "source", ("blue", "green", "red"))
    options = ("--from", str(source / "model.safetensors"), "--optimizer", "sgd",
               "--learning-rate", "0", "--tensorboard", str(tmp_path / "tb"))  # fmt: skip
    assert train(photos, tmp_path / "keep", *options) == 0
    assert train(photos, tmp_path / "new", *options, "--head", "new") == 0
    old = load_file(source / "model.safetensors")
    kept, new = (load_file(tmp_path / n / "model.safetensors") for n in ("keep", "new"))
    for name, array in old.items():
        np.testing.assert_array_equal(array, kept[name])
        assert (array == new[name]).all() == (name != "dense.kernel"), name
    assert list((tmp_path / "tb").glob("events.out.tfevents.*"))
    heads = [runs.read_record(tmp_path / n)["start"]["head"] for n in ("keep", "new")]
    assert heads == ["keep", "new"]


def test_a_pytorch_state_dict_is_a_start(photos, tmp_path, capsys):
    network = notes_cnn(5, image=(SIDE, SIDE, 3))
    params = network.init(jax.random.key(1))
    state = {f"module.{k}": v for k, v in to_torch(network, params).items()}
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    options = ("--from", str(path), "--size", str(SIDE), "--freeze", "body")
    assert train(photos, tmp_path / "none", *options) == 2
    assert "is no file of cnnjax; name its --model" in capsys.readouterr().err
    assert train(photos, tmp_path / "keep", *options, "--model", "notes", "--head", "keep") == 2
    assert "has 5 classes, the data 3" in capsys.readouterr().err
    assert train(photos, tmp_path / "lenet", *options, "--size", "16", "--model", "lenet") == 2
    assert "holds no fc3.weight, the head of lenet in PyTorch" in capsys.readouterr().err
    options = ("--from", str(path), "--model", "notes")
    assert train(photos, tmp_path / "larger", *options, "--size", str(SIDE + 8)) == 2
    err = capsys.readouterr().err
    assert re.search(
        rf"expected \(5, \d+\); they fit a notes with image=\({SIDE}, {SIDE}, 3\)", err
    )
    assert err.count("\n") == 1
    assert "\\n" not in err
    options = ("--from", str(path), "--size", str(SIDE), "--freeze", "body")
    assert train(photos, tmp_path / "out", *options, "--model", "notes") == 0
    found = load_model(tmp_path / "out" / "model.safetensors")
    for layer in body(found.model):
        jax.tree.map(np.testing.assert_array_equal, found.params[layer], params[layer])


@pytest.mark.full
def test_every_option_of_a_run_is_in_its_record(photos, tmp_path):
    options = (
        "--clip-norm", "1", "--ema", "0.9", "--class-weights", "1,2,1", "--mixup", "0.2",
        "--augment", "cutout+crop", "--crop", "0.5", "--cutout", "2", "--size", "16",
    )  # fmt: skip
    assert train(photos, tmp_path / "out", *options, "--model", "lenet", "--limit", "24") == 0
    found = TrainConfig(**runs.read_record(tmp_path / "out")["config"])
    assert found == TrainConfig(
        epochs=1, batch_size=8, clip_norm=1, ema=0.9, class_weights=(1, 2, 1), mixup=0.2,
        augment="crop+cutout", crop=0.5, cutout=2,
    )  # fmt: skip
    assert isinstance(found.class_weights, tuple)


WRONG = {
    "no such layer": (["--freeze", "conv9"], "--freeze: fit: frozen 'conv9' is no layer"),
    "everything frozen": (["--freeze", "conv1,conv2,dense"], "leaves nothing to train"),
    "another model": (["--model", "lenet"], "--model lenet: .* holds a notes network"),
    "a head that cannot be kept": (["--head", "keep"], "has 2 classes, the data 3"),
    "weights of too few classes": (["--class-weights", "1,2"], "has 2 numbers, the model 3"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_one_line_and_leaves_nothing(photos, tmp_path, capsys, case):
    options, message = WRONG[case]
    source = saved(tmp_path / "source")
    assert train(photos, tmp_path / "out", "--from", str(source), *options) == 2
    err = capsys.readouterr().err
    assert re.search(message, err)
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_body_for_images_of_another_size_says_which(photos, tmp_path, capsys):
    network = lenet5(3, image=(16, 16, 3))
    save_model(
        tmp_path / "model.safetensors", network, network.init(jax.random.key(0)),
        classes=("a", "b", "c"), preprocessing=Preprocessing((0.5,) * 3, (0.2,) * 3),
    )  # fmt: skip
    options = ("--from", str(tmp_path / "model.safetensors"), "--head", "new", "--size", "24")
    assert train(photos, tmp_path / "out", *options) == 2
    assert re.search(
        r"dense1\.kernel is .*; it reads images of 16x16x3, the data has 24x24x3: --size 16x16\n$",
        capsys.readouterr().err,
    )


def test_a_damaged_source_is_one_line(photos, tmp_path, capsys):
    path = saved(tmp_path / "source") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert train(photos, tmp_path / "out", "--from", str(path)) == 1
    assert re.fullmatch(r"cnnjax.*model\.safetensors.*damaged.*\n", capsys.readouterr().err)
    assert train(photos, tmp_path / "out", "--from", str(tmp_path / "nowhere")) == 2
    assert "nowhere does not exist" in capsys.readouterr().err
