"""One picture of one class: a recipe draws the shapes, the rest is chance.

Every recipe draws its measures from the random generator, in pixels of a 100x100 picture, and
answers with layers: a signed distance and which colour covers it (1 the shape's, 2 the centre's).
Colours, position, turn, light and noise are drawn alike for all classes, so that none of them
tells the class. A flower is drawn as petals are, with a disc on top: only both together tell it.

The background is always darker than the shapes. With light and dark exchanged at random a linear
classifier falls to 20 %, but the network then needs several times as many pictures to learn.
"""

from collections.abc import Callable

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from cnnjax.data.patterns import shapes

Layers = list[tuple[ndarray, int]]
Recipe = Callable[[Generator, ndarray, ndarray], Layers]

# How far colours of one picture lie apart, where white is 1.
CONTRAST = 0.4
NOISE = (0.02, 0.04)
LIGHT = 0.08


def _line(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    half, width = rng.uniform(30, 46), rng.uniform(7, 10)
    return [(shapes.stroke(x, y, [(-half, 0), (half, 0)], width), 1)]


def _curve(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    radius, half_angle, width = rng.uniform(17, 28), rng.uniform(1.5, 2.3), rng.uniform(7, 10)
    return [(shapes.arc(x, y, radius, half_angle, width), 1)]


def _corner(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    half, width = rng.uniform(16, 21), rng.uniform(7, 10)
    # Two corners in a zigzag, 40 to 65 degrees each.
    step = 2 * half * np.tan(rng.uniform(0.7, 1.13) / 2)
    points = [(-half, -1.5 * step), (half, -0.5 * step), (-half, 0.5 * step), (half, 1.5 * step)]
    return [(shapes.stroke(x, y, points, width), 1)]


def _stripes(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    texture = shapes.stripes(x + np.float32(rng.uniform(0, 20)), rng.uniform(9, 14))
    return [(np.maximum(texture, shapes.disc(x, y, rng.uniform(18, 34))), 1)]


def _checks(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    period = rng.uniform(13, 20)
    shift_x, shift_y = np.float32(rng.uniform(0, 20)), np.float32(rng.uniform(0, 20))
    texture = shapes.checks(x + shift_x, y + shift_y, period)
    return [(np.maximum(texture, shapes.disc(x, y, rng.uniform(18, 34))), 1)]


def _disc(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    return [(shapes.disc(x, y, rng.uniform(9, 24)), 1)]


def _petals(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    count, scale = int(rng.integers(5, 9)), rng.uniform(0.7, 1.2)
    gap, half_length = scale * rng.uniform(5, 8), scale * rng.uniform(11, 14)
    # Neighbours touch at half their length and no more, whatever their number.
    half_width = (gap + half_length) * np.sin(np.pi / count) * rng.uniform(0.7, 0.95)
    return [(shapes.petals(x, y, count, gap, half_length, half_width), 1)]


def _flower(rng: Generator, x: ndarray, y: ndarray) -> Layers:
    return [*_petals(rng, x, y), (shapes.disc(x, y, rng.uniform(8, 12)), 2)]


RECIPES: dict[str, Recipe] = {
    "line": _line,
    "curve": _curve,
    "corner": _corner,
    "stripes": _stripes,
    "checks": _checks,
    "disc": _disc,
    "petals": _petals,
    "flower": _flower,
}


def _colours(rng: Generator) -> ndarray:
    """Background, shape and centre: three RGB colours (3, 3).

    The background is darker than what lies on it, by `CONTRAST` in the mean of the channels, and
    the centre's colour is `CONTRAST` away from the shape's.
    """
    while True:
        # Few triples qualify: many at once cost no more than one.
        ground, shape, centre = rng.uniform(0, 1, (3, 256, 3)).astype(np.float32)
        dark = ground.sum(axis=1) + np.float32(3 * CONTRAST)
        lighter = (shape.sum(axis=1) >= dark) & (centre.sum(axis=1) >= dark)
        apart = np.square(centre - shape).sum(axis=1) >= np.float32(CONTRAST**2)
        if len(found := np.flatnonzero(lighter & apart)):
            return np.stack([ground[found[0]], shape[found[0]], centre[found[0]]])


def picture(recipe: Recipe, rng: Generator, size: tuple[int, int]) -> ndarray:
    """A picture (H, W, 3) uint8 drawn with `recipe`, everything random taken from `rng`.

    >>> picture(RECIPES["flower"], np.random.default_rng(0), (100, 100)).shape
    (100, 100, 3)
    """
    height, width = size
    unit = min(height, width) / 100
    row, column = np.mgrid[:height, :width].astype(np.float32)
    # Coordinates of a 100x100 picture, from the middle, then moved, then turned.
    column = (column - np.float32((width - 1) / 2)) / np.float32(unit)
    row = (row - np.float32((height - 1) / 2)) / np.float32(unit)
    x, y = column - np.float32(rng.uniform(-14, 14)), row - np.float32(rng.uniform(-16, 16))
    turn = rng.uniform(0, 2 * np.pi)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    x, y = cos * x + sin * y, cos * y - sin * x

    colours = _colours(rng)
    canvas = np.broadcast_to(colours[0], (height, width, 3))
    for distance, colour in recipe(rng, x, y):
        covered = shapes.coverage(distance * np.float32(unit))[..., None]
        canvas = canvas + covered * (colours[colour] - canvas)
    slope_x, slope_y = rng.uniform(-LIGHT, LIGHT, 2) / 50
    light = column * np.float32(slope_x) + row * np.float32(slope_y)
    noise = rng.standard_normal((height, width, 3), dtype=np.float32)
    canvas = canvas + light[..., None] + noise * np.float32(rng.uniform(*NOISE))
    return (np.clip(canvas, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
