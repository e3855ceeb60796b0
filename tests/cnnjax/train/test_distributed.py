"""Two processes that join through jax.distributed train as one; what is left of them says so."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from cnnjax.checkpoint import read, write
from cnnjax.data import Splits, streamed
from cnnjax.notices import Notice
from cnnjax.train import TrainConfig, data_mesh, fit, vigil

PROGRAM = """
import importlib.util, sys
import jax
import numpy as np
from jax.sharding import Mesh
from cnnjax.data import Splits, streamed
from cnnjax.train import TrainConfig, fit, initialise_distributed
toy_path, address, process, out, epochs, checkpoints, rate = sys.argv[1:]
initialise_distributed(coordinator_address=address, num_processes=2, process_id=int(process))
spec = importlib.util.spec_from_file_location("toy", toy_path)
toy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toy)

class Counted:
    def __init__(self, data):
        self.data, self.labels, self.classes, self.read = data, data.labels, data.classes, 0
    def __len__(self): return len(self.data)
    def fingerprint(self): return {}
    def __getitem__(self, index):
        self.read += 1
        return self.data.images[index]

splits = toy.splits()
source = Counted(splits.train)
config = TrainConfig(epochs=int(epochs), batch_size=16, augment="flip",
                     learning_rate=float(rate), schedule="constant")
mesh = None
if checkpoints == "orbax":  # parameters in two parts, one in each process
    mesh = Mesh(np.array(jax.devices()).reshape(1, 2), ("data", "model"))
result = fit(toy.normed(), Splits(streamed(source, name="toy train"), splits.test), config, out=out,
             mesh=mesh, checkpoints=checkpoints)
print("read", source.read)
"""


def start(out, epochs, checkpoints="safetensors", rates=(1e-3, 1e-3)):
    """Two processes with one device each."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": ""}
    path = str(Path(__file__).with_name("toy.py"))
    return [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, path, address, str(i), str(out), str(epochs),
             checkpoints, str(rates[i])],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip


def config(epochs):
    return TrainConfig(
        epochs=epochs, batch_size=16, augment="flip", learning_rate=1e-3, schedule="constant"
    )


@pytest.mark.slow
def test_two_processes_train_as_one_and_each_reads_its_own_images(toy, tmp_path):
    outputs = [(process, *process.communicate(timeout=300)) for process in start(tmp_path, 2)]
    assert [process.returncode for process, *_ in outputs] == [0, 0], outputs
    assert outputs[0][1].count("epoch") == 2  # the first process reports
    assert "epoch" not in outputs[1][1]
    # The first image for its shape; all to measure mean and deviation; half of the example batch
    # and of two epochs.
    assert all(f"read {1 + 64 + 8 + 2 * 32}\n" in out for _, out, _ in outputs)

    one = fit(toy.normed(), toy.splits(), config(2), progress=False)
    tensors, _ = read(tmp_path / "model.safetensors", "model")
    np.testing.assert_allclose(
        tensors["dense.kernel"], one.params["dense"]["kernel"], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        tensors["batch_stats.bn.var"], one.params["batch_stats"]["bn"]["var"], rtol=1e-4
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "checkpoints"),
    [(0, "safetensors"), (1, "orbax")],  # the first one holds the coordinator of all
)
def test_when_one_is_killed_the_other_ends_with_one_line_and_one_device_goes_on(
    toy, tmp_path, victim, checkpoints
):
    if checkpoints == "orbax":
        pytest.importorskip("orbax.checkpoint")
    processes = start(tmp_path, 100000, checkpoints)
    checkpoint = trained(processes, tmp_path)
    processes[victim].kill()
    left = processes[1 - victim]
    _, said = left.communicate(timeout=60)
    processes[victim].communicate()
    assert left.returncode not in (None, 0)
    assert said.splitlines() == [
        f"cnnjax train: process {1 - victim} of 2 ends, for another one is gone; the same call "
        f"with resume=True, on the devices that are left, goes on from {checkpoint}"
    ]

    # As if the run had been of the epochs that are done, and one more.
    tensors, record = read(checkpoint, "training checkpoint")
    done = record["position"]["step"] // 4
    record["identity"]["config"]["epochs"] = done + 1
    write(checkpoint, tensors, record, "training checkpoint")
    splits = Splits(as_there(toy.splits().train), toy.splits().test)
    with pytest.warns(Notice, match="devices was 2, now 1"):
        resumed = fit(
            toy.normed(), splits, config(done + 1), out=tmp_path, resume=True, progress=False,
            mesh=data_mesh(jax.devices()[:1]),
        )  # fmt: skip
    assert [row["epoch"] for row in resumed.history] == list(range(1, done + 2))


