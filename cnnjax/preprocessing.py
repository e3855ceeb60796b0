"""Images to what a network reads: uint8 pixels to numbers of mean 0 and standard deviation 1.

    x = (pixel / 255 - mean) / std        per channel

Mean and standard deviation are measured once, over the training images, and travel with the
saved model: a picture at prediction time goes through the same line.  Images stay uint8 on the
host and on the device; this runs inside the jitted step, where XLA fuses it.

It does not resize and does not crop: that is the reader's work (`cnnjax.data`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Preprocessing"]


@dataclass(frozen=True)
class Preprocessing:
    """Per-channel mean and standard deviation, in units where white is 1.

    >>> import numpy as np
    >>> images = np.zeros((1, 2, 2, 1), np.uint8); images[0, 0] = 255
    >>> halves = Preprocessing.fit(images)
    >>> halves
    Preprocessing(mean=(0.5,), std=(0.5,))
    >>> halves(images)[0, :, 0, 0].tolist()
    [1.0, -1.0]
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(m) for m in self.mean))
        object.__setattr__(self, "std", tuple(float(s) for s in self.std))
        if not self.mean or len(self.mean) != len(self.std):
            raise ValueError(
                f"Preprocessing: mean {self.mean} and std {self.std} need one value a channel each"
            )
        if not all(s > 0 and np.isfinite(s) for s in self.std):
            raise ValueError(f"Preprocessing: every std must be positive, got {self.std}")

    @classmethod
    def fit(cls, images: np.ndarray) -> Preprocessing:
        """Measure (N, H, W, C) uint8 images, exactly: from the counts of the 256 values.

        A channel that never varies gets std 1 (it becomes zero, not infinite).
        """
        if images.ndim != 4 or images.dtype != np.uint8 or images.size == 0:
            raise ValueError(
                "Preprocessing.fit: images must be a non-empty (N, H, W, C) uint8 array, "
                f"got {images.shape} {images.dtype}"
            )
        return cls.measured(np.array_split(images, max(1, len(images) // 4096)))

    @classmethod
    def measured(cls, parts: Iterable[np.ndarray]) -> Preprocessing:
        """`fit` of images that come in parts, arrays (n, H, W, C) uint8 of the same channels."""
        counted: np.ndarray | int = 0  # (C, 256)
        for part in parts:
            counted += np.stack([_counts(part[..., c].ravel()) for c in range(part.shape[-1])])
        levels = np.arange(256) / 255
        mean, std = [], []
        for counts in np.asarray(counted):
            share = counts / counts.sum()
            centre = float(share @ levels)
            spread = float(np.sqrt(share @ (levels - centre) ** 2))
            mean.append(centre)
            std.append(spread if spread > 1e-9 else 1.0)
        return cls(tuple(mean), tuple(std))

    def __call__(self, images: Any, dtype: Any = jnp.float32) -> jax.Array:
        """(*batch, H, W, C) uint8 -> the same shape in `dtype`; computed in float32 or wider.

        Raises ValueError where the images are not uint8 or the channels do not match, TypeError
        where `dtype` is no float.
        """
        if images.dtype != jnp.uint8:
            raise ValueError(
                f"Preprocessing: images must be uint8 (0 to 255), got {images.dtype} {images.shape}"
            )
        channels = len(self.mean)
        if images.ndim < 3 or images.shape[-1] != channels:
            raise ValueError(
                f"Preprocessing: fitted on {channels} channels, images are {images.shape}; "
                f"expected (*batch, H, W, {channels})"
            )
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(f"Preprocessing: dtype must be a float type, got {jnp.dtype(dtype)}")
        wide = jnp.float64 if jnp.dtype(dtype) == jnp.float64 else jnp.float32
        mean, std = np.array(self.mean), np.array(self.std)
        shape = (1,) * (images.ndim - 1) + (channels,)
        scale = jnp.asarray((1 / (255 * std)).reshape(shape), wide)
        offset = jnp.asarray((-mean / std).reshape(shape), wide)
        return (jnp.asarray(images).astype(wide) * scale + offset).astype(dtype)


def _counts(values: np.ndarray) -> np.ndarray:
    """How often each of the 256 values of (n,) uint8 occurs."""
    # In pieces: `bincount` makes eight bytes of each.
    pieces = range(0, len(values), 1 << 20)
    return sum(
        (np.bincount(values[start : start + (1 << 20)], minlength=256) for start in pieces),
        start=np.zeros(256, np.int64),
    )
