"""The life of a run, from the command line: train, evaluate, predict, show, resume."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from cnnjax import run_folder
from cnnjax.cli import main
from cnnjax.cli.evaluate import class_table, confusion_table

TRAIN = ("--model", "notes", "--epochs", "2", "--batch-size", "8", "--quiet")


def paint(path: Path, colour: tuple[int, int, int], seed: int) -> Path:
    """A PNG of 16x16 in about one colour."""
    noise = np.random.default_rng(seed).integers(-40, 41, (16, 16, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path)
    return path


def weights(run: Path) -> dict[str, np.ndarray]:
    """The arrays of a model file."""
    return load_file(run / "model.safetensors")


def assert_same_model(left: Path, right: Path) -> None:
    """Bit for bit."""
    first, second = weights(left), weights(right)
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name)
    assert (left / "model.safetensors").read_bytes() == (right / "model.safetensors").read_bytes()


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """24 red and 24 blue images, one folder a class."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    for seed in range(24):
        paint(folder / "red" / f"{seed}.png", (190, 60, 60), seed)
        paint(folder / "blue" / f"{seed}.png", (60, 60, 190), 100 + seed)
    return folder


@pytest.fixture(scope="session")
def trained(photos, tmp_path_factory) -> Path:
    """A finished run, pictures included."""
    run = tmp_path_factory.mktemp("runs") / "photos"
    assert main(["train", "--data", f"folder:{photos}", *TRAIN, "--out", str(run)]) == 0
    return run


PICTURES = {"learning_curves.png", "confusion.png", "kernels.png", "feature_maps.png"}


def test_train_leaves_a_whole_run_folder(trained):
    names = {path.name for path in trained.iterdir()}
    assert names >= PICTURES | {"model.safetensors", "history.json", "run.json"}
    assert "best_patches_conv1.png" in names
    assert not [name for name in names if name.endswith(".tmp")]
    assert [row["epoch"] for row in json.loads((trained / "history.json").read_text())] == [1, 2]


def test_train_says_what_it_does_and_where_things_are(photos, tmp_path, capsys):
    run = tmp_path / "run"
    argv = ["train", "--data", f"folder:{photos}", *TRAIN[:-1], "--no-pictures", "--out", str(run)]
    assert main(argv) == 0
    out = capsys.readouterr().out
    for said in ("16x16x3, 2 classes", "notes: ", "epoch 2/2", "test accuracy", f"--run {run}"):
        assert said in out
    assert not list(run.glob("*.png"))


def test_train_refuses_to_overwrite_a_run(trained, photos, capsys):
    before = (trained / "model.safetensors").read_bytes()
    argv = ["train", "--data", f"folder:{photos}", *TRAIN, "--out", str(trained)]
    assert main(argv) == 2
    assert re.search("holds a finished run; --resume .* --force", capsys.readouterr().err)
    assert (trained / "model.safetensors").read_bytes() == before


def test_force_begins_anew_and_the_first_checkpoint_removes_the_old_run(
    trained, photos, tmp_path, monkeypatch
):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "mine.txt").write_text("not the library's")
    (run / "model.safetensors").write_bytes(b"damaged")
    left = []
    monkeypatch.setattr(
        run_folder,
        "take_over",
        lambda f: original(f) and left.append({p.name for p in f.iterdir()}),
    )
    argv = ["train", "--data", f"folder:{photos}", *TRAIN, "--no-pictures", "--out", str(run)]
    assert main([*argv, "--force"]) == 0
    assert left == [{"mine.txt", "run.json", "checkpoint.safetensors", ".lock"}]
    assert_same_model(run, trained)  # the same seed gives the same model, byte for byte
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


original = run_folder.take_over


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


BAD = {  # a new run that fails, and its status
    "a batch that is too large": (["--batch-size", "99", "--limit", "8"], 2),
    "an image that is too small": (["--size", "4", "--limit", "8"], 2),
    "an optimiser that takes no decay": (["--weight-decay", "0.1"], 2),
    "data that is damaged": (["--data", "folder:broken"], 1),
    "data of one class": (["--data", "folder:single"], 2),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_new_run_that_is_refused_leaves_the_old_one_as_it_was(
    trained, photos, tmp_path, monkeypatch, kind
):
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "broken" / "a" / "1.png", (1, 2, 3), 0).write_bytes(b"damaged")
    paint(tmp_path / "broken" / "a" / "2.png", (1, 2, 3), 0)
    for seed in range(20):
        paint(tmp_path / "single" / "only" / f"{seed}.png", (1, 2, 3), seed)
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "mine.txt").write_text("not the library's")
    before = files(run)
    options, status = BAD[kind]
    data = [] if "--data" in options else ["--data", f"folder:{photos}"]
    assert main(["train", *TRAIN, *data, *options, "--out", str(run), "--force"]) == status
    assert files(run) == before


