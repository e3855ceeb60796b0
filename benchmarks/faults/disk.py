"""Commands where no file may grow beyond so many bytes (RLIMIT_FSIZE), as on a full disk."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from benchmarks.faults.commands import command, ended, photos, train

__all__ = ["disk"]


def disk(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    data, run = photos(folder / "disk photos"), folder / "disk run"
    short = ("--epochs", "1")
    assert ended(command(*train(data, run, *short))) == "done"
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    outcomes: Counter[str] = Counter()
    for limit in (0, 100, 4096, 100_000, 400_000):
        new = folder / f"disk run {limit}"
        outcomes["new run: " + ended(command(*train(data, new, *short), limit=limit))] += 1
        force = command(*train(data, run, *short, "--force", "--seed", "1"), limit=limit)
        outcomes["replacing run: " + ended(force)] += 1
        if before != {path.name: path.read_bytes() for path in run.iterdir()}:
            outcomes["lost"] += 1
    return {"no file beyond 0 to 400,000 bytes": outcomes}
