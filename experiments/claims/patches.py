"""All 5x5 windows of images as exact integers: norms, cosines, contrast. NumPy only.

Pixels are bytes, so a window's squared norm is an integer, and many windows share exactly the same
one: among those "equal norm" needs no tolerance.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def windows(images: NDArray, side: int) -> NDArray:
    """Every window of (N, H, W, C), as rows: (N (H - side + 1) (W - side + 1), side side C).

    The order of a row is that of a kernel (side, side, C); images go first, then rows of pixels.

    >>> windows(np.arange(9).reshape(1, 3, 3, 1), 2).tolist()[-1]
    [4, 5, 7, 8]
    """
    view = sliding_window_view(images, (side, side), axis=(1, 2))  # (N, H', W', C, side, side)
    return view.transpose(0, 1, 2, 4, 5, 3).reshape(-1, side * side * images.shape[-1])


def roughness(rows: NDArray, channels: int) -> NDArray:
    """How far pixels lie from the mean of their channel, root mean square over a window.

    >>> flat, edge = [10, 20, 10, 20], [0, 0, 20, 0]  # two pixels, two channels
    >>> roughness(np.array([flat, edge]), 2).round(2).tolist()
    [0.0, 7.07]
    """
    pixels = rows.reshape(len(rows), -1, channels).astype(np.float64)
    return np.sqrt(pixels.var(1).mean(1))


def discordant(answers: NDArray, measure: NDArray, group: NDArray) -> tuple[int, int]:
    """Pairs within a group, and how many of them neighbours show to be ordered otherwise.

    Rows of one group are sorted by `measure`; each step down in `answers` counts, so 0 means that
    within every group the order by `answers` is the order by `measure` (ties of `measure` must be
    ties of `answers`, or they count as well).

    >>> discordant(np.array([1, 2, 3, 5]), np.array([1, 2, 3, 0]), np.array([7, 7, 7, 8]))
    (3, 0)
    >>> discordant(np.array([1, 3, 2]), np.array([1, 2, 3]), np.array([7, 7, 7]))
    (3, 1)
    """
    _, sizes = np.unique(group, return_counts=True)
    pairs = int((sizes * (sizes - 1) // 2).sum())
    order = np.lexsort((answers, measure, group))
    same = np.diff(group[order]) == 0
    step, by = np.diff(answers[order]), np.diff(measure[order])
    wrong = same & ((step < 0) | ((by == 0) & (step != 0)))
    return pairs, int(wrong.sum())


def ranks(values: NDArray) -> NDArray:
    """Ranks from 0, ties at their mean.

    >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [1.5, 0.0, 1.5]
    """
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    return (last - (counts - 1) / 2)[where]


def rank_correlation(first: NDArray, second: NDArray) -> float:
    """Spearman's: the correlation of the ranks.

    >>> round(rank_correlation(np.array([1, 2, 3]), np.array([1, 4, 9])), 6)
    1.0
    """
    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])
