"""The rule of strides: learned from verdicts, right in every cell, broken by a single one."""

import dataclasses

import numpy as np
import pytest

from cnnjax import geometry
from verify import Verdict, equivalent
from verify.claims import Cell, receptive_field
from verify.claims import stride_2_is_downsampled as strides
from verify.claims.offset_rule import learn
from verify.claims.programs import f32

pytestmark = pytest.mark.slow  # some 700 verdicts


@pytest.fixture(scope="module")
def sweep():
    ticks = []
    found = strides.sweep("small", lambda done, of: ticks.append((done, of)))
    assert ticks == [(n, len(found.cells)) for n in range(1, len(found.cells) + 1)]
    return found


def test_a_rule_is_found_that_is_right_in_every_cell(sweep):
    assert sweep.exact
    assert {cell.verdict.status for cell in sweep.cells} == {"proved", "refuted"}


def test_even_kernels_follow_another_rule(sweep):
    half = "min((size - 1) mod stride, kernel - 1) / 2"
    assert f"⌈{half}⌉ for SAME with odd kernels and SAME_LOWER with even kernels" in sweep.rule
    assert f"⌊{half}⌋ for SAME with even kernels and SAME_LOWER with odd kernels" in sweep.rule
    assert "0 for VALID and explicit padding" in sweep.rule


def test_the_cells_are_what_the_padding_says(sweep):
    """Beside the verdicts, by arithmetic: the offset is the difference of the low paddings."""
    for cell in sweep.cells:
        size, kernel, stride, padding, offset = cell.at
        ((low_1, _),) = geometry.pads(padding, (size,), kernel, 1)
        ((low_s, _),) = geometry.pads(padding, (size,), kernel, stride)
        assert (cell.verdict.status == "proved") == (offset == low_1 - low_s), cell.at


# Not in the grid: larger sizes, kernels and strides.
BEYOND = [(13, 5, 5), (14, 6, 5), (15, 7, 6), (17, 6, 7), (20, 9, 4), (11, 2, 6), (12, 8, 3)]


@pytest.mark.parametrize(
    "places",
    [
        pytest.param(BEYOND[:1] + BEYOND[-1:], id="few"),
        pytest.param(BEYOND, id="all", marks=pytest.mark.full),
    ],
)
def test_the_rule_holds_beyond_the_grid(sweep, places):
    cells = list(sweep.cells)
    for size, kernel, stride in places:
        for padding in ("SAME", "SAME_LOWER", "VALID"):
            for offset in range(stride):
                examples = f32(size, size, 2), f32(kernel, kernel, 2, 1)
                both = strides.pair(stride, offset, padding=padding)
                verdict = equivalent(*both, *examples)
                cells.append(Cell((size, kernel, stride, padding, offset), verdict))
    rule, exact = learn(cells)
    assert exact
    assert rule.split(" (right")[0] == sweep.rule.split(" (right")[0]


def flipped(cell):
    status = {"proved": "refuted", "refuted": "proved"}[cell.verdict.status]
    return dataclasses.replace(cell, verdict=Verdict(status))


@pytest.mark.parametrize("seed", range(6))
def test_one_cell_that_comes_out_otherwise_breaks_the_rule(sweep, seed):
    cells = list(sweep.cells)
    place = int(np.random.default_rng(seed).integers(len(cells)))
    cells[place] = flipped(cells[place])
    rule, exact = learn(cells)
    assert not exact
    assert "wrong in 1 of" in rule


def test_an_unknown_cell_breaks_the_rule(sweep):
    first, *rest = sweep.cells
    assert not learn([dataclasses.replace(first, verdict=Verdict("unknown")), *rest])[1]


def test_verdicts_at_random_have_no_rule(sweep):
    rng = np.random.default_rng(0)
    shuffled = [
        dataclasses.replace(cell, verdict=Verdict(str(rng.choice(["proved", "refuted"]))))
        for cell in sweep.cells
    ]
    assert not learn(shuffled)[1]


def test_the_formula_of_receptive_fields_must_hold_in_every_cell():
    cells = [Cell((2, 3, 1, 1, 1), Verdict("proved")), Cell((2, 3, 2, 1, 1), Verdict("proved"))]
    assert receptive_field.rule(cells)[1]
    rule, exact = receptive_field.rule([cells[0], flipped(cells[1])])
    assert not exact
    assert "not in 1 of 2 cells" in rule
