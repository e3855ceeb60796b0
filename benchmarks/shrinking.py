"""How small the counterexamples of planted faults are: the table of results/shrinking.md.

    python -m benchmarks.shrinking

The faults, and why no fewer numbers can show them, are those of tests/verify/quality/faults.py.
"""

from __future__ import annotations

import time
from pathlib import Path

import jax
import numpy as np

import verify
from tests.verify.quality.faults import FAULTS

RESULT = Path(__file__).parent / "results" / "shrinking.md"


def count(arrays: object) -> int:
    """Non-zero numbers."""
    return sum(int(np.count_nonzero(array)) for array in jax.tree.leaves(arrays))


def size(shapes: object) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))


def main() -> None:
    lines = [
        "# Counterexamples of planted faults",
        "",
        "`python -m benchmarks.shrinking`: non-zero numbers of the counterexample, beside the",
        "fewest that can show the fault. Seconds are the process's.",
        "",
        "| fault | numbers that go in | fewest | found | s |",
        "|---|---|---|---|---|",
    ]
    for name, fault in FAULTS.items():
        start = time.process_time()
        verdict = verify.equivalent(fault.f, fault.g, *fault.examples, seconds=300, seed=0)
        seconds = time.process_time() - start
        found = "-" if verdict.counterexample is None else count(verdict.counterexample.inputs)
        row = (name, f"{size(fault.examples):,}", fault.smallest, found, f"{seconds:.1f}")
        lines.append("| " + " | ".join(map(str, row)) + " |")
        print(lines[-1], flush=True)
    RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
