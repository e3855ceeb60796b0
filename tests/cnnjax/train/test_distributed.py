"""Two processes that join through jax.distributed train as one does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnjax.checkpoint import read
from cnnjax.train import TrainConfig, fit

PROGRAM = """
import importlib.util, sys
from cnnjax.train import TrainConfig, fit, initialise_distributed
toy_path, address, process, out = sys.argv[1:]
initialise_distributed(coordinator_address=address, num_processes=2, process_id=int(process))
spec = importlib.util.spec_from_file_location("toy", toy_path)
toy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toy)
config = TrainConfig(epochs=2, batch_size=16, augment="flip", learning_rate=1e-3)
result = fit(toy.normed(), toy.splits(), config, out=out)
"""


@pytest.mark.slow
def test_two_processes_train_as_one(toy, tmp_path):
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    # One device a process: two in all, as the reference below has in one process.
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    path = str(Path(__file__).with_name("toy.py"))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, path, address, str(i), str(tmp_path)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0][0].count("epoch") == 2  # the first process reports
    assert "epoch" not in outputs[1][0]

    config = TrainConfig(epochs=2, batch_size=16, augment="flip", learning_rate=1e-3)
    one = fit(toy.normed(), toy.splits(), config, progress=False)
    tensors, _ = read(tmp_path / "model.safetensors", "model")
    np.testing.assert_allclose(
        tensors["dense.kernel"], one.params["dense"]["kernel"], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        tensors["batch_stats.bn.var"], one.params["batch_stats"]["bn"]["var"], rtol=1e-4
    )
