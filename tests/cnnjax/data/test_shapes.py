"""Signed distances: each shape covers the area that geometry says it has."""

import numpy as np
import pytest

from cnnjax.data.patterns import shapes

PI = np.pi
# The shape, and its area by its own formula.
AREAS = {
    "disc": (lambda x, y: shapes.disc(x, y, 20), PI * 400),
    "stroke": (lambda x, y: shapes.stroke(x, y, [(-9, -9), (9, 15)], 8), 30 * 8 + PI * 16),
    "bent stroke": (
        lambda x, y: shapes.stroke(x, y, [(-20, 0), (20, 0), (20, 30)], 8),
        # The two round ends, and at the bend a quarter disc for the part that both legs cover.
        40 * 8 + 30 * 8 + PI * 16 + (PI * 4 - 16),
    ),
    "arc": (lambda x, y: shapes.arc(x, y, 25, 1.2, 6), 2 * 1.2 * 25 * 6 + PI * 9),
    "long arc": (lambda x, y: shapes.arc(x, y, 25, 2.5, 6), 2 * 2.5 * 25 * 6 + PI * 9),
    "ellipse": (lambda x, y: shapes.ellipse(x, y, 24, 9), PI * 24 * 9),
    "petals": (lambda x, y: shapes.petals(x, y, 5, 6, 14, 6), 5 * PI * 14 * 6),
    "stripes": (lambda x, y: shapes.stripes(x, 12.5), 100 * 100 / 2),
    "checks": (lambda x, y: shapes.checks(x, y, 12.5), 100 * 100 / 2),
}


def covered(shape, size=100, unit=1.0):
    """The coverage (size, size) of `shape` on pixels of width `unit`."""
    row, column = np.mgrid[:size, :size].astype(np.float32) - np.float32((size - 1) / 2)
    distance = shape(column * np.float32(unit), row * np.float32(unit))
    assert distance.dtype == np.float32
    assert distance.shape == (size, size)
    return shapes.coverage(distance / np.float32(unit))


@pytest.mark.parametrize("name", AREAS)
def test_the_covered_area_is_the_shape_s_area(name):
    shape, area = AREAS[name]
    assert covered(shape).sum() == pytest.approx(area, rel=0.02)
    # Anti-aliased: at a quarter of the pixels the area is still the same.
    assert covered(shape, 50, 2.0).sum() * 4 == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize("name", AREAS)
def test_a_step_of_one_pixel_changes_the_distance_by_at_most_one(name):
    row, column = np.mgrid[:100, :100].astype(np.float32) - np.float32(49.5)
    distance = AREAS[name][0](column, row)
    # Near the edge, which is what anti-aliasing looks at; the ellipse is exact only there.
    for axis in (0, 1):
        step = np.diff(distance, axis=axis)
        near = np.abs(distance).take(range(99), axis) < 2
        assert np.abs(step[near]).max() < 1.4
