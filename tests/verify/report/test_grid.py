"""Which part of an array is drawn."""

import itertools

import numpy as np
import pytest

from verify.report.grid import MOST_SLICES, grids, plane, slice_at

SHAPES = [
    (),
    (1,),
    (7,),
    (100,),
    (3, 4),
    (60, 50),
    (1, 6, 6, 1),
    (5, 5, 3, 8),
    (2, 30, 40, 3),
    (0,),
]


def shown(grid):
    """{index of the array: value} of what a grid shows."""
    found = {}
    for (r, row), (c, column) in itertools.product(enumerate(grid.rows), enumerate(grid.columns)):
        index = list(grid.at)
        for axis, i in zip(grid.axes, (row, column), strict=True):
            if axis is not None:
                index[axis] = i
        found[tuple(index)] = grid.values[r][c]
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_values_are_the_arrays_and_what_is_left_out_is_counted(shape, count):
    rng = np.random.default_rng([count, *shape])
    array = np.zeros(shape)
    flat = rng.choice(array.size, min(count, array.size), replace=False)
    array.ravel()[flat] = rng.integers(1, 9, len(flat))
    drawn, more = grids(array)
    assert len(drawn) <= MOST_SLICES
    nonzero = {tuple(i) for i in np.argwhere(array).tolist()}
    for grid in drawn:
        cells = shown(grid)
        assert all(array[index] == value for index, value in cells.items())
        assert max(len(grid.rows), len(grid.columns)) <= 11
        assert nonzero & set(cells)
        assert all(grid.cell(index) is not None for index in cells)
        in_slice = {
            i
            for i in nonzero
            if all(i[k] == grid.at[k] for k in range(array.ndim) if k not in grid.axes)
        }
        assert grid.outside == len(in_slice - set(cells))
        nonzero -= in_slice
    assert bool(nonzero) == bool(more)


def test_one_pixel_of_a_large_image_is_in_the_picture_with_its_coordinates():
    array = np.zeros((100, 100, 3))
    array[99, 0, 1] = 1
    ((grid,), more) = grids(array)
    assert more == 0
    assert grid.place == "[:, :, 1]"
    assert grid.rows[-1] == 99
    assert grid.columns[0] == 0
    assert grid.cell((99, 0, 1)) == (len(grid.rows) - 1, 0)
    assert grid.cell((99, 0, 0)) is None
    assert grid.cell((0, 0, 1)) is None


def test_a_window_is_shown_whole_if_it_fits_and_open_where_it_does_not():
    array = np.zeros((100, 100))
    array[50, 50] = 1
    box = (slice(40, 54), slice(44, 58))
    ((grid,), _) = grids(array, [box])
    window = grid.window(box)
    assert (len(window.rows), len(window.columns)) == (14, 14)
    assert window.top
    assert window.right
    large = (slice(0, 100), slice(45, 53))
    ((grid,), _) = grids(array, [large])
    window = grid.window(large)
    assert not window.top
    assert not window.bottom
    assert window.left
    assert window.right
    assert grid.window((slice(0, 5), slice(0, 5))) is None


def test_a_window_of_another_slice_is_not_in_the_picture():
    array = np.zeros((6, 6, 2))
    grid = slice_at(array, (3, 3, 1))
    assert grid.window((slice(2, 4), slice(2, 4), slice(0, 2))) is not None
    assert grid.window((slice(2, 4), slice(2, 4), slice(0, 1))) is None


@pytest.mark.parametrize("shape", SHAPES[:-1], ids=str)
def test_the_plane_is_made_of_axes_in_order(shape):
    down, across = plane(shape)
    axes = [a for a in (down, across) if a is not None]
    assert axes == sorted(set(axes))
    assert len(axes) == min(len(shape), 2)
    assert all(0 <= a < len(shape) for a in axes)