@pytest.mark.parametrize("command", ["evaluate", "show"])
def test_data_that_were_moved_are_asked_for(trained, tmp_path, capsys, command):
    run = shutil.copytree(trained, tmp_path / "run")
    record = json.loads((run / "run.json").read_text())
    record["data"]["data"] = "folder:/nowhere/photos"
    (run / "run.json").write_text(json.dumps(record))
    assert main([command, str(run)]) == 1
    assert capsys.readouterr().err.endswith(
        "does not exist; the run was trained on it, --data folder:... says where it is now\n"
    )


def test_a_run_folder_that_cannot_be_made_names_the_option(photos, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "run"):
        assert main(["train", "--data", f"folder:{photos}", *TRAIN, "--out", str(out)]) == 1
        assert f"--out {out}: the folder cannot be made (" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "batch"), [([], 8), (["--accumulate", "4"], 8), (["--batch-size", "32"], 32)]
)
def test_few_images_are_trained_on_in_smaller_batches(
    photos, tmp_path, monkeypatch, capsys, options, batch
):
    """38 of 48 images, fewer than the 64 that a step usually takes; two devices share a batch."""

    def fit(model, splits, config, **others):
        raise ValueError(f"train: {len(splits.train)} images, {config.batch_size} a step")

    monkeypatch.setattr("cnnjax.train.fit", fit)
    out = tmp_path / "run"
    assert main(["train", "--data", f"folder:{photos}", *options, "--out", str(out)]) == 2
    shown = capsys.readouterr()
    assert f"38 images, {batch} a step" in shown.err
    assert ("images a step, as there are few" in shown.out) == ("--batch-size" not in options)


def test_a_demo_replaces_nothing_but_a_demo(trained, capsys):
    before = files(trained)
    assert main(["demo", "--out", str(trained)]) == 2
    assert "holds a run that is no demo" in capsys.readouterr().err
    assert files(trained) == before


def test_resuming_a_finished_run_says_so_and_trains_nothing(trained, monkeypatch, capsys):
    before = {path: path.stat().st_mtime_ns for path in trained.iterdir()}
    monkeypatch.setattr("cnnjax.train.fit", None)
    assert main(["train", "--resume", "--out", str(trained)]) == 0
    out = capsys.readouterr().out
    assert f"the run in {trained} is finished after 2 epochs, test accuracy" in out
    assert "nothing to train" in out
    assert {path: path.stat().st_mtime_ns for path in trained.iterdir()} == before


