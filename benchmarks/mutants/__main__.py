"""Mutation testing of the verifier.

    python -m benchmarks.mutants --count 1000 --seed 0

Small faults are put into the rules, domains and laws, one at a time and at random places; each is
noticed if a test that runs the changed function fails.

With `--nets` the tests are left aside: which faults make the verifier prove pairs that differ, and
which of those do the self-check and the search before a proof stop?

Goes on where it was stopped; writes benchmarks/results/mutants.jsonl (nets.jsonl), one line a
mutant, and the table mutants.md (nets.md).
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.mutants import report, tests
from benchmarks.mutants.coverage import PASSED, Asked, Question, asked, load, save
from benchmarks.mutants.operators import Mutant, mutants
from benchmarks.mutants.swap import functions_of
from benchmarks.mutants.trial import Noticed, outcome

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parents[1] / "results"
ROOMS = ("verify/primitives", "verify/algebras", "verify/branches")
# How rounding is bounded has tests of its own (`test_rounding_covers.py`): no proof rests on it.
ELSEWHERE = ("rounded",)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of questions a mutant, at most"
    )
    parser.add_argument(
        "--longest", type=float, default=3.0, help="seconds: slower questions are left out"
    )
    parser.add_argument(
        "--part", default="1/1", help="2/3: the second of three processes that share the work"
    )
    parser.add_argument(
        "--sound",
        type=Path,
        help="a file: what tests took and ran without a fault; read if it is there, else written",
    )
    parser.add_argument("--fresh", action="store_true", help="forget what was done before")
    parser.add_argument("--only", default="", help="files whose path has this in it")
    parser.add_argument("--tests", nargs="*", default=["tests/verify"], help="files and folders")
    parser.add_argument("--nets", action="store_true", help="what stops a false proof, tests aside")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    console = Console(stderr=True)
    chosen = sample(options.count, options.seed, options.only)
    number, parts = map(int, options.part.split("/"))
    own = chosen[number - 1 :: parts]
    return (_nets if options.nets else _tests)(options, chosen, own, console)


def _nets(
    options: argparse.Namespace, chosen: Sequence[Mutant], own: Sequence[Mutant], console: Console
) -> int:
    from benchmarks.mutants import nets  # imports verify; pytest has to be the first to do that

    path = RESULTS / "nets.jsonl"
    left = _left(path, options, own, nets.read)
    if left:
        questions = nets.watched(nets.pairs(options.seed, rounds=1), str(ROOT / "verify"))
        functions = functions_of(ROOT / "verify")
        with path.open("w" if options.fresh else "a") as file:
            for mutant in track(left, "mutants", console=console):
                found = nets.stopped(mutant, functions, questions, options.seconds)
                if found is not None:
                    _write(file, asdict(found))
    rows = nets.read(path)
    return _show("nets.md", nets.table([rows[str(m)] for m in chosen if str(m) in rows]))


def _tests(
    options: argparse.Namespace, chosen: Sequence[Mutant], own: Sequence[Mutant], console: Console
) -> int:
    path = RESULTS / "mutants.jsonl"
    left = _left(path, options, own, report.read)
    if left:
        with path.open("w" if options.fresh else "a") as file:

            def work(questions: list[Question]) -> None:
                _try_all(left, questions, options, console, file)

            tests.run(work, [str(ROOT / path) for path in options.tests])
    rows = report.read(path)
    return _show("mutants.md", report.table([rows[str(m)] for m in chosen if str(m) in rows]))


def _left(
    path: Path,
    options: argparse.Namespace,
    own: Sequence[Mutant],
    read: Callable[[Path], Mapping[str, Any]],
) -> list[Mutant]:
    """The mutants of which nothing is written down."""
    done = {} if options.fresh or not path.exists() else read(path)
    return [m for m in own if str(m) not in done]


def _show(name: str, text: str) -> int:
    (RESULTS / name).write_text(text)
    print(text)
    return 0


def _write(file: TextIO, row: dict[str, Any]) -> None:
    file.write(json.dumps(row) + "\n")
    file.flush()


def _try_all(
    left: Sequence[Mutant],
    questions: list[Question],
    options: argparse.Namespace,
    console: Console,
    file: TextIO,
) -> None:
    sound = _sound(questions, options, console)
    console.print(f"{len(sound)} tests, {sum(q.seconds for q in sound):.0f} seconds")
    functions = functions_of(ROOT / "verify")
    noticed = Noticed()
    for mutant in track(left, "mutants", console=console):
        _write(file, asdict(outcome(mutant, functions, sound, options.seconds, noticed)))


def _sound(questions: list[Question], options: argparse.Namespace, console: Console) -> list[Asked]:
    """The questions that pass without a fault."""
    path = options.sound
    if path is not None and path.exists():
        return load(path, questions)
    found = [
        asked(q, str(ROOT / "verify"), options.longest)
        for q in track(questions, "the sound verifier", console=console)
    ]
    passed = [q for q in found if q.answer == PASSED]
    if path is not None:
        save(path, passed)
    return passed


def sample(count: int, seed: int, only: str = "") -> list[Mutant]:
    """Mutants at random, each as likely as any other."""
    found: list[Mutant] = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if not path.stem.startswith(ELSEWHERE) and only in str(path):
                name = str(path.relative_to(ROOT))
                found += mutants(name, path.read_text())
    order = np.random.default_rng(seed).permutation(len(found))
    return [found[i] for i in sorted(order[:count])]


if __name__ == "__main__":
    sys.exit(main())
