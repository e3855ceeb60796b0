"""Every rule against JAX: 100,000 draws over all primitives.

    python -m benchmarks.conformance --draws 100000 --seed 0

A draw is one application of a primitive to operands, with parameters that JAX accepts
(`tests/verify/conformance`), by JAX and by the rules. Primitives take turns in rounds, so that a
run that is ended early (Ctrl-C) has a table too; it is written after each round to
`benchmarks/results/conformance.json` and `.md`. Exit status 1 if there is a disagreement.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "device_count" not in os.environ.get("XLA_FLAGS", ""):  # collectives need two devices
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    os.environ["XLA_FLAGS"] = flags.strip()

RESULTS = Path(__file__).parent / "results"
EQUATIONS, SETS = 12, 30  # of each primitive in a round
COLUMNS = ("draws", "equations", "compared", "unsupported", "excused", "disagreements", "aborted")

_KEYS: dict[str, set[int]] = {}  # hashes of the equations seen


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Every rule against JAX.")
    parser.add_argument("--draws", type=int, default=100_000, help="in all, over all primitives")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="these primitives, rather than all")
    parser.add_argument("--out", type=Path, default=RESULTS / "conformance")
    options = parser.parse_args(arguments)
    rows: dict[str, dict[str, Any]] = {}
    start = time.monotonic()
    try:
        for round_number in range(10_000):
            _round(rows, options, round_number)
            done = _write(rows, options, time.monotonic() - start)
            if done >= options.draws or not done:
                break
    except KeyboardInterrupt:
        _write(rows, options, time.monotonic() - start)
        print("\nended early; the table holds what was drawn until then")
    return 1 if any(row["disagreements"] for row in rows.values()) else 0


def _round(rows: dict[str, dict[str, Any]], options: Any, number: int) -> None:
    from tests.verify.conformance.run import ATTEMPTS, tally
    from verify.interpretation.cuts import CUT
    from verify.primitives import RULES

    names = [
        n for n in options.only or sorted(RULES.keys() - {CUT}) if not rows.get(n, {}).get("absent")
    ]
    first = number * EQUATIONS * ATTEMPTS  # proposals that no round has seen
    begun = time.monotonic()
    found = tally(names, seed=options.seed, equations=EQUATIONS, sets=SETS, first=first)
    for position, one in enumerate(found, 1):
        row = rows.setdefault(one.name, dict.fromkeys((*COLUMNS, "rejected"), 0))
        keys = _KEYS.setdefault(one.name, set())
        keys |= set(map(hash, one.keys))
        row["equations"] = len(keys)
        for column in (*COLUMNS, "rejected"):
            if column == "equations":
                continue
            value = getattr(one, column)
            row[column] += len(value) if isinstance(value, list) else value
        row["absent"] = one.absent
        row.setdefault("examples", []).extend(one.disagreements[:1])
        for text in one.disagreements:
            print(f"\n{text}\n")
        total = sum(r["draws"] for r in rows.values())
        spent = time.monotonic() - begun
        text = (
            f"round {number + 1}: {position}/{len(names)} {one.name}, {total} draws, {spent:.0f} s"
        )
        print(f"\r{text:<78}", end="", flush=True)


def _write(rows: dict[str, dict[str, Any]], options: Any, seconds: float) -> int:
    """The results as JSON and as a table; how many draws there are."""
    total = {column: sum(row[column] for row in rows.values()) for column in COLUMNS}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    whole = {"seed": options.seed, "seconds": round(seconds), "all": total, "primitives": rows}
    options.out.with_suffix(".json").write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
    lines = ["| primitive | " + " | ".join(COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for name, row in sorted(rows.items()):
        if row["absent"] or not row["draws"]:
            continue
        lines.append(f"| {name} | " + " | ".join(str(row[column]) for column in COLUMNS) + " |")
    lines.append("| all | " + " | ".join(str(total[column]) for column in COLUMNS) + " |")
    missing = sorted(name for name, row in rows.items() if row["absent"] or not row["draws"])
    lines += ["", "Not in this version of JAX, or not compiled by its CPU backend: "]
    lines[-1] += ", ".join(missing) + "."
    options.out.with_suffix(".md").write_text("\n".join(lines) + "\n")
    return total["draws"]


if __name__ == "__main__":
    sys.exit(main())