def test_a_run_that_somebody_writes_to_is_refused(trained, photos, capsys):
    with run_folder.locked(trained):
        argv = ["-m", "cnnjax.cli", "train", *TRAIN, "--data", f"folder:{photos}", "--force"]
        ran = subprocess.run(
            [sys.executable, *argv, "--out", str(trained)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 1
    assert re.fullmatch(
        rf"cnnjax train: {trained} is in use by process {os.getpid()} on .*\n", ran.stderr
    )


def test_resume_takes_its_options_from_the_run(trained, tmp_path, capsys):
    run = shutil.copytree(trained, tmp_path / "run")
    (run / "model.safetensors").unlink()
    assert main(["train", "--resume", "--out", str(run), "--no-pictures", "--quiet"]) == 0
    assert_same_model(run, trained)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--epochs", "5"], "--epochs 5: .* started with 2"),
        (["--model", "lenet"], "--model lenet: .* started with notes"),
        (["--data", "patterns"], "--data patterns: .* started with folder:"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_resume_refuses_other_options(option, message, trained, capsys):
    assert main(["train", "--resume", "--out", str(trained), *option]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_evaluate_agrees_with_the_training(trained, capsys):
    last = json.loads((trained / "history.json").read_text())[-1]
    assert main(["evaluate", str(trained)]) == 0
    out = capsys.readouterr().out
    assert f"accuracy {100 * last['test_accuracy']:.2f} %" in out
    assert re.search(r"^red +[\d.]+ %|^red ", out, re.MULTILINE)


def test_evaluate_other_data_of_the_same_classes(trained, tmp_path, capsys):
    for seed in range(10):
        paint(tmp_path / "more" / "red" / f"{seed}.png", (190, 60, 60), 900 + seed)
        paint(tmp_path / "more" / "blue" / f"{seed}.png", (60, 60, 190), 950 + seed)
    picture = tmp_path / "confusion.png"
    argv = ["evaluate", str(trained / "model.safetensors"), "--data", f"folder:{tmp_path / 'more'}"]
    assert main([*argv, "--picture", str(picture)]) == 0
    assert "accuracy" in capsys.readouterr().out
    with Image.open(picture) as drawn:
        assert drawn.format == "PNG"


def test_evaluate_names_the_classes_that_do_not_fit(trained, capsys):
    assert main(["evaluate", str(trained), "--data", "patterns", "--limit", "12"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "the model knows blue, red" in err


def test_predict_gives_a_line_an_image(trained, tmp_path, capsys):
    red = paint(tmp_path / "r.png", (190, 60, 60), 700)
    blue = paint(tmp_path / "a longer name.png", (60, 60, 190), 701)
    large = tmp_path / "grey.jpg"
    Image.fromarray(np.full((90, 50), 90, np.uint8)).save(large)
    assert main(["predict", str(red), str(blue), str(large), "--run", str(trained)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r" [\d.]+ %$", "", line).split()[-1] for line in lines][:2] == ["red", "blue"]
    assert all(re.search(r" (red|blue) \d+\.\d %$", line) for line in lines)


def test_predict_shares_sum_to_one(trained, photos, capsys):
    assert (
        main(["predict", str(photos / "red" / "0.png"), "--run", str(trained), "--top", "9"]) == 0
    )
    shares = re.findall(r"(?:red|blue) ([\d.]+) %", capsys.readouterr().out)
    assert len(shares) == 2
    assert sum(map(float, shares)) == pytest.approx(100, abs=0.11)


def test_predict_goes_on_after_an_unreadable_image(trained, photos, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_bytes((photos / "red" / "0.png").read_bytes()[:60])
    good = photos / "blue" / "1.png"
    assert main(["predict", str(broken), str(good), "--run", str(trained)]) == 1
    shown = capsys.readouterr()
    assert str(good) in shown.out
    assert "broken.png" in shown.err
    assert shown.err.count("\n") == 1


def test_predict_without_run_takes_the_newest(trained, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    old = shutil.copytree(trained, tmp_path / "runs" / "old")
    new = shutil.copytree(trained, tmp_path / "runs" / "new")
    os.utime(old / "model.safetensors", (1, 1))
    os.utime(new / "model.safetensors", (2, 2))
    assert main(["predict", str(photos / "red" / "0.png")]) == 0
    assert capsys.readouterr().err == "with the model of runs/new\n"


def test_show_draws_all_pictures_again(trained, tmp_path, capsys):
    out = tmp_path / "pictures"
    assert main(["show", str(trained), "--index", "1", "--out", str(out)]) == 0
    drawn = {path.name for path in out.iterdir()}
    assert drawn >= PICTURES | {"best_patches_conv1.png"}
    said = capsys.readouterr().out
    assert all(str(out / name) in said for name in drawn)
    # The kernels before training come from the seed, so they are the same as in the run itself.
    assert (out / "kernels.png").read_bytes() == (trained / "kernels.png").read_bytes()


def test_show_refuses_an_image_that_is_not_there(trained, capsys):
    assert main(["show", str(trained), "--index", "500"]) == 2
    assert "--index 500" in capsys.readouterr().err


def test_summary_of_a_run_is_the_summary_of_its_model(trained, capsys):
    assert main(["summary", "--run", str(trained)]) == 0
    of_run = capsys.readouterr().out
    assert main(["summary", "--model", "notes", "--classes", "2", "--image", "16x16x3"]) == 0
    assert capsys.readouterr().out == of_run


def test_images_that_would_fill_the_memory_are_streamed_and_the_run_remembers_it(
    trained, photos, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("cnnjax.data.folder.available", lambda: 50_000)
    run = tmp_path / "run"
    argv = ["train", "--data", f"folder:{photos}", *TRAIN[:-1], "--no-pictures", "--out", str(run)]
    assert main([*argv, "--workers", "1"]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"cnnjax: note: photos: 48 images .* streamed from their files\n", said.err)
    assert "2 classes, streamed" in said.out
    assert_same_model(run, trained)
    assert json.loads((run / "run.json").read_text())["data"]["stream"] is True
    monkeypatch.undo()  # there is memory again: the run goes on as it began
    (run / "model.safetensors").unlink()
    assert main(["train", "--resume", "--out", str(run), "--no-pictures", "--quiet"]) == 0
    assert_same_model(run, trained)
    assert main(["train", "--resume", "--out", str(trained), "--stream"]) == 2
    assert "--stream True: the run in" in capsys.readouterr().err


FAILURES = {
    "a file that is no image": (
        lambda photos: (photos / "red" / "0.png").write_text("no image"),
        [],
        "0.png",
    ),
    "a file that is no image, streamed": (
        lambda photos: (photos / "red" / "2.png").write_text("no image"),
        ["--stream", "--workers", "1"],
        "2.png",
    ),
    "a loss that is not finite": (
        lambda photos: None,
        ["--learning-rate", "1e30", "--optimizer", "sgd"],
        "loss became|non-finite",
    ),
}


@pytest.mark.parametrize(("damage", "options", "message"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_line_and_status_1_and_loses_nothing(
    damage, options, message, photos, trained, tmp_path, capsys
):
    data = shutil.copytree(photos, tmp_path / "photos")
    damage(data)
    run = shutil.copytree(trained, tmp_path / "run")
    argv = ["train", "--data", f"folder:{data}", *TRAIN, "--out", str(run)]
    assert main([*argv, *options, "--force"]) == 1
    assert files(run) == files(trained)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(message, err)


def test_a_damaged_model_is_named(trained, tmp_path, photos, capsys):
    model = tmp_path / "model.safetensors"
    model.write_bytes((trained / "model.safetensors").read_bytes()[:-100])
    assert main(["predict", str(photos / "red" / "0.png"), "--run", str(model)]) == 1
    assert str(model) in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.full
def test_ctrl_c_ends_with_130_and_resume_ends_as_if_nothing_had_happened(photos, tmp_path):
    def argv(run):
        train = ["train", "--data", f"folder:{photos}", "--model", "notes", "--batch-size", "8"]
        return [*train, "--epochs", "60", "--no-pictures", "--out", str(tmp_path / run)]

    assert main([*argv("whole"), "--quiet"]) == 0
    child = subprocess.Popen(
        [sys.executable, "-m", "cnnjax.cli", *argv("cut")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("epoch"):
            break
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "Traceback" not in err
    assert f"cnnjax train --resume --out {tmp_path / 'cut'}" in err
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    assert (
        main(["train", "--resume", "--quiet", "--no-pictures", "--out", str(tmp_path / "cut")]) == 0
    )
    assert_same_model(tmp_path / "cut", tmp_path / "whole")


def test_tables_line_up_where_letters_take_two_columns():
    tables = (class_table, confusion_table)
    for table in tables:
        lines = table(np.array([[1, 0], [2, 3]]), ("사과", "pear")).splitlines()
        assert {sum(1 + (c >= "가") for c in line) for line in lines} == {len(lines[-1])}, table


def test_the_tables_name_every_class():
    confusion = np.array([[8, 2, 0], [0, 10, 0], [0, 0, 0]])
    classes = ("line", "curve", "empty class")
    for table in (class_table(confusion, classes), confusion_table(confusion, classes)):
        lines = table.splitlines()
        assert [line.startswith(name) for line, name in zip(lines[1:], classes, strict=True)]
        assert len({len(line) for line in lines}) == 1


def test_tune_measures_each_call_and_keeps_the_fastest(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CNNJAX_CACHE", str(tmp_path))
    argv = ["tune", "--model", "lenet", "--batch-size", "2", "--for", "inference", "--rounds", "1"]
    assert main(argv) == 0
    out = capsys.readouterr().out
    (known,) = json.loads((tmp_path / "lowerings.json").read_text())["devices"].values()
    assert len(known) == len(re.findall(r"^\d+/\d+", out, re.MULTILINE)) == 2
    assert sorted(known.values()) == sorted(re.findall(r"^ +(\w+) .*taken", out, re.MULTILINE))
    assert all(name.startswith("conv float32[2,") for name in known)


def test_tune_needs_a_place_to_keep_what_it_finds(capsys):
    assert main(["tune"]) == 2  # tests run without a cache
    assert capsys.readouterr().err.startswith("cnnjax tune: CNNJAX_CACHE is off")
