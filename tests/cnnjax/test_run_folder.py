"""A run folder has one writer, and loses nothing: not to a new run, a kill or a full disk."""

import errno
import os
import resource
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from cnnjax import checkpoint, container, run_folder
from cnnjax.cli.problems import reason
from cnnjax.notices import Notice
from cnnjax.run_folder import InUse, discard_new, locked, prepare_new, take_over

HOLDS = """
import sys, time
from pathlib import Path
from cnnjax.run_folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder):
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLDS, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_until_the_first_has_ended_however_it_ends(tmp_path):
    process = holder(tmp_path)
    try:
        with pytest.raises(InUse, match=f"in use by process {process.pid} on "), locked(tmp_path):
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    process.stdout.close()
    assert (tmp_path / ".lock").exists()  # left behind, and no lock any more
    with locked(tmp_path) as first:
        assert first
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"process 1 on elsewhere", b"\xff\0nonsense"])
def test_a_lock_file_left_behind_locks_nothing(tmp_path, content):
    (tmp_path / ".lock").write_bytes(content)
    with locked(tmp_path):
        pass


def test_the_same_thread_may_hold_it_twice_and_another_may_not(tmp_path):
    refused = []

    def other():
        try:
            with locked(tmp_path):
                pass
        except InUse as error:
            refused.append(str(error))

    with locked(tmp_path), locked(tmp_path) as first:
        assert not first
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert "another thread" in refused[0]


def test_folders_made_for_the_lock_alone_are_removed_again(tmp_path):
    with locked(tmp_path / "a" / "b"):
        pass
    assert not list(tmp_path.iterdir())
    with locked(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "run.json").touch()
    assert (tmp_path / "a" / "b" / "run.json").exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_used_with_a_notice(tmp_path, monkeypatch, code):
    def flock(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(run_folder.fcntl, "flock", flock)
    with pytest.warns(Notice, match="has no locks"), locked(tmp_path):
        pass


OLD = ("run.json", "checkpoint.safetensors", "model.safetensors", "history.json", "kernels.png",
       "best_patches_conv1.png", "mine.txt")  # fmt: skip


def old_run(folder):
    for name in OLD:
        (folder / name).write_text("old")


def texts(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize("moment", [None, *range(8)])
def test_a_replacement_that_is_killed_is_completed_by_the_next_command(
    tmp_path, monkeypatch, record, moment
):
    old_run(tmp_path)
    new = prepare_new(tmp_path, record=record)
    if record:
        (new / "run.json").write_text("new")
    assert not take_over(tmp_path)  # it has no checkpoint yet
    assert set(texts(tmp_path)) == set(OLD)
    (new / "checkpoint.safetensors").write_text("new")

    class Killed(BaseException):
        pass

    calls = iter(range(100))

    def dies(original):
        def call(*arguments, **options):
            if next(calls) == moment:
                raise Killed
            return original(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", dies(run_folder.Path.unlink))
        patched.setattr(os, "replace", dies(os.replace))
        try:
            take_over(tmp_path)
            killed = False
        except Killed:
            killed = True
    if killed:
        assert texts(tmp_path)["checkpoint.safetensors"] == "old"  # it decides, and comes last
        with pytest.warns(Notice, match="takes the place of the old one"), locked(tmp_path):
            pass
    expected = {"checkpoint.safetensors": "new", "mine.txt": "old"}
    assert texts(tmp_path) == (expected | {"run.json": "new"} if record else expected)
    assert not (tmp_path / ".new").exists()


def test_a_new_run_without_a_checkpoint_leaves_no_trace(tmp_path):
    old_run(tmp_path)
    with locked(tmp_path):
        prepare_new(tmp_path, record=False)
    assert set(texts(tmp_path)) == set(OLD)
    assert not (tmp_path / ".new").exists()
    discard_new(tmp_path)


TREE = {"x": np.arange(50_000.0)}


def _write(path):
    checkpoint.write(path, TREE, {"step": 1}, "test")


def _write_json(path):
    checkpoint.write_json(path, ["x" * 1000] * 100)


@pytest.mark.parametrize("write", [_write, _write_json])
def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path, write):
    path = tmp_path / "file"
    write(path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # a disk of 4 KiB
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert reason(caught.value) == f"{path}: File too large"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]


def test_the_same_content_is_the_same_file(tmp_path):
    for name in ("one", "two"):
        tree = {"b": np.ones((2, 3), np.float16), "a": np.zeros(3), "n": np.int8(3)}
        checkpoint.write(tmp_path / name, tree, {"k": "v", "é": "\udcff"}, "test")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    tensors, record = checkpoint.read(tmp_path / "one", "test")
    assert record == {"k": "v", "é": "\udcff"}
    assert tensors["n"] == 3


def test_the_files_are_those_of_the_safetensors_package(tmp_path):
    from safetensors.numpy import load_file, save

    tree = {"b": np.ones((2, 3), np.float16), "a": np.zeros((0, 3)), "n": np.array(3, np.int8)}
    checkpoint.write(tmp_path / "file", tree, {}, "test")
    found = load_file(tmp_path / "file")
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in tree.items()
    }
    plain = container._serialized(tree, {})
    theirs = save(tree, {})
    assert (
        plain[8 + int.from_bytes(plain[:8], "little") :]
        == (theirs[8 + int.from_bytes(theirs[:8], "little") :])
    )
