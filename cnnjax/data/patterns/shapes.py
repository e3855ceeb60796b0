"""Shapes as signed distances: how far each pixel is outside (> 0) or inside (< 0) of a shape.

A shape is a function of two coordinate arrays, in pixels, with the shape's own centre at 0; where
it lies and how it is turned is the caller's business. A distance gives anti-aliasing for free:
see `coverage`.

Formulas: I. Quilez, "2D distance functions" (iquilezles.org/articles/distfunctions2d), written
anew in NumPy. All take and return float32 arrays of one shape.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy import ndarray

Point = tuple[float, float]


def coverage(distance: ndarray) -> ndarray:
    """How much of each pixel a shape covers, 0 to 1: an edge through a pixel's middle is a half.

    >>> coverage(np.float32([-2, -0.25, 0, 0.25, 2]))
    array([1.  , 0.75, 0.5 , 0.25, 0.  ], dtype=float32)
    """
    return np.clip(np.float32(0.5) - distance, np.float32(0), np.float32(1))


def disc(x: ndarray, y: ndarray, radius: float) -> ndarray:
    """A filled circle.

    >>> disc(np.float32([0, 3, 5]), np.float32([0, 4, 0]), 5.0)
    array([-5.,  0.,  0.], dtype=float32)
    """
    return np.hypot(x, y) - np.float32(radius)


def stroke(x: ndarray, y: ndarray, points: Sequence[Point], width: float) -> ndarray:
    """Straight strokes with round ends from each of the points to the next."""
    distance = np.full(x.shape, np.inf, np.float32)
    for (start_x, start_y), (end_x, end_y) in pairwise(points):
        step_x, step_y = np.float32(end_x - start_x), np.float32(end_y - start_y)
        from_x, from_y = x - np.float32(start_x), y - np.float32(start_y)
        along = (from_x * step_x + from_y * step_y) / (step_x**2 + step_y**2)
        along = np.clip(along, np.float32(0), np.float32(1))
        distance = np.minimum(distance, np.hypot(from_x - along * step_x, from_y - along * step_y))
    return distance - np.float32(width / 2)


def arc(x: ndarray, y: ndarray, radius: float, half_angle: float, width: float) -> ndarray:
    """A stroke along a circle, `half_angle` radians to either side of the x axis, round ends."""
    y = np.abs(y)
    end_x, end_y = np.float32(np.cos(half_angle)), np.float32(np.sin(half_angle))
    # Beyond the end's own direction the nearest point is the end, before it the circle.
    beyond = end_y * x < end_x * y
    to_end = np.hypot(x - np.float32(radius) * end_x, y - np.float32(radius) * end_y)
    to_circle = np.abs(np.hypot(x, y) - np.float32(radius))
    return np.where(beyond, to_end, to_circle) - np.float32(width / 2)


def ellipse(x: ndarray, y: ndarray, half_length: float, half_width: float) -> ndarray:
    """A filled ellipse with its long axis along x; the distance is right to first order."""
    a, b = np.float32(half_length), np.float32(half_width)
    scaled = np.hypot(x / a, y / b)
    slope = np.hypot(x / a**2, y / b**2)
    # At the centre both vanish, and the distance is minus the short half-axis.
    near = slope > 1e-6
    distance = scaled * (scaled - 1) / np.where(near, slope, np.float32(1))
    return np.where(near, distance, -np.minimum(a, b))


def petals(
    x: ndarray, y: ndarray, count: int, gap: float, half_length: float, half_width: float
) -> ndarray:
    """`count` ellipses around the centre, their inner tips `gap` away from it."""
    sector = np.float32(2 * np.pi / count)
    # Every sector is folded onto the one around the x axis, so one ellipse draws all of them.
    angle = np.arctan2(y, x)
    angle = angle - sector * np.round(angle / sector)
    radius = np.hypot(x, y)
    away = np.float32(gap + half_length)
    return ellipse(radius * np.cos(angle) - away, radius * np.sin(angle), half_length, half_width)


def stripes(x: ndarray, period: float) -> ndarray:
    """Parallel bars of equal width and gap, across x."""
    phase = np.abs(x / np.float32(period) - np.round(x / np.float32(period)))
    return (phase - np.float32(0.25)) * np.float32(period)


def checks(x: ndarray, y: ndarray, period: float) -> ndarray:
    """A checkerboard: inside exactly one of two sets of stripes."""
    across, along = stripes(x, period), stripes(y, period)
    return np.maximum(np.minimum(across, along), -np.maximum(across, along))
