"""An experiment as data, and the loop that carries it out: run, write, conclude, draw.

A run is one setting with one seed.  After each run the whole record is written (atomically), so
that an interrupted experiment goes on where it stopped, and nothing is measured twice.  The
conclusion is computed from the runs in the record and from nothing else: `--redraw` computes it
again without training.

A record, `results/claims/ID.json`, holds the fields of `verify.claims.claim.Measured` and

    settings    what was fixed before the first run
    history     what was looked at before the settings were fixed, and what was changed afterwards
    raw         {name of the run: {"arm": its setting, "seconds", "cpu_seconds", what was measured}}
    versions, device
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cnnjax.checkpoint import write_json

HERE = Path(__file__).parent.parent  # experiments/

Arm = dict[str, Any]
Raw = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Conclusion:
    """What the runs say; see `verify.claims.claim.Measured` for the fields."""

    headline: str
    found: str
    supported: bool | None
    columns: tuple[str, ...]
    figures: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Experiment:
    """One measured claim.

    id: the claim's. module: its script's name. settings: a frozen dataclass, JSON-ready.
    history: sentences about how the settings came about. total: the number of runs.
    plan: (settings, runs so far) -> (name, arm) in turn; a later arm may depend on earlier runs.
    measure: (settings, arm) -> what the run measured, JSON-ready.
    conclude, draw: from settings and all runs; `draw` writes a PNG.
    """

    id: str
    module: str
    settings: Any
    history: tuple[str, ...]
    total: int
    plan: Callable[[Any, Raw], Iterable[tuple[str, Arm]]]
    measure: Callable[[Any, Arm], dict[str, Any]]
    conclude: Callable[[Any, Raw], Conclusion]
    draw: Callable[[Any, Raw, Path], None]


def carry_out(
    experiment: Experiment, *, folder: Path = HERE, anew: bool = False, redraw: bool = False
) -> dict[str, Any]:
    """Do the runs that `folder`/results/claims/ID.json lacks; write it and its picture.

    anew: measure everything again. redraw: train nothing, conclude and draw again.

    Raises ValueError where the record is of other settings, or unfinished and to be redrawn.
    """
    path = folder / "results" / "claims" / f"{experiment.id}.json"
    picture = folder / "pictures" / f"{experiment.id}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {} if anew or not path.exists() else json.loads(path.read_text("utf-8"))
    settings = _json(asdict(experiment.settings))
    if record and record["settings"] != settings:
        raise ValueError(
            f"{experiment.id}: {path.name} was measured with other settings; "
            "--anew measures everything again"
        )
    if redraw and record.get("headline", "unfinished").startswith("unfinished"):
        raise ValueError(f"{experiment.id}: {path.name} is not finished; run without --redraw")
    raw: Raw = record.get("raw", {})
    done: Raw = {}
    spent, measured_now = 0.0, 0
    for number, (name, arm) in enumerate(experiment.plan(experiment.settings, done), start=1):
        if raw.get(name, {}).get("arm") == _json(arm):
            done[name] = raw[name]
            continue
        if redraw:
            raise ValueError(f"{experiment.id}: {path.name} lacks the run {name!r}")
        print(f"[{number}/{experiment.total}] {name}", end=" ... ", flush=True)
        wall, cpu = time.perf_counter(), time.process_time()
        measured = experiment.measure(experiment.settings, arm)
        seconds, used = time.perf_counter() - wall, time.process_time() - cpu
        spent, measured_now = spent + seconds, measured_now + 1
        done[name] = _json(
            {
                "arm": arm,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(used, 1),
                "device": _device(),
                **measured,
            }
        )
        unfinished = Conclusion(
            f"unfinished: {len(done)} of {experiment.total} runs", "", None, (), ()
        )
        # Runs on file that come later in the plan stay there.
        _write(path, experiment, settings, {**raw, **done}, unfinished, picture)
        left = (experiment.total - number) * spent / measured_now
        print(f"{seconds:.0f} s, about {left / 60:.0f} min left", flush=True)
    if len(done) != experiment.total:
        raise RuntimeError(f"{experiment.id}: {len(done)} runs, {experiment.total} announced")
    conclusion = experiment.conclude(experiment.settings, done)
    experiment.draw(experiment.settings, done, picture)
    return _write(path, experiment, settings, done, conclusion, picture)


def main(experiment: Experiment) -> int:
    """The command line of a script."""
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.claims.{experiment.module}",
        description=f"Measure the claim {experiment.id}; goes on where it was interrupted.",
    )
    parser.add_argument("--anew", action="store_true", help="forget the runs on file")
    parser.add_argument("--redraw", action="store_true", help="conclude and draw; train nothing")
    given = parser.parse_args()
    record = carry_out(experiment, anew=given.anew, redraw=given.redraw)
    print(report(record))
    return 0


def report(record: Mapping[str, Any]) -> str:
    """The record's conclusion as text."""
    rows = [record["columns"], *record["figures"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    verdict = {True: "supported", False: "contradicted", None: "undecided"}[record["supported"]]
    cpu = sum(run["cpu_seconds"] for run in record["raw"].values())
    return "\n".join(
        [f"{record['headline']} [{verdict}]", *table, record["found"], f"{cpu:.0f} s of CPU time"]
    )


def pack(array: Any) -> dict[str, Any]:
    """An array as JSON: its shape, and its float16 numbers in base64.

    >>> unpack(pack([[0.5, -2.0]])).tolist()
    [[0.5, -2.0]]
    """
    half = np.asarray(array, np.float16).astype("<f2")
    return {"shape": list(half.shape), "float16": base64.b64encode(half.tobytes()).decode("ascii")}


def unpack(packed: Mapping[str, Any]) -> np.ndarray:
    """The float64 array that `pack` made small (to about three digits)."""
    numbers = np.frombuffer(base64.b64decode(packed["float16"]), "<f2")
    return numbers.reshape(packed["shape"]).astype(np.float64)


def _write(
    path: Path,
    experiment: Experiment,
    settings: Any,
    raw: Raw,
    conclusion: Conclusion,
    picture: Path,
) -> dict[str, Any]:
    record = {
        "id": experiment.id,
        **asdict(conclusion),
        "picture": f"experiments/pictures/{picture.name}",
        "command": f"python -m experiments.claims.{experiment.module}",
        "settings": settings,
        "history": list(experiment.history),
        "versions": {name: version(name) for name in ("jax", "jaxlib", "optax", "numpy")}
        | {"python": platform.python_version()},
        "device": ", ".join(sorted({run["device"] for run in raw.values()})),
        "raw": raw,
    }
    record = _json(record)
    write_json(path, record)
    return record


def _device() -> str:
    return f"{jax.devices()[0].device_kind} x {jax.device_count()} ({os.cpu_count()} CPU cores)"


def _json(value: Any) -> Any:
    """As it comes back from a file: tuples are lists."""
    return json.loads(json.dumps(value))
