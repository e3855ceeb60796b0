"""Which patches of real images excite each kernel most.

A response of a convolution looks at one window of the image: its receptive field, for layer 1
exactly the kernel's window (see `cnnjax.geometry.ReceptiveField`).

Only the best place of an image counts, so that one image with a long edge does not fill a row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnjax.geometry import ReceptiveField
from cnnjax.pictures.tiles import as_rgb

OUTSIDE = 0.82  # the grey of what lies outside the image (the network sees its padding there)

Fields = tuple[ReceptiveField, ReceptiveField]  # along height and width


@dataclass(frozen=True)
class Strongest:
    """For each of K kernels, the best patch of each of the `top` best images, best first."""

    responses: NDArray[np.floating]  # (K, top)
    images: NDArray[np.integer]  # (K, top): which image
    places: NDArray[np.integer]  # (K, top, 2): which output element (row, column)
    patches: NDArray[np.floating]  # (K, top, h, w, 3) in 0..1; outside the image is grey


def strongest(
    respond: Callable[[NDArray], NDArray],
    images: NDArray,
    fields: Fields,
    *,
    top: int = 9,
    batch_size: int = 32,
) -> Strongest:
    """Find the patches of `images` on which each kernel responds most strongly.

    respond: images (n, H, W, C) -> responses (n, H', W', K). images: (N, H, W, 1 or 3), uint8 or
    floats in 0..1. fields: what a response sees, along height and width. `respond` is called with
    `batch_size` images at a time (fewer at the end), so memory stays bounded. With fewer than
    `top` images there are fewer patches.

    Raises ValueError when there are no images.

    >>> images = np.zeros((3, 4, 4, 1)); images[1, 2, 3] = 1.0
    >>> found = strongest(lambda x: x, images, (ReceptiveField(),) * 2, top=1)
    >>> found.images.tolist(), found.places.tolist()
    ([[1]], [[[2, 3]]])
    """
    if len(images) == 0:
        raise ValueError("strongest: there are no images to look at")
    best_values, best_flat, width = [], [], 0
    for start in range(0, len(images), batch_size):
        responses = np.asarray(respond(images[start : start + batch_size]))
        width = responses.shape[2]
        flat = responses.reshape(len(responses), -1, responses.shape[-1])  # (n, H'W', K)
        best_flat.append(flat.argmax(1))
        best_values.append(flat.max(1))
    values, where = np.concatenate(best_values), np.concatenate(best_flat)  # (N, K)

    order = np.argsort(-values, axis=0, kind="stable")[:top]  # (top, K)
    picked = np.take_along_axis(where, order, 0)
    places = np.stack([picked // width, picked % width], -1).transpose(1, 0, 2)  # (K, top, 2)
    chosen = order.T
    patches = np.stack(
        [
            [crop(images[image], place, fields) for image, place in zip(row, spots, strict=True)]
            for row, spots in zip(chosen, places, strict=True)
        ]
    )
    return Strongest(np.take_along_axis(values, order, 0).T, chosen, places, patches)


def crop(image: NDArray, place: NDArray | tuple[int, int], fields: Fields) -> NDArray:
    """The part of `image` that the output element at `place` sees, as floats (h, w, 3) in 0..1.

    >>> around = ReceptiveField().then(3, padding=1)
    >>> crop(np.ones((4, 4, 1)), (0, 0), (around, around))[..., 0].round(2)
    array([[0.82, 0.82, 0.82],
           [0.82, 1.  , 1.  ],
           [0.82, 1.  , 1.  ]])
    """
    out = np.full((*(axis.field for axis in fields), 3), OUTSIDE)
    inside, target = [], []
    for index, axis, extent in zip(place, fields, image.shape[:2], strict=True):
        start, stop = axis.inputs(int(index))
        first, last = max(start, 0), max(min(stop, extent), 0)
        inside.append(slice(first, last))
        target.append(slice(first - start, last - start))
    out[tuple(target)] = as_rgb(image[tuple(inside)])
    return out
