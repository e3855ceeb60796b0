"""Faults on purpose: damaged files, kills, lost hosts, a full disk, no permission, hostile names.

    python -m benchmarks.faults [--damages 300] [--kills 30] [--only formats kills disk ...]

A file a kind of fault: `formats.py`, `kills.py`, `hosts.py`, `disk.py`, `names.py`, `access.py`.
Every outcome has a name; three of them are defects: `traceback` (an error that is not one line of
ours), `left behind a process`, and `lost` (something of an earlier run is gone, or a resumed run
ends elsewhere).

Prints a table and writes `results/faults.json` and `results/faults.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.faults.access import access
from benchmarks.faults.commands import MARK
from benchmarks.faults.disk import disk
from benchmarks.faults.formats import formats
from benchmarks.faults.hosts import hosts
from benchmarks.faults.kills import kills
from benchmarks.faults.names import names
from benchmarks.timing import RESULTS, machine, save

# A folder of its own to work in, and the command line's options; outcomes by what was done.
Part = Callable[[Path, argparse.Namespace], dict[str, Counter[str]]]

PARTS: dict[str, Part] = {
    "formats": formats, "kills": kills, "hosts": hosts, "disk": disk, "names": names,
    "access": access,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--damages", type=int, default=300, help="of each format")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--only", nargs="+", default=[*PARTS], choices=[*PARTS])
    given = parser.parse_args()
    os.environ["CNNJAX_CACHE"] = "off"
    name, _, value = MARK.partition("=")
    os.environ[name] = value
    # Parts that are not run keep their earlier figures.
    found: dict[str, dict[str, int]] = {
        what: outcomes
        for what, outcomes in earlier("faults").get("outcomes", {}).items()
        if what.partition(":")[0] not in given.only
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            for what, outcomes in PARTS[name](Path(folder), given).items():
                found[f"{name}: {what}"] = dict(outcomes)
                print(f"{name}: {what}: {_words(outcomes)}", flush=True)
    lines = ["| fault | outcomes |", "|---|---|"]
    lines += [f"| {what} | {_words(outcomes)} |" for what, outcomes in found.items()]
    save("faults", {"machine": machine(), "outcomes": found}, lines)
    bad = sum(
        outcomes.get(word, 0)
        for outcomes in found.values()
        for word in ("traceback", "lost", "left behind a process")
    )
    print(f"{sum(sum(o.values()) for o in found.values())} faults, {bad} tracebacks or losses")
    sys.exit(bool(bad))


def earlier(name: str) -> dict[str, Any]:
    """The record that an earlier call wrote."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _words(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items()))


if __name__ == "__main__":
    main()
