"""What can be drawn around a counterexample: both outputs, and which inputs each side reads.

Computed again from the variant's two programs, with the verifier's own means: certified evaluation
for the values, dependence analysis for the frames. Only programs that are the settled ones, by
their fingerprints, are used. A variant without them, or with large ones, is drawn without.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from verify.algebras.base import Unsupported
from verify.certificate.fingerprints import fingerprint
from verify.claims.claim import Variant
from verify.counterexample.confirm import values
from verify.dependence import dependence
from verify.program import Program, trace
from verify.report.grid import Box
from verify.verdict import Counterexample, Verdict

_MOST_VALUES = 5_000_000  # elements of all intermediate arrays together: about a second
_MOST_READS = 300_000


@dataclass(frozen=True)
class View:
    """One side: its whole output array, and the box that the differing element reads of each input
    (None: it reads nothing of it). `output` and `reads` are None where they are not known."""

    output: np.ndarray | None = None
    reads: tuple[Box | None, ...] | None = None


def evidence(variant: Variant, verdict: Verdict) -> tuple[View, View]:
    """The two sides, left and right."""
    about, example = verdict.subject, verdict.counterexample
    if about is None or example is None or example.where is None:
        return View(), View()
    return (
        _view(variant.left, example, about.left_program),
        _view(variant.right, example, about.right_program),
    )


def _view(f: Callable[..., Any] | None, example: Counterexample, settled: str) -> View:
    assert example.where is not None
    number, index = example.where
    if f is None:
        return View()
    try:
        program = trace(f, *example.inputs)
    except Exception:  # the user's function may raise anything at arguments that are not its own
        return View()
    size = _size(program)
    if fingerprint(program) != settled or size > _MOST_VALUES:
        return View()
    leaves = [array for _, array in example.arrays()]
    try:
        output = np.asarray(values(program, leaves)[number].value)
    except Unsupported:
        return View()
    if size > _MOST_READS:
        return View(output)
    masks = dependence(f, *example.inputs).inputs_of(index, output=number)
    return View(output, tuple(_box(np.asarray(mask)) for mask in jax.tree.leaves(masks)))


def _size(program: Program) -> int:
    return sum(math.prod(var.shape) for eq in program.equations for var in eq.outputs)


def _box(mask: np.ndarray) -> Box | None:
    places = np.argwhere(mask)
    if len(places) == 0:
        return None
    return tuple(
        slice(int(low), int(high) + 1)
        for low, high in zip(places.min(axis=0), places.max(axis=0), strict=True)
    )
