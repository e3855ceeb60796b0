"""What the measurements share: the images, and a process of its own for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["SIZE", "files", "median", "of_children", "one", "write"]

SIZE = 224


def write(folder: Path, count: int) -> None:
    """`count` images of two classes in `large/`, in `small/` and in `array.npy`."""
    rng = np.random.default_rng(0)
    for number in range(count):
        grid = Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
        for name, side in (("large", 256), ("small", 100)):
            path = folder / name / "ab"[number % 2] / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            grid.resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)
    np.save(folder / "array.npy", rng.integers(0, 256, (10 * count, 32, 32, 3), np.uint8))


def one(what: str, how: str, folder: Path) -> dict[str, Any]:
    """A measurement in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.streaming", "--one", what, how, str(folder)],
        env={**os.environ, "CNNJAX_CACHE": str(folder / "cache")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        raise RuntimeError(f"{what}, {how}: {ran.stderr}")
    return json.loads(ran.stdout.splitlines()[-1])


def median(found: list[dict[str, Any]]) -> dict[str, float]:
    return {name: float(np.median([f[name] for f in found])) for name in found[0]}


def files(folder: Path) -> list[Path]:
    return sorted((folder / "large").glob("*/*.jpg"))


def of_children() -> float:
    """The largest of the child processes, by its peak, in MB."""
    peaks = [0.0]
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
            if int(fields["PPid"]) == os.getpid() and "VmHWM" in fields:
                peaks.append(int(fields["VmHWM"].split()[0]) / 1e3)
    return max(peaks)
