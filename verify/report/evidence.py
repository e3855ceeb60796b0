"""What can be drawn around a counterexample: both outputs, and which inputs each side reads.

Computed again from the two programs, with the verifier's own means: certified evaluation for the
values, dependence analysis for the frames. The programs are those that the counterexample has.
Where it has none, having come from another process, they are those of two functions, but only if
they are the settled ones, by their fingerprints. What has none, or large ones, is drawn without.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Unsupported
from verify.certificate.fingerprints import fingerprint
from verify.checks.dependence import of_program
from verify.counterexample.confirm import values
from verify.dtypes import Function
from verify.found import Counterexample
from verify.programs import Program, trace
from verify.report.grid import Box
from verify.verdict import Verdict

Functions = tuple[Function | None, Function | None]

_MOST_VALUES = 5_000_000  # elements of all intermediate arrays together: about a second
_MOST_READS = 300_000


@dataclass(frozen=True)
class View:
    """One side: its whole output array, and the box that the differing element reads of each input
    (None: it reads nothing of it). `output` and `reads` are None where they are not known."""

    output: np.ndarray | None = None
    reads: tuple[Box | None, ...] | None = None


def evidence(verdict: Verdict, functions: Functions = (None, None)) -> tuple[View, View]:
    """The two sides, left and right."""
    about, example = verdict.subject, verdict.counterexample
    if example is None or example.where is None:
        return View(), View()
    if isinstance(example.programs, tuple):
        one, two = example.programs
        return _view(one, example), _view(two, example)
    if about is None:
        return View(), View()
    left, right = functions
    return (
        _traced(left, example, about.left_program),
        _traced(right, example, about.right_program),
    )


def _traced(f: Function | None, example: Counterexample, settled: str) -> View:
    if f is None:
        return View()
    try:
        program = trace(f, *example.inputs)
    except Exception:  # the user's function may raise anything at arguments that are not its own
        return View()
    return _view(program, example) if fingerprint(program) == settled else View()


def _view(program: Program, example: Counterexample) -> View:
    assert example.where is not None
    number, index = example.where
    size = _size(program)
    if size > _MOST_VALUES:
        return View()
    leaves = [array for _, array in example.arrays()]
    try:
        output = np.asarray(values(program, leaves)[number].value)
    except Unsupported:
        return View()
    if size > _MOST_READS:
        return View(output)
    seen = of_program(program, [leaf.shape for leaf in leaves], example.names)
    masks = seen.masks(index, number)
    return View(output, tuple(_box(np.asarray(mask)) for mask in masks))


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
