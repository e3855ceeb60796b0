"""One of two hosts is killed, at chosen and at random moments of a run, or stops to answer.

The other one has to end within a minute with one line of ours and the status 1, or 134 (JAX's
`abort`); anything else is a `traceback`. `slow` is a minute or more.

    python -m benchmarks.faults.hosts ADDRESS PROCESS OUT EPOCHS CHECKPOINTS MOMENT

is one of the two, which kills itself at MOMENT.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

__all__ = ["MOMENTS", "hosts", "killed"]

# Where the killed one is, and the call (of those below) that it does not return from.
MOMENTS = (
    ("joined, before the training", "joined", 1),
    ("comparing arguments", "compare", 1),
    ("before the first step", "compiled", 1),
    ("in a step", "settle", 2),
    ("in a later step", "settle", 41),
    ("saving for the first time", "save", 1),
    ("saving", "save", 3),
    ("gathering the parameters at the end", "whole", 1),
    ("writing the model", "model", 1),
    ("after the training", "trained", 1),
)
_SHORT = ("whole", "model", "trained")
_BY_THE_FIRST = ("model",)
_SLOW = 60
_STATUSES = (1, -signal.SIGABRT)


def hosts(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    draw = random.Random(2)
    chosen: Counter[str] = Counter()
    for number, (what, call, _) in enumerate(MOMENTS):
        for victim in (0,) if call in _BY_THE_FIRST else (0, 1):  # 0 holds the coordinator of all
            chosen[killed(folder / f"hosts {number} {victim}", what, victim)] += 1
    drawn: Counter[str] = Counter()
    for number in range(given.kills // 3):
        victim = draw.randrange(2)
        pair = _pair(folder / f"hosts drawn {number}", 10**5)
        time.sleep(draw.uniform(1, 12))
        stopped = number % 10 == 9
        pair[victim].send_signal(signal.SIGSTOP if stopped else signal.SIGKILL)
        word = "stops to answer" if stopped else "killed"
        drawn[_outcome(pair[1 - victim], word)] += 1
        _end(pair)
    return {"one of two killed at a chosen moment": chosen, "one of two lost at random": drawn}


def killed(run: Path, what: str, victim: int) -> str:
    """The outcome where the process `victim` is killed at that one of `MOMENTS`."""
    call, times = next((call, times) for name, call, times in MOMENTS if name == what)
    checkpoints = "orbax" if call == "save" and victim == _with_orbax() else "safetensors"
    pair = _pair(run, 3 if call in _SHORT else 10**5, checkpoints, victim, call, times)
    pair[victim].wait(300)
    outcome = _outcome(pair[1 - victim], what)
    _end(pair)
    return outcome


def _outcome(left: subprocess.Popen[bytes], what: str) -> str:
    begun = time.monotonic()
    try:
        _, err = left.communicate(timeout=4 * _SLOW)
    except subprocess.TimeoutExpired:
        return "lost: it goes on alone"
    taken = time.monotonic() - begun
    lines = err.decode("utf-8", "replace").splitlines()
    fine = len(lines) == 1 and lines[0].startswith("cnnjax train: process ")
    if not fine or left.returncode not in _STATUSES:
        print(f"{what}, status {left.returncode}:", *lines, sep="\n  ", file=sys.stderr)
        return "traceback"
    return "slow" if taken >= _SLOW else "one line"


def _pair(
    run: Path,
    epochs: int,
    checkpoints: str = "safetensors",
    victim: int = 0,
    call: str = "",
    times: int = 0,
) -> list[subprocess.Popen[bytes]]:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults.hosts", address, str(process), str(run),
             str(epochs), checkpoints, f"{call}:{times}" if process == victim else ":0"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for process in range(2)
    ]  # fmt: skip


def _end(pair: list[subprocess.Popen[bytes]]) -> None:
    for process in pair:
        process.kill()
        process.communicate()


def _with_orbax() -> int:
    """Which of the two is killed while all write together, if they can."""
    from importlib.util import find_spec

    return 1 if find_spec("orbax") else -1


def main() -> None:
    address, process, out, epochs, checkpoints, moment = sys.argv[1:]
    call, _, times = moment.partition(":")
    import jax
    import numpy as np
    from jax.sharding import Mesh

    from cnnjax import data, models
    from cnnjax.train import (
        TrainConfig,
        agreement,
        epoch,
        fit,
        initialise_distributed,
        loop,
        saving,
    )

    initialise_distributed(coordinator_address=address, num_processes=2, process_id=int(process))
    places: dict[str, tuple[Any, str]] = {
        "compare": (agreement, "_gathered"),
        "compiled": (loop, "compiled"),
        "settle": (epoch, "_settle"),
        "save": (loop, "save"),
        "whole": (loop, "whole"),
        "model": (saving, "save_model"),
    }
    if call == "joined":
        _die()
    if call in places:
        _die_at(*places[call], int(times))
    splits = data.load("patterns", size=(16, 16), limit=64)
    model = models.notes_cnn(len(splits.train.classes), widths=(4,), image=(16, 16, 3))
    mesh = None
    if checkpoints == "orbax":  # parameters in two parts, one in each process
        mesh = Mesh(np.array(jax.devices()).reshape(1, 2), ("data", "model"))
    config = TrainConfig(epochs=int(epochs), batch_size=16)
    fit(model, splits, config, out=out, mesh=mesh, checkpoints=checkpoints, progress=False)
    if call == "trained":
        _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(owner: Any, name: str, times: int) -> None:
    """The call of `owner.name` with this number does not return."""
    original, calls = getattr(owner, name), 0

    def call(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == times:
            _die()
        return original(*given, **named)

    setattr(owner, name, call)


if __name__ == "__main__":
    main()
