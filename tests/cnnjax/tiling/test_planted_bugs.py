"""The bugs that tiling invites, planted into `tiled`: the verifier must refute each of them."""

import dataclasses

import numpy as np
import pytest

import verify
from cnnjax import tiled
from cnnjax.tiling import bands, windows
from cnnjax.tiling.tile import Tile
from tests.cnnjax.tiling.stacks import STACKS, abstract

BY_NAME = {stack.name: stack for stack in STACKS}


def halo_one_row_short(patch):
    """The last row of what a window reads is taken for padding."""
    fetch_padded = Tile.fetch_padded

    def short(self, atom, box, fill):
        y, pads = fetch_padded(self, atom, box, fill)
        rows = y.ndim - 3
        return y.at[(slice(None),) * rows + (-1,)].set(fill), pads

    patch.setattr(Tile, "fetch_padded", short)


def halo_one_pixel_off(patch):
    """What a window reads begins one element too late."""
    fetch_padded = Tile.fetch_padded

    def late(self, atom, box, fill):
        moved = tuple(s and dataclasses.replace(s, first=s.first + 1) for s in box)
        return fetch_padded(self, atom, moved, fill)

    patch.setattr(Tile, "fetch_padded", late)


def border_not_zeroed(patch):
    """Outside the image, the maps in the middle are not zero."""
    fetch_padded = Tile.fetch_padded
    patch.setattr(
        Tile, "fetch_padded", lambda self, atom, box, fill: fetch_padded(self, atom, box, fill + 1)
    )


def maximum_padded_with_zero(patch):
    patch.setattr(windows, "_neutral", lambda name, dtype: np.zeros((), dtype))


def reflection_one_pixel_off(patch):
    """A piece that is joined along the image begins one element too early."""
    number = Tile.number

    def early(self, table, along):
        begins = number(self, table, along)
        return begins + 1 if np.ndim(begins) or not isinstance(begins, int) else begins

    patch.setattr(Tile, "number", early)


def weight_of_another_row(patch):
    """What is fetched to be resized is one row further than its weights say."""
    span = bands.Band.span

    def moved(self, box, length):
        found = span(self, box, length)
        return found and dataclasses.replace(found, first=np.maximum(found.first - 1, 0))

    patch.setattr(bands.Band, "span", moved)


BUGS = {
    "halo one row short": (halo_one_row_short, "notes"),
    "halo one pixel off": (halo_one_pixel_off, "residual"),
    "border not zeroed": (border_not_zeroed, "notes"),
    "reflection one pixel off": (reflection_one_pixel_off, "reflected"),
    "weight of another row": (weight_of_another_row, "resized, linear"),
    "maximum padded with zero": (maximum_padded_with_zero, "pools"),
}


IMAGES = {"notes": (13, 12, 2), "resized, linear": (5, 5, 1)}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_refuted(name, monkeypatch):
    plant, stack = BUGS[name][0], BY_NAME[BUGS[name][1]]
    shapes = (
        abstract(dict(stack.shapes)),
        abstract(IMAGES.get(stack.name, (6, 7, 2))),
    )
    plant(monkeypatch)
    verdict = verify.equivalent(tiled(stack.apply, 2), stack.apply, *shapes)
    assert verdict.status == "refuted", verdict
