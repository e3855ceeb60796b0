"""Folders, classes, files and runs whose names are no UTF-8, hold newlines, escapes or quotes."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path

from benchmarks.faults.commands import command, ended, photos, train

__all__ = ["names"]

NAMES: tuple[str | bytes, ...] = (
    b"caf\xe9", b"new\nline", b"\x1b[31mred\x1b[0m", b"tab\there", "고양이", " blank ", "--help",
    "quo'te\"s", "$(touch evil)", "%s{0}", "a" * 250, "a\u202eb", "con", "-",
)  # fmt: skip


def names(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    outcomes: Counter[str] = Counter()
    data = photos(folder / "names", NAMES, count=2)
    run = folder / os.fsdecode(b"run \xe9\n\x1b[0m 'x'")
    outcomes["trained: " + ended(command(*train(data, run, "--epochs", "1")))] += 1
    again = command("train", "--resume", "--quiet", "--out", str(run))
    outcomes["resumed: " + ended(again)] += 1
    for number, name in enumerate(NAMES):
        image = os.path.join(os.fsencode(folder / "names"), os.fsencode(name), b"0.png")
        if number % 3 == 0:
            predicted = ended(command("predict", image, "--run", str(run)))
            outcomes["predicted: " + predicted] += 1
        missing = os.path.join(os.fsencode(folder), b"gone-" + os.fsencode(name)[:200])
        outcomes["a folder that is missing: " + ended(
            command("train", "--data", b"folder:" + missing)
        )] += 1  # fmt: skip
    return {"folders, classes, files and runs": outcomes}
