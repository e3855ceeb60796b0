"""Interleaved timing: every contender once a round, so that drift of the machine hits all alike.

Two clocks: the wall, and the CPU time of the process over all its threads. On a machine that others
use at the same time only ratios of wall times within one run mean anything, and CPU time says how
much work there was, not how well it was spread over the cores.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one contender: median, quartiles and least of the wall, median CPU time."""

    median: float
    low: float
    high: float
    least: float
    cpu: float
    rounds: int


def interleave(
    contenders: Mapping[str, Callable[[], Any]], *, rounds: int = 9, seconds: float = 60.0
) -> dict[str, Timing]:
    """Time each contender once a round, after two calls that do not count.

    A contender returns when its work is done. Stops early, after 3 rounds at least, once
    ``seconds`` have passed.

    >>> sorted(interleave({"a": lambda: 1, "b": lambda: 2}, rounds=3))
    ['a', 'b']
    """
    for call in contenders.values():
        call()
        call()
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    begun = time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - begun > seconds:
            break
        for name, call in contenders.items():
            worked, started = time.process_time(), time.perf_counter()
            call()
            wall[name].append(1e3 * (time.perf_counter() - started))
            cpu[name].append(1e3 * (time.process_time() - worked))
    return {name: _timing(wall[name], cpu[name]) for name in contenders}


def _timing(wall: list[float], cpu: list[float]) -> Timing:
    low, median, high = np.percentile(wall, [25, 50, 75]).tolist()
    return Timing(median, low, high, min(wall), float(np.median(cpu)), len(wall))


def machine() -> dict[str, Any]:
    """What the figures were measured on, the load of that minute included."""
    return {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "device": str(jax.devices()[0].device_kind),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def as_json(timings: Mapping[str, Timing]) -> dict[str, dict[str, float]]:
    """Timings as JSON values, rounded to a microsecond."""
    return {
        name: {key: round(value, 3) for key, value in asdict(timing).items()}
        for name, timing in timings.items()
    }


def save(name: str, record: dict[str, Any], lines: list[str]) -> None:
    """Write a record, its load after, and its table to `results/`, as NAME.json and NAME.md."""
    record["machine"]["load after"] = machine()["load"]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
