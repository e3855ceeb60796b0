"""Disagreements that are XLA's own faults: each named, with the reason and what it covers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.verify.conformance.compare import Case


@dataclass(frozen=True)
class Fault:
    """`covers(case, operands)`: no wider than the fault."""

    reason: str
    covers: Callable[[Case, Sequence[Any]], bool]


FAULTS: dict[str, Fault] = {}


def excused(one: Case, operands: Sequence[Any]) -> bool:
    return any(fault.covers(one, operands) for fault in FAULTS.values())
