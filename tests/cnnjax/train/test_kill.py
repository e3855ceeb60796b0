"""kill -9 at any moment: a real process, killed and resumed, ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnjax.checkpoint import read

TOY = Path(__file__).with_name("toy.py")


def start(out, *options):
    command = [sys.executable, str(TOY), str(out), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process):
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def assert_same_end(left, right):
    for name, kind in [
        ("checkpoint.safetensors", "training checkpoint"),
        ("model.safetensors", "model"),
    ]:
        (a, _), (b, _) = read(left / name, kind), read(right / name, kind)
        assert a.keys() == b.keys()
        for key in a:
            assert a[key].tobytes() == b[key].tobytes(), key


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    code, output = finish(start(out))
    assert code == 0, output
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "data"),
    [
        ("write_bytes:1", []),  # in the middle of the first checkpoint: none is there yet
        ("fsync:23", []),  # before the data or the folder is on disk
        ("replace:18", ["--stream"]),  # written, not yet in place; and two processes read images
        ("replaced:33", []),  # between the last checkpoint and what follows it
    ],
)
def test_killed_while_writing(undisturbed, tmp_path, moment, data):
    code, output = finish(start(tmp_path, "--kill", moment, *data))
    assert code == -signal.SIGKILL, output
    code, output = finish(start(tmp_path, "--resume", *data))
    assert code == 0, output
    assert_same_end(undisturbed, tmp_path)


@pytest.mark.slow
def test_killed_again_and_again_at_random_moments(undisturbed, tmp_path):
    rng = random.Random(0)
    kills, code = 0, None
    while code is None:
        process = start(tmp_path, "--resume")
        process.stdout.readline()
        checkpoint = tmp_path / "checkpoint.safetensors"
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        # Compiling takes most of the time: wait until the run writes, then a little longer.
        while process.poll() is None:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != before:
                break
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.03))
        if kills < 4 and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
        else:
            code, output = finish(process)
            assert code == 0, output
    assert kills > 0
    assert_same_end(undisturbed, tmp_path)


@pytest.mark.slow
def test_ctrl_c_of_a_process_says_how_to_resume(undisturbed, tmp_path):
    process = start(tmp_path)
    while not (tmp_path / "checkpoint.safetensors").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    code, output = finish(process)
    assert code != 0, output
    assert "Interrupted: stopped after step" in output
    assert "resume" in output
    code, output = finish(start(tmp_path, "--resume"))
    assert code == 0, output
    assert_same_end(undisturbed, tmp_path)
