"""The verdicts of `verify notes` as JSON: one entry a claim, one certificate a variant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from verify.claims import Outcome, Settled, Sweep
from verify.found import Record


def record(settled: Sequence[Settled], size: str) -> Record:
    """What `--json` writes, ready for `json.dumps`."""
    return {"version": 1, "size": size, "claims": [_claim(one) for one in settled]}


def _claim(one: Settled) -> Record:
    claim = one.claim
    return {
        "id": claim.id,
        "korean": claim.korean,
        "english": claim.english,
        "conclusion": claim.conclusion,
        "as_expected": one.as_expected,
        "variants": [_variant(outcome) for outcome in one.outcomes],
        "sweep": None if one.sweep is None else _sweep(one.sweep),
        "measured": None if one.measured is None else asdict(one.measured),
    }


def _variant(outcome: Outcome) -> Record:
    variant = outcome.variant
    return {
        "name": variant.name,
        "says": variant.says,
        "size": variant.size,
        "expected": variant.expected,
        "status": outcome.verdict.status,
        "as_expected": outcome.as_expected,
        "seconds": round(outcome.seconds, 3),
        "certificate": json.loads(outcome.verdict.to_json()),
    }


def _sweep(sweep: Sweep) -> Record:
    cells = [
        {**dict(zip(sweep.axes, cell.at, strict=True)), "status": cell.verdict.status}
        for cell in sweep.cells
    ]
    return {"rule": sweep.rule, "exact": sweep.exact, "cells": cells}
