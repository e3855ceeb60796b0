"""Commands in processes of their own, and by what name their end goes."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["MARK", "command", "ended", "left_behind", "model", "photos", "train", "wait"]

# prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH): then root is one user of many.
_DROP, _READ_AND_WRITE_ALL = 24, (1, 2)

# In the environment of all processes that are started here.
MARK = f"CNNJAX_FAULTS={os.getpid()}"


def command(
    *argv: str | bytes, limit: int | None = None, plain: bool = False
) -> subprocess.Popen[bytes]:
    """`cnnjax ARGV...`; `plain`: without the privilege of root to read and write everything."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if plain and os.geteuid() == 0:
            for capability in _READ_AND_WRITE_ALL:
                ctypes.CDLL(None).prctl(_DROP, capability, 0, 0, 0)

    return subprocess.Popen(
        [sys.executable, "-m", "cnnjax.cli", *argv],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare,
    )  # fmt: skip


def ended(process: subprocess.Popen[bytes], *, fine: str = "done") -> str:
    """The outcome of a command: how it ended, and whether it said so in one line."""
    _, err = process.communicate(timeout=600)
    if b"Traceback" in err:
        print(err.decode("utf-8", "replace"), file=sys.stderr)
        return "traceback"
    if process.returncode == 0:
        return fine
    problems = [line for line in err.splitlines() if not line.startswith(b"cnnjax: note: ")]
    return f"one line, status {process.returncode}" if len(problems) == 1 else "traceback"


def wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until then, or until it has ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def photos(folder: Path, names: tuple[str | bytes, ...] = ("ant", "bee"), count: int = 12) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        inner = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(inner, exist_ok=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            with open(os.path.join(inner, b"%d.png" % number), "wb") as file:
                Image.fromarray(pixels).save(file, "PNG")
    return folder


def train(data: Path, run: Path, *more: str) -> list[str]:
    return ["train", "--data", f"folder:{data}", "--epochs", "30", "--batch-size", "4", "--quiet",
            "--no-pictures", "--out", str(run), *more]  # fmt: skip


def model(run: Path) -> bytes:
    path = run / "model.safetensors"
    return path.read_bytes() if path.exists() else b""


def left_behind() -> int:
    """How many processes that decode images are still there a moment after their run's end."""
    found = 0
    for _ in range(50):
        found = sum(
            b"cnnjax.data.streaming" in _read(process / "cmdline")
            and MARK.encode() in _read(process / "environ")
            for process in Path("/proc").glob("[0-9]*")
        )
        if not found:
            break
        time.sleep(0.1)
    return found


def _read(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""
