"""Folders and files that may not be read or written, as a user without privileges."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.commands import command, ended, photos, train

__all__ = ["access"]


def access(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    def resume(run: Path, name: str) -> list[str]:
        run.mkdir()
        (run / name).touch(0)
        if name == "run.json":
            return ["train", "--resume", "--out", str(run)]
        return ["evaluate", str(run), "--data", "digits"]

    # What is closed, and the command that meets it.
    cases: dict[str, Callable[[Path, Path], tuple[Path | None, list[str]]]] = {
        "data folder": lambda data, run: (data, train(data, run)),
        "class folder": lambda data, run: (data / "ant", train(data, run)),
        "image": lambda data, run: (data / "ant" / "3.png", train(data, run)),
        "parent of the data": lambda data, run: (data.parent, train(data, run)),
        "parent of the run": lambda data, run: (run.parent, train(data, run)),
        "record": lambda data, run: (None, resume(run, "run.json")),
        "model": lambda data, run: (None, resume(run, "model.safetensors")),
    }
    outcomes: Counter[str] = Counter()
    for number, (what, make) in enumerate(cases.items()):
        home = folder / f"access {number}"
        data, run = photos(home / "in" / "photos"), home / "out" / "run"
        run.parent.mkdir(parents=True)
        closed, argv = make(data, run)
        if closed is not None:
            closed.chmod(0)
        outcomes[f"{what}: {ended(command(*argv, plain=True))}"] += 1
        if closed is not None:
            closed.chmod(0o755)
    return {"may not be read or written": outcomes}
