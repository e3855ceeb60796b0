"""What a resumed run goes on with, and models of the user's own: both by options that are told."""

import json
import re
import shutil
import sys

import numpy as np
import pytest

from cnnjax import models
from cnnjax.cli import drawing, main, runs
from cnnjax.cli.app import parser
from cnnjax.cli.train_options import (
    CONFIG_DEFAULTS,
    DATA_DEFAULTS,
    KEPT_DEFAULTS,
    OF_THE_CALL,
    START_DEFAULTS,
)
from cnnjax.data import Dataset, Splits
from cnnjax.train import Interrupted, TrainConfig, fit, loop

SMALL = ("--data", "npz:data.npz", "--epochs", "1", "--batch-size", "8", "--quiet")
NETS = """
import cnnjax
from cnnjax import models

@models.register("mine")
def net(classes, image=(8, 8, 1)):
    height, width, channels = image
    def init(key):
        return {"dense": models.dense_params(key, height * width * channels, classes)}
    def forward(params, x, *, key, record):
        return record("dense", cnnjax.dense(cnnjax.flatten(x), **params["dense"])), {}
    return models.from_forward("mine", {"classes": classes, "image": image}, init, forward)

def unregistered(classes, image): ...

@models.register("another name")
def misnamed(classes, image=(8, 8, 1)):
    return net(classes, image)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a few images, and a module of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    images = rng.integers(0, 120, (24, 8, 8, 1)) + 100 * labels[:, None, None, None]
    np.savez("data.npz", images=images.astype(np.uint8), labels=labels)
    (tmp_path / "my_nets.py").write_text(NETS)
    (tmp_path / "broken_nets.py").write_text("import nothing_of_that_name")
    (tmp_path / "wrong_nets.py").write_text("def net(:")
    yield tmp_path
    for name in ("my_nets", "broken_nets", "wrong_nets"):
        sys.modules.pop(name, None)
    for name in ("mine", "another name"):
        models.MODELS.pop(name, None)


def interrupted(monkeypatch, *options):
    """`cnnjax train`, stopped by Ctrl-C before its first step."""

    def stop(*_):
        raise Interrupted("stopped")

    with monkeypatch.context() as patched:
        patched.setattr(loop, "train_epoch", stop)
        return main(["train", *options])


def test_every_option_of_training_is_kept_or_named_as_one_of_the_call():
    command = next(a for a in parser()._actions if a.dest == "command").choices["train"]
    options = {action.dest for action in command._actions} - {"help"}
    kept = {*DATA_DEFAULTS, *CONFIG_DEFAULTS, *START_DEFAULTS, *KEPT_DEFAULTS, "model"}
    assert options == kept | set(OF_THE_CALL)
    assert not kept & set(OF_THE_CALL)


@pytest.fixture
def drawn(monkeypatch):
    """The folders of which pictures are drawn."""
    folders = []
    monkeypatch.setattr(
        drawing, "write_pictures", lambda folder, *_, **__: folders.append(folder) or []
    )
    return folders


OWN = ("--model", "my_nets:net")  # one dense layer


def test_options_that_decide_no_result_are_kept_and_may_be_given_anew(here, drawn, monkeypatch):
    options = ("--no-pictures", "--workers", "1", "--tensorboard", "events")
    assert interrupted(monkeypatch, *SMALL, *OWN, *options, "--out", "a") == 130
    assert runs.read_record(here / "a")["options"] == {
        "workers": 1, "pictures": False, "tensorboard": str(here / "events"),
    }  # fmt: skip
    shutil.copytree("a", "b")
    assert main(["train", "--resume", "--out", "a", *OWN, "--quiet"]) == 0
    assert not drawn
    assert len(list((here / "events").iterdir())) == 1
    again = ("--resume", "--out", "b", *OWN, "--quiet", "--pictures", "--tensorboard", "others")
    assert main(["train", *again]) == 0
    assert len(drawn) == 1
    assert len(list((here / "events").iterdir())) == 1
    assert len(list((here / "others").iterdir())) == 1


def test_a_record_from_before_these_options_is_resumed(here, drawn, monkeypatch):
    assert interrupted(monkeypatch, *SMALL, *OWN, "--no-pictures", "--out", "a") == 130
    record = json.loads((here / "a" / "run.json").read_text())
    del record["options"]
    (here / "a" / "run.json").write_text(json.dumps(record))
    assert main(["train", "--resume", "--out", "a", *OWN, "--quiet"]) == 0
    assert len(drawn) == 1


@pytest.mark.parametrize("fault", [{"workers": 0}, {"pictures": "no"}, {"tensorboard": 3}, []])
def test_kept_options_of_another_form_are_named(here, monkeypatch, capsys, fault):
    assert interrupted(monkeypatch, *SMALL, *OWN, "--out", "a") == 130
    record = json.loads((here / "a" / "run.json").read_text())
    (here / "a" / "run.json").write_text(json.dumps({**record, "options": fault}))
    capsys.readouterr()
    assert main(["train", "--resume", "--out", "a", *OWN]) == 1
    assert "run.json is not what cnnjax writes: options" in capsys.readouterr().err


def test_a_run_that_python_began_is_named_for_what_it_is(here, capsys):
    arrays = np.load("data.npz")
    data = Dataset(arrays["images"], arrays["labels"].astype(np.int32), ("a", "b"), "mine")
    model = models.notes_cnn(2, widths=(4,), kernel=3, image=(8, 8, 1))
    config = TrainConfig(epochs=1, batch_size=8)
    fit(model, Splits(data, data), config, out="run", progress=False)
    assert main(["train", "--resume", "--out", "run"]) == 2
    err = capsys.readouterr().err
    assert err == (
        "cnnjax train: the run in run was begun in Python (model notes, step 3) and has no "
        "run.json, which would say what data and model it has; it is finished: cnnjax predict "
        "IMAGE... --run run\n"
    )
    (here / "run" / "model.safetensors").unlink()
    assert main(["train", "--resume", "--out", "run"]) == 2
    assert "go on with it there: the same call of fit with resume=True" in capsys.readouterr().err
    (here / "run" / "checkpoint.safetensors").write_bytes(b"damaged")
    assert main(["train", "--resume", "--out", "run"]) == 2
    assert "was begun in Python and has no run.json" in capsys.readouterr().err


def test_a_model_of_ones_own_is_trained_resumed_and_used(here, monkeypatch, capsys):
    own = OWN
    assert interrupted(monkeypatch, *SMALL, *own, "--out", "a") == 130
    assert runs.read_record(here / "a")["model"] == "my_nets:net"
    capsys.readouterr()
    # A file does not choose what code is run.
    assert main(["train", "--resume", "--out", "a"]) == 2
    assert "--resume --out a --model my_nets:net" in capsys.readouterr().err
    assert main(["train", "--resume", "--out", "a", *own, "--quiet"]) == 0
    assert "IMAGE... --run a --model my_nets:net" in capsys.readouterr().out
    for command in (["evaluate", "a"], ["show", "a"], ["summary", "--run", "a"]):
        assert main([*command, *own]) == 0, command
    assert main(["summary", *own, "--image", "8x8x1"]) == 0
    tuned = ("--from", "a", "--freeze", "dense")
    capsys.readouterr()
    assert main(["train", *SMALL, *own, *tuned, "--out", "b"]) == 2
    assert "leaves nothing to train" in capsys.readouterr().err
    assert main(["train", *SMALL, *own, "--from", "a", "--out", "b"]) == 0
    del models.MODELS["mine"]  # as in another process
    sys.modules.pop("my_nets")
    assert main(["evaluate", "a"]) == 2
    assert "--model MODULE:FUNCTION imports it" in capsys.readouterr().err
    assert main(["evaluate", "a", *own]) == 0


WRONG = {
    "no module": ("no_nets:net", "there is no module no_nets .*or one of notes, lenet"),
    "no package": ("no.nets:net", "there is no module no "),
    "no function": ("my_nets:nets", "my_nets has no such function; registered there: my_nets:net"),
    "not registered": ("my_nets:unregistered", "is not registered; registered there: my_nets:net"),
    "a module that lacks one": ("broken_nets:net", "imports nothing_of_that_name, which is not"),
    "a module with a mistake": ("wrong_nets:net", "wrong_nets cannot be imported .*line 1"),
    "another name": ("my_nets:misnamed", "must return a Model called 'another name', got one ca"),
    "no form": ("my_nets", "'my_nets' is unknown; there are notes, .*or MODULE:FUNCTION"),
    "a path": ("my/nets.py:net", "or MODULE:FUNCTION"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_model_that_cannot_be_had_is_one_line_and_leaves_nothing(here, capsys, case):
    model, words = WRONG[case]
    assert main(["train", *SMALL, "--model", model, "--out", "run"]) == 2
    err = capsys.readouterr().err
    assert re.search(words, err), err
    assert err.count("\n") == 1
    assert not (here / "run").exists()
    shutil.rmtree(here / "__pycache__", ignore_errors=True)
