"""`cnnjax train --stream` killed (SIGKILL) at random moments.

Resumed until it ends, as an undisturbed run on images in memory did; and a streamed run that
replaces a finished one, killed: the old run is whole, or the new one goes on. No process that
decodes images may outlive its run.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections import Counter
from pathlib import Path

from benchmarks.faults.commands import command, ended, left_behind, model, photos, train, wait

__all__ = ["kills"]


def kills(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    draw = random.Random(1)
    os.environ["CNNJAX_CACHE"] = str(folder / "cache")  # only so that it takes less long
    data, whole = photos(folder / "kill photos"), folder / "whole"
    begun = time.monotonic()
    assert ended(command(*train(data, whole))) == "done"
    assert ended(command(*train(data, whole, "--force"))) == "done"
    long = (time.monotonic() - begun) / 2
    resumed: Counter[str] = Counter()
    run, left = folder / "killed", given.kills - given.kills // 3
    while left:
        again = ["train", "--resume", "--quiet", "--no-pictures", "--out", str(run)]
        process = command(*(again if (run / "run.json").exists() else train(data, run, "--stream")))
        wait(process, draw.uniform(0.3, 1.1) * long)
        if process.poll() is None:
            process.kill()
            process.communicate()
            resumed["killed, went on"] += 1
            resumed["left behind a process"] += left_behind()
            left -= 1
            continue
        outcome = ended(process)
        if outcome == "done":
            outcome = "ended the same, bit for bit" if model(run) == model(whole) else "lost"
            for path in run.iterdir():
                path.unlink()
        resumed[outcome] += 1
    if (run / "run.json").exists():
        outcome = ended(command("train", "--resume", "--quiet", "--no-pictures", "--out", str(run)))
        same = "ended the same, bit for bit" if model(run) == model(whole) else "lost"
        resumed[same if outcome == "done" else outcome] += 1

    replaced: Counter[str] = Counter()
    old = {path.name: path.read_bytes() for path in whole.iterdir()}
    for _ in range(given.kills // 3):
        process = command(*train(data, whole, "--force", "--seed", "1", "--stream"))
        wait(process, draw.uniform(0.3, 1.1) * long)
        process.kill()
        process.communicate()
        replaced["left behind a process"] += left_behind()
        now = {name: (whole / name).read_bytes() for name in old if (whole / name).exists()}
        if now == old:
            replaced["the old run is whole"] += 1
            continue
        # The new one has a checkpoint: it must go on by itself.
        on = command("train", "--resume", "--quiet", "--no-pictures", "--out", str(whole))
        outcome = ended(on, fine="the new run went on")
        replaced[outcome] += 1
        for name, content in old.items():
            (whole / name).write_bytes(content)
    os.environ["CNNJAX_CACHE"] = "off"
    return {
        "a streamed run killed and resumed": +resumed,
        "a streamed run that replaces another, killed": +replaced,
    }
