"""A training step in a Python loop, and the same steps in one compiled `lax.scan`.

    python -m benchmarks.scanned [--batch 32] [--rounds 7]

For each network with the lowerings that `cnnjax` chooses ("cnnjax"), and for those of `WITH_LAX`
with plain lax too, whose gradients XLA's CPU backend runs so slowly inside a loop that the others
would take an hour; they take turns. Milliseconds a step. Writes `results/scanned.json` and
`results/scanned.md`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from benchmarks.networks import NETWORKS
from benchmarks.peers import Job
from benchmarks.peers.jax_common import prepare
from benchmarks.peers.jax_layers import in_a_loop, in_a_scan, training
from benchmarks.timing import as_json, interleave, machine, save

STEPS = {"notes": 2, "lenet5": 200, "resnet18": 2, "separable": 10}  # in a call
WITH_LAX = ("notes", "lenet5")


def measure(name: str, batch: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Milliseconds a call of each contender."""
    network = replace(NETWORKS[name], steps=STEPS[name])
    contenders = {}
    for peer in _peers(name):
        job = Job(peer, name, training=True, batch=batch)
        _, images, labels = prepare(job, network)
        for where, how in (("loop", in_a_loop), ("scan", in_a_scan)):
            contenders[f"{peer}, {where}"] = how(*training(job, network), (images, labels))
    return as_json(interleave(contenders, rounds=rounds, seconds=seconds))


def _peers(name: str) -> tuple[str, ...]:
    return ("cnnjax", "lax") if name in WITH_LAX else ("cnnjax",)


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=60.0, help="of rounds, for each network")
    options = parser.parse_args()
    record: dict[str, Any] = {"machine": machine(), "batch": options.batch, "networks": {}}
    lines = [
        "| network | steps | cnnjax, loop | scan | loop / scan | lax, loop | scan | loop / scan |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for name, steps in STEPS.items():
        found = measure(name, options.batch, options.rounds, options.seconds)
        cells = []
        for peer in _peers(name):
            loop, scan = (found[f"{peer}, {where}"]["median"] / steps for where in ("loop", "scan"))
            cells.append(f"{loop:.3g} ms | {scan:.3g} ms | {loop / scan:.2f}x")
        cells += ["not run | | "] * (2 - len(cells))
        lines.append(f"| {name} | {steps} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
        record["networks"][name] = {"steps": steps, "milliseconds a call": found}
    save("scanned", record, lines)


if __name__ == "__main__":
    main()
