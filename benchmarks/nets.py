"""What the nets under a proof cost: the search before it and the comparison of rules with JAX.

    python -m benchmarks.nets --questions 200

Asks questions of the scoreboard (equal pairs) of four fresh processes in turn: without nets, with
the search, with the comparison, with both. Each process is asked every question once, so that what
is compared once in a process is paid for as a user pays for it. Prints the median seconds of a
proof and the ratios to the first; writes benchmarks/results/nets.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "nets.json"
WAYS = ("none", "search", "comparison", "both")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.seed)
        return
    seconds = measure(options.questions, options.seed)
    record = summary(seconds)
    table = Table("nets", "median", "ratio of medians", "median of ratios", "sum")
    for way, row in record["ways"].items():
        table.add_row(
            way,
            f"{1e3 * row['median']:.1f} ms",
            f"{row['ratio_of_medians']:.2f}",
            f"{row['median_of_ratios']:.2f}",
            f"{row['sum']:.1f} s",
        )
    Console().print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


def measure(questions: int, seed: int) -> dict[str, list[float]]:
    """The seconds of each question that every process proves."""
    command = [sys.executable, "-m", "benchmarks.nets", "--seed", str(seed), "--worker"]
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    workers = {
        way: subprocess.Popen(
            [*command, way], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for way in WAYS
    }
    try:
        for number in track(range(questions), "questions", console=Console(stderr=True)):
            order = WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]
            answers = {way: _ask(workers[way], number) for way in order}
            if all(answer is not None for answer in answers.values()):
                for way, answer in answers.items():
                    found[way].append(float(answer or 0.0))
    finally:
        for worker in workers.values():
            worker.kill()
            worker.communicate()
    return found


def _ask(worker: Any, number: int) -> float | None:
    """The seconds of a proof, or None for another answer."""
    worker.stdin.write(f"{number}\n")
    answer = worker.stdout.readline()
    if not answer:
        raise RuntimeError(f"a worker ended at question {number}")
    return json.loads(answer)


def summary(seconds: dict[str, list[float]]) -> dict[str, Any]:
    """Medians and ratios, by the nets that were up."""
    base = seconds["none"]
    rows = {}
    for way, own in seconds.items():
        ratios = [a / b for a, b in zip(own, base, strict=True)]
        rows[way] = {
            "median": statistics.median(own),
            "ratio_of_medians": statistics.median(own) / statistics.median(base),
            "median_of_ratios": statistics.median(ratios),
            "sum": sum(own),
        }
    return {"proofs": len(base), "ways": rows}


def work(way: str, seed: int) -> None:
    """A process that answers numbers of questions on its standard input."""
    import numpy as np

    import verify
    from tests.verify.pairs.scoreboard import LAWS
    from verify.provers import accepting
    from verify.provers.searching import Search

    search: Any = Search
    if way in ("none", "comparison"):
        search.before_proof = lambda self: None
        search.without_values = lambda self: None
    if way in ("none", "search"):
        accepting.selfcheck.disagreement = lambda *_, **__: None  # type: ignore[assignment]
    verify.equivalent(lambda x: x + 1, lambda x: 1 + x, np.zeros(2, np.float32))
    for line in sys.stdin:
        number = int(line)
        case = LAWS[number % len(LAWS)].make(np.random.default_rng([seed, number]))
        start = time.perf_counter()
        verdict = verify.equivalent(case.left, case.right, *case.examples, seed=number)
        print(json.dumps(time.perf_counter() - start if verdict else None), flush=True)


if __name__ == "__main__":
    main()
