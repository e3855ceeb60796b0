"""Training and inference of four networks: cnnjax against plain lax, Flax, equinox and PyTorch.

    python -m benchmarks.training --quick            the note's network and LeNet-5, batch 32
    python -m benchmarks.training                    everything (an hour and more on two cores)
    python -m benchmarks.training --networks resnet18 --batches 1 128 --modes inference

Every contender is a process of its own; the processes take turns, one call each a round, so that
drift and load hit all alike. Compare times only within one row of one run. Peers whose library is
absent are left out and said so. The same command runs on a GPU; `--precision tf32` or `bfloat16`
there. Writes `results/training.json`, `results/training.md` and `results/training.png`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.networks import NETWORKS
from benchmarks.peers import MATMUL, MATMUL_SIZE, PEERS
from benchmarks.training_report import picture, table

RESULTS = Path(__file__).parent / "results"
_PAUSE = 0.5  # seconds


class Worker:
    """A contender's process; `error` is None unless it could not start."""

    def __init__(self, job: dict[str, Any]):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        first = self._answer()
        self.error, self.first = first.get("error"), first.get("first")
        self.calls: list[dict[str, float]] = []
        if self.error is not None:
            self._close()

    def go(self) -> None:
        self.calls.append(self._ask("go"))

    def end(self) -> dict[str, float]:
        answer = self._ask("end")
        self._close()
        return answer

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process died"}


def compare(peers: list[str], job: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Time all peers at one job, interleaved; milliseconds are those of one step."""
    workers = {}
    found: dict[str, Any] = {}
    for peer in peers:  # one after the other, so that nobody compiles beside another
        worker = Worker({**job, "peer": peer})
        if worker.error is None:
            workers[peer] = worker
        else:
            found[peer] = {"error": worker.error}
    for _ in range(rounds):
        for worker in workers.values():
            # The threads of PyTorch go on spinning for a while after a call; whoever came next
            # would pay for them, up to 1.8 times the time of a short call.
            time.sleep(_PAUSE)
            worker.go()
    steps = NETWORKS[job["network"]].steps
    for peer, worker in workers.items():
        memory = worker.end()
        wall = np.array([call["wall"] for call in worker.calls]) / steps
        low, median, high = np.percentile(wall, [25, 50, 75]).tolist()
        found[peer] = {
            "median": median,
            "low": low,
            "high": high,
            "least": float(wall.min()),
            "cpu": float(np.median([call["cpu"] for call in worker.calls]) / steps),
            # The first call compiles, and then does the work of a call.
            "compile_seconds": max(0.0, worker.first - median * steps / 1e3),
            "peak_mb": memory["peak_mb"],
            "peak_mb_above_start": memory["peak_mb"] - memory["before_mb"],
        }
    return found


def _facts() -> dict[str, Any]:
    """The machine, asked of a process of its own: this one holds no JAX."""
    program = "import json; from benchmarks.timing import machine; print(json.dumps(machine()))"
    return json.loads(subprocess.check_output([sys.executable, "-c", program], text=True))


def _operations(job: dict[str, Any]) -> float:
    """Operations of one step by XLA's count of the plain lax program, in GFLOP."""
    program = (
        "import json, sys; from benchmarks.operations import gflop;"
        "print(json.dumps(gflop(**json.loads(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", program, json.dumps(job)]
    return float(json.loads(subprocess.check_output(command, text=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two networks, batch 32, no compile")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32, 128])
    parser.add_argument("--modes", nargs="+", default=["training", "inference"])
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--precision", choices=["float32", "tf32", "bfloat16"], default="float32")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--name", default="training", help="of the files in results/")
    options = parser.parse_args()
    if options.quick:
        options.networks, options.batches = ["notes", "lenet5"], [32]
        options.peers = [peer for peer in options.peers if "compile" not in peer]
    record: dict[str, Any] = {"machine": _facts(), "precision": options.precision, "rows": []}
    for network in options.networks:
        for mode in options.modes:
            for batch in options.batches:
                job = {"network": network, "training": mode == "training", "batch": batch}
                job["precision"] = options.precision
                row = {"network": network, "mode": mode, "batch": batch}
                row["gflop"] = _operations(job)
                row["load before"] = os.getloadavg()[0]
                found = compare([*options.peers, MATMUL], job, options.rounds)
                # The matrix product does one product a call, whatever the network's steps.
                least = found.pop(MATMUL)["least"] * NETWORKS[network].steps
                row["matmul_gflops"] = 2 * MATMUL_SIZE**3 / least / 1e6
                row["peers"] = found
                row["load after"] = os.getloadavg()[0]
                record["rows"].append(row)
                # After every row: a run that is stopped leaves what it has.
                RESULTS.mkdir(exist_ok=True)
                path = RESULTS / f"{options.name}.json"
                path.write_text(json.dumps(record, indent=1) + "\n")
                print(table({**record, "rows": [row]}), flush=True)
    (RESULTS / f"{options.name}.md").write_text(table(record))
    picture(record, RESULTS / f"{options.name}.png")


if __name__ == "__main__":
    main()