def trained(processes, out):
    """The checkpoint of a run of some epochs, once it is there."""
    checkpoint = out / "checkpoint.safetensors"
    until = time.monotonic() + 200
    while not checkpoint.exists() and time.monotonic() < until:
        assert [process.poll() for process in processes] == [None, None]
        time.sleep(0.05)
    return checkpoint


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "whom", "checkpoints"),
    [
        (signal.SIGTERM, [0], "safetensors"),
        (signal.SIGTERM, [0, 1], "orbax"),  # as clusters send it: to all
        (signal.SIGINT, [1], "safetensors"),
    ],
)
def test_when_one_is_asked_to_stop_all_save_the_same_step_and_say_so_in_one_line(
    tmp_path, number, whom, checkpoints
):
    if checkpoints == "orbax":
        pytest.importorskip("orbax.checkpoint")
    processes = start(tmp_path, 100000, checkpoints)
    checkpoint = trained(processes, tmp_path)
    begun = time.monotonic()
    for process in whom:
        processes[process].send_signal(number)
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert time.monotonic() - begun < 60
    step = read(checkpoint, "training checkpoint")[1]["position"]["step"]
    assert said == [
        f"cnnjax train: process {i} of 2 stopped after step {step} of 400000, as one of them was "
        f"asked to (Ctrl-C or SIGTERM), saved to {checkpoint}; the same call with resume=True goes "
        "on from there\n"
        for i in range(2)
    ]
    assert [process.returncode for process in processes] == [130, 130]


@pytest.mark.slow
def test_a_second_ctrl_c_ends_one_at_once_and_the_other_soon(tmp_path):
    processes = start(tmp_path, 100000)
    checkpoint = trained(processes, tmp_path)
    for _ in range(2):
        processes[1].send_signal(signal.SIGINT)
        time.sleep(0.2)
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [len(lines.splitlines()) for lines in said] == [1, 1]
    assert processes[1].returncode == 130
    assert processes[0].returncode != 0
    if "stopped after step" not in said[1]:  # all had stopped between the two
        assert said[1] == (
            "cnnjax train: process 1 of 2 was interrupted and ends at once; the same call with "
            f"resume=True goes on from {checkpoint}\n"
        )
        assert "process 0 of 2 ends, for another one is gone" in said[0]


@pytest.mark.slow
def test_arguments_that_differ_end_both_with_their_names(tmp_path):
    for process in start(tmp_path, 2, rates=(1e-3, 2e-3)):
        _, said = process.communicate(timeout=200)
        assert process.returncode == 1
        assert said.splitlines()[-1] == (
            "ValueError: fit: its arguments differ between the 2 processes, which must all be "
            "given the same: config.learning_rate is 0.001 in process 0 and 0.002 in process 1"
        )
    assert not list(tmp_path.iterdir())


def as_there(data):
    """Streamed, with nothing that tells the images from others: as in `PROGRAM`."""

    class Source:
        labels, classes = data.labels, data.classes

        def __len__(self):
            return len(data)

        def __getitem__(self, index):
            return data.images[index]

        def fingerprint(self):
            return {}

    return streamed(Source(), name=data.name)


NOISE = "F1129 client.h:80] the JAX distributed service detected fatal errors\n"


def with_the_last_word(noise):
    """The process that watches another one, and where that one's standard error goes."""
    incoming, outgoing = os.pipe()
    os.write(outgoing, noise)
    process = subprocess.Popen(
        [sys.executable, vigil.__file__, str(incoming)],
        pass_fds=[incoming], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(incoming)
    return process, outgoing


@pytest.mark.parametrize(
    ("commands", "noise", "said"),
    [
        ("line LOST\n", "W an XLA warning\n", "W an XLA warning\n"),
        ("line LOST\n", NOISE, "LOST\n"),
        ("line LOST\nlost\n", "W gloo\n", "LOST\n"),
        ("line LOST\nline \n", NOISE, NOISE),  # after the training
        ("line LOST\nfailed\n", NOISE, ""),  # it has said why itself
        ("line LOST\nfailed\nline AGAIN\n", NOISE, "AGAIN\n"),
        ("line LOST\nbefore NONE\nfirst /no/such/file\n", NOISE, "NONE\n"),
        ("line LOST\nbefore NONE\nfirst /no/such/file\nline DONE\n", NOISE, "DONE\n"),
        ("line LOST\nfailed\n", "Segmentation fault\n", "Segmentation fault\n"),
    ],
)
def test_the_last_word_is_one_line_only_where_others_are_lost(commands, noise, said):
    process, outgoing = with_the_last_word(noise.encode())
    try:
        assert process.communicate(commands, timeout=60)[1] == said
    finally:
        os.close(outgoing)


@pytest.mark.parametrize("there", [False, True])  # a checkpoint of an earlier run
def test_the_last_word_names_a_checkpoint_once_the_run_has_written_one(tmp_path, there):
    checkpoint = tmp_path / "checkpoint.safetensors"
    for written, said in ((False, "NONE\n"), (True, "LOST\n")):
        if there:
            checkpoint.write_bytes(b"an earlier run's")
        process, outgoing = with_the_last_word(b"W read\n")
        process.stdin.write(f"line LOST\nbefore NONE\nfirst {checkpoint}\n")
        process.stdin.flush()
        assert process.stderr.readline() == "W read\n"  # the commands too, a second later
        if written:
            (tmp_path / "new").write_bytes(b"this run's")
            (tmp_path / "new").replace(checkpoint)
        try:
            assert process.communicate("lost\n", timeout=60)[1] == said
        finally:
            os.close(outgoing)


def test_what_the_one_with_the_last_word_holds_it_passes_on_later():
    process, outgoing = with_the_last_word(b"W a warning\n")
    assert process.stderr.readline() == "W a warning\n"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)  # Ctrl-C is for the one it watches
    os.close(outgoing)
    assert process.communicate("failed\n", timeout=60)[1] == ""
