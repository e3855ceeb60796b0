"""Streamed images beside images in memory: how fast they are read and trained on, in what memory.

    python -m benchmarks.streaming [--images 2000] [--rounds 3] [--times 4]

* reading: JPEGs of 256x256 (smooth patterns, quality 90), resized to 224x224, in batches of 64 in
  random order; by threads, by processes, and by grain where it is installed.
* training: `fit` on JPEGs of 100x100 and on a memory-mapped array of 32x32 images, streamed and in
  memory; images a second of the second epoch.
* memory: a folder of which the decoded images are so many `--times` what the process may allocate
  (RLIMIT_DATA, 640 MB) trains for an epoch; the same folder, in memory, is refused.

Every measurement is a process of its own; they take turns. Writes `results/streaming.json` and
`results/streaming.md`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.streaming.measuring import write
from benchmarks.streaming.memory import limited, memory
from benchmarks.streaming.reading import read, reading
from benchmarks.streaming.training import train, training

# What a process of its own measures: how, in which folder.
MEASURES: dict[str, Callable[[str, Path], dict[str, Any]]] = {
    "read": read, "train": train, "limited": limited,
}  # fmt: skip


def main() -> None:
    """Print the tables and write them; or, in a process of its own, measure one thing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--one", nargs=3, metavar=("WHAT", "HOW", "FOLDER"))
    given = parser.parse_args()
    if given.one:
        what, how, folder = given.one
        print(json.dumps(MEASURES[what](how, Path(folder))))
        return
    from benchmarks.timing import machine, save

    record: dict[str, Any] = {"machine": machine(), "images": given.images}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, given.images)
        lines = [*reading(record, folder, given.rounds), ""]
        lines += [*training(record, folder, given.rounds), ""]
        lines += memory(record, folder, given.times)
    save("streaming", record, lines)


if __name__ == "__main__":
    main()
