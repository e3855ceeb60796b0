"""What is measured on kernels and on their maps: selectivity, similarity, rank. NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from cnnjax.models import Model
from cnnjax.preprocessing import Preprocessing

_BATCH = 100


def selectivity(maps: NDArray) -> NDArray:
    """How unevenly each of K maps (..., K) answers: 1 - mean(|r|)^2 / mean(r^2), in 0..1.

    0: the same strength everywhere; near 1: strong in few places, silent elsewhere (1 minus the
    sparseness of Treves and Rolls 1991). A map that is 0 everywhere is NaN. The note's example:

    >>> example = np.array([[2.0, 1.0, 1.0, 2.0], [2.0, 0.0, 0.0, 2.0]]).T
    >>> selectivity(example).round(2).tolist()
    [0.1, 0.5]
    """
    flat = np.asarray(maps, np.float64).reshape(-1, maps.shape[-1])
    power = np.square(flat).mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(power > 0, 1 - np.square(np.abs(flat).mean(0)) / power, np.nan)


def columns(kernel: Any) -> NDArray:
    """A kernel (kh, kw, C, O) as O columns of length 1 (all zero if it is)."""
    flat = np.asarray(kernel, np.float64).reshape(-1, np.shape(kernel)[-1])
    length = np.linalg.norm(flat, axis=0)
    return flat / np.where(length > 0, length, 1.0)


def cosines(first: Any, second: Any) -> NDArray:
    """The cosine between each kernel of `first` and each of `second`: (O, P).

    >>> kernel = np.eye(2).reshape(2, 1, 1, 2)
    >>> cosines(kernel, kernel).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return columns(first).T @ columns(second)


def duplicates(kernel: Any, threshold: float) -> int:
    """How many kernels have an earlier one so similar that their cosine exceeds `threshold`.

    >>> twice = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]).reshape(2, 1, 1, 3)
    >>> duplicates(twice, 0.9)
    1
    """
    similar = np.triu(cosines(kernel, kernel), k=1) > threshold
    return int(similar.any(0).sum())


def directions(kernel: Any) -> float:
    """How many directions the kernels spread over: (sum s^2)^2 / sum s^4, s singular values.

    O for orthogonal kernels of one length, 1 for multiples of a single one; lengths count.

    >>> directions(np.eye(3).reshape(3, 1, 1, 3)), directions(np.ones((3, 1, 1, 4)))
    (3.0, 1.0)
    """
    flat = np.asarray(kernel, np.float64).reshape(-1, np.shape(kernel)[-1])
    powers = np.square(np.linalg.svd(flat, compute_uv=False))
    return round(float(powers.sum() ** 2 / np.square(powers).sum()), 6) if powers.any() else 0.0


def responder(
    model: Model, params: Any, preprocessing: Preprocessing, layer: str
) -> Callable[[NDArray], NDArray]:
    """A function from uint8 images to the maps of one layer, as arrays of the host."""
    maps = jax.jit(lambda p, x: model.features(p, preprocessing(x))[layer])
    return lambda images: np.asarray(maps(params, images))


def strongest_answers(respond: Callable[[NDArray], NDArray], images: NDArray) -> NDArray:
    """The largest answer of each kernel in each image: (N, K)."""
    parts = range(0, len(images), _BATCH)
    return np.concatenate([respond(images[at : at + _BATCH]).max((1, 2)) for at in parts])
