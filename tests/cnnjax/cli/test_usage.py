"""What the command line says: help that teaches, errors of one line, the right exit status."""

import dataclasses
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from cnnjax import models
from cnnjax.cli import main, options
from cnnjax.cli.app import COMMANDS, parser
from cnnjax.cli.train import CONFIG_DEFAULTS, MODEL_DEFAULT
from cnnjax.train import TrainConfig, config

NAMES = [module.__name__.rpartition(".")[2] for module in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_help_has_examples_and_every_option_is_explained(name, capsys):
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "examples:" in shown.out
    command = next(a for a in parser()._actions if a.dest == "command").choices[name]
    assert all(action.help for action in command._actions)


@pytest.mark.parametrize("module", COMMANDS, ids=NAMES)
def test_every_example_in_the_help_is_a_valid_command(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in re.findall(r"(?:folder|idx|cifar10):(\S+)", module.EXAMPLES):
        (tmp_path / folder).mkdir(exist_ok=True)
    lines = re.findall(r"^  cnnjax (.*?)(?:   .*)?$", module.EXAMPLES, re.MULTILINE)
    assert lines
    for line in lines:
        assert parser().parse_args(shlex.split(line)).run is module.run


def test_the_names_in_the_help_are_those_of_the_library():
    assert options.MODELS == models.NAMES
    assert options.OPTIMIZERS == config.OPTIMIZERS
    assert options.SCHEDULES == config.SCHEDULES
    assert options.PRECISIONS == config.PRECISIONS
    assert options.AUGMENTATIONS == config.AUGMENTATIONS


def test_the_defaults_in_the_help_are_those_of_the_library():
    fields = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    assert {name: fields[name] for name in CONFIG_DEFAULTS} == CONFIG_DEFAULTS
    command = next(a for a in parser()._actions if a.dest == "command").choices["train"]
    described = {action.dest: action.help for action in command._actions}
    for name, default in {**CONFIG_DEFAULTS, "model": MODEL_DEFAULT}.items():
        said = re.search(r"default ([^:;\s]+)", described[name])
        assert said, name
        assert type(default)(said[1]) == default, name


USAGE_ERRORS = {
    "unknown command": (["fly"], "'fly'.*train.*evaluate.*predict.*summary.*show.*demo"),
    "unknown model": (["train", "--model", "alexnet"], "alexnet.*notes.*lenet.*vgg11.*resnet18"),
    "unknown data": (
        ["train", "--data", "imagenet"],
        "'imagenet' is unknown; there are patterns, digits, idx:DIR, cifar10:DIR, cifar100:DIR, "
        "folder:DIR, npz:FILE, csv:FILE",
    ),
    "folder without its kind": (["train", "--data", "."], r"for what is there, write folder:\."),
    "arrays without their kind": (["train", "--data", "one.npz"], "write npz:one.npz"),
    "another file without its kind": (["train", "--data", "file.txt"], r"csv:FILE \(see"),
    "table without its file": (["train", "--data", "csv"], "lacks its place: csv:FILE"),
    "table that is a folder": (["train", "--data", "csv:."], r"\. is a folder"),
    "array file that is missing": (["train", "--data", "npz:nowhere"], "nowhere does not exist"),
    "over-long data": (["train", "--data", "folder:" + "x" * 5000], "File name too long"),
    "data that would act on a terminal": (
        ["train", "--data", "folder:\x1b[2J\n"],
        r"^cnnjax train: .*\\x1b\[2J\\n does not exist",
    ),
    "device for an image": (["predict", "/dev/null"], "is no regular file"),
    "no pixels": (["predict", "file.txt", "--max-pixels", "0"], "--max-pixels"),
    "data without its folder": (["train", "--data", "idx"], "idx:DIR"),
    "data with a folder too many": (["train", "--data", "patterns:x"], "takes no folder"),
    "streaming what is drawn": (["train", "--stream"], "patterns is read .* folder and csv can be"),
    "no workers": (["train", "--workers", "0"], "--workers: must be a whole number from 1"),
    "missing data folder": (["train", "--data", "folder:nowhere"], "nowhere does not exist"),
    "data folder that is a file": (["train", "--data", "folder:file.txt"], "is not a folder"),
    "unknown optimizer": (["train", "--optimizer", "lion"], "lion.*sgd.*adam.*adamw"),
    "no epochs": (["train", "--epochs", "0"], "--epochs: must be a whole number from 1 on.*'0'"),
    "batch of words": (["train", "--batch-size", "many"], "--batch-size.*'many'"),
    "size of three": (["train", "--size", "3x4x5"], "--size.*'3x4x5'"),
    "size of zero": (["train", "--size", "0"], "--size.*'0'"),
    "negative learning rate": (["train", "--learning-rate", "-1"], r"learning_rate.*-1"),
    "adam with weight decay": (["train", "--weight-decay", "0.1"], "weight_decay.*adamw"),
    "image too small": (["train", "--size", "4", "--limit", "8", "--quiet"], "4x4"),
    "resume of nothing": (["train", "--resume", "--out", "nowhere"], "no run to resume in nowhere"),
    "resume without folder": (["train", "--resume"], "--resume needs --out"),
    "resume and force": (["train", "--resume", "--force", "--out", "."], "--force.*--resume"),
    "unknown option": (["train", "--wings", "2"], "--wings"),
    "abbreviated option": (["train", "--epoch", "2"], "--epoch"),
    "no run": (["evaluate", "nowhere"], "nowhere does not exist"),
    "one class": (["train", "--data", "npz:one.npz", "--quiet"], "is of the class 'only'"),
    "folder without model": (["show", "."], "model.safetensors does not exist"),
    "no image": (["predict"], "IMAGE"),
    "missing image": (["predict", "nowhere.png"], "nowhere.png does not exist"),
    "folder for an image": (["predict", "."], "is a folder"),
    "nothing trained yet": (["predict", "file.txt"], "no trained model below runs/"),
    "image of two sides": (["summary", "--image", "28x28"], "HEIGHTxWIDTHxCHANNELS"),
    "summary of a run and a model": (["summary", "--run", ".", "--model", "vgg11"], "--run names"),
    "summary of a small image": (["summary", "--image", "4x4x3"], "4x4"),
}


@pytest.mark.parametrize(("argv", "message"), USAGE_ERRORS.values(), ids=USAGE_ERRORS)
def test_bad_usage_is_one_line_on_stderr_and_status_2(argv, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("no image")
    one = {"images": np.zeros((9, 32, 32, 3), np.uint8), "labels": np.zeros(9, int)}
    np.savez(tmp_path / "one.npz", **one, classes=np.array(["only"]))
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cnnjax")
    assert shown.err.count("\n") == 1
    assert re.search(message, shown.err)
    assert {path.name for path in tmp_path.iterdir()} == {"file.txt", "one.npz"}


def test_no_command_shows_the_help_and_fails(capsys):
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


def test_the_exit_status_reaches_the_shell(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "cnnjax.cli", "train", "--model", "alexnet"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "alexnet" in ran.stderr


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    ran = subprocess.run(
        f"{shlex.quote(sys.executable)} -m cnnjax.cli summary | head -c 1",
        shell=True, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stderr == ""
