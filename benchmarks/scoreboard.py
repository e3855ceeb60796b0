"""The mutation scoreboard: the verifier's answers on random pairs of known truth.

    python -m benchmarks.scoreboard --pairs 5000 --seed 0

Half of the pairs are equal by a law, half have one thing broken (tests/verify/pairs). Prints a
table a family and writes benchmarks/results/scoreboard.json. Exit status 1 if any verdict is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.verify.pairs.law import LAWS
from tests.verify.pairs.scoreboard import Answer, answer_pair

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    tasks = [(options.seed, number) for number in range(options.pairs // 2)]
    answers: list[Answer] = []
    with Pool(options.jobs) as pool:
        stream = pool.imap_unordered(answer_pair, tasks, chunksize=8)
        for pair in track(stream, "pairs", total=len(tasks), console=Console(stderr=True)):
            answers += pair
    table = summarise(answers)
    show(table)
    record = {"pairs": len(answers), "seed": options.seed, "laws": len(LAWS), "families": table}
    record["missed"] = sorted(f"{a.name}: {a.detail}" for a in answers if a.missed)
    record["wrong"] = sorted(f"{a.name}: {a.detail}" for a in answers if a.wrong)
    seconds = [a.seconds for a in answers]
    record["seconds"] = {
        "median": float(np.median(seconds)),
        "p95": float(np.percentile(seconds, 95)),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scoreboard.json").write_text(json.dumps(record, indent=1) + "\n")
    for line in record["wrong"] + record["missed"][:40]:
        print(line)
    times = record["seconds"]
    print(f"median {times['median']:.3f} s, 95th percentile {times['p95']:.3f} s")
    return 1 if record["wrong"] else 0


def summarise(answers: list[Answer]) -> dict[str, dict[str, int]]:
    """Counts a family, and in total."""
    table: dict[str, dict[str, int]] = {}
    for family in [
        *dict.fromkeys(a.family for a in sorted(answers, key=lambda a: a.family)),
        "all",
    ]:
        own = [a for a in answers if family in (a.family, "all")]
        equal = [a for a in own if not a.mutant]
        mutants = [a for a in own if a.mutant]
        table[family] = {
            "equal": len(equal),
            "proved": sum(a.status == "proved" for a in equal),
            "mutants": len(mutants),
            "refuted": sum(a.status == "refuted" for a in mutants),
            "wrong": sum(a.wrong for a in own),
        }
    return table


def show(table: dict[str, dict[str, int]]) -> None:
    shown = Table("family", "equal", "proved", "mutants", "refuted", "wrong")
    for family, row in table.items():
        shown.add_row(family, *(str(row[key]) for key in row))
    Console().print(shown)


if __name__ == "__main__":
    sys.exit(main())
