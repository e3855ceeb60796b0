"""Losses and accuracy of a classifier, in float32 or wider whatever the logits' dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cnnjax.explicit import over_mesh, splits
from cnnjax.layers import _check


def cross_entropy(
    logits: jax.Array, labels: jax.Array, *, label_smoothing: float = 0.0
) -> jax.Array:
    """Return -sum(target * log_softmax(logits)) of each example.

    ``logits`` (*batch, K), ``labels`` (*batch,) -> (*batch,). Labels are class numbers
    0..K-1; one outside gives NaN, never a silent number. The target is ``1 - label_smoothing`` at
    the label plus ``label_smoothing / K`` everywhere (Szegedy et al. 2016, section 7). The result
    is float32, float64 for float64 logits.

    Errors: TypeError for labels that are no integers, ValueError for shapes that do not fit or a
    smoothing outside [0, 1].

    >>> import jax.numpy as jnp
    >>> print(cross_entropy(jnp.zeros((2, 4)), jnp.array([0, 3])))
    [1.3862944 1.3862944]
    """
    logits, labels = _classes("cross_entropy", logits, labels)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"cross_entropy: label_smoothing must be in [0, 1], got {label_smoothing!r}"
        )
    classes = logits.shape[-1]
    logits = logits.astype(_check.wide(logits.dtype))

    def compute(logits: jax.Array, labels: jax.Array) -> jax.Array:
        log_p = jax.nn.log_softmax(logits)
        column = lax.broadcasted_iota(labels.dtype, logits.shape, logits.ndim - 1)
        chosen = column == lax.broadcast_in_dim(labels, logits.shape, tuple(range(labels.ndim)))
        # A select, not a product with the one-hot target: 0 * -inf would be NaN.
        loss = -jnp.sum(jnp.where(chosen, log_p, jnp.zeros_like(log_p)), axis=-1)
        if label_smoothing:
            loss = (1 - label_smoothing) * loss - label_smoothing * jnp.mean(log_p, axis=-1)
        known = (labels >= 0) & (labels < classes)
        return jnp.where(known, loss, jnp.full_like(loss, jnp.nan))

    return over_mesh(compute, logits, labels, out=lambda: splits(logits)[:-1])


def weighted(
    loss: Callable[[jax.Array, jax.Array], jax.Array], weights: Sequence[float]
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """`loss` (of logits and labels, a number an example), each example times its class's weight.

    >>> import jax.numpy as jnp
    >>> halved = weighted(cross_entropy, (1.0, 0.5))
    >>> print(halved(jnp.zeros((2, 2)), jnp.array([0, 1])))
    [0.6931472 0.3465736]
    """
    table = np.asarray(weights, np.float32)

    def times_weight(logits: jax.Array, labels: jax.Array) -> jax.Array:
        losses = loss(logits, labels)
        return losses * jnp.take(jnp.asarray(table, losses.dtype), labels, mode="clip")

    return times_weight


def balanced_weights(labels: Any, classes: int) -> tuple[float, ...]:
    """The weights under which every class counts alike: N / (classes there are * its examples).

    Their mean over the examples is 1; a class without examples has weight 0. Labels of any shape:
    where each pixel has one, the pixels are the examples.

    >>> balanced_weights([0, 0, 0, 1], 2)
    (0.6666666666666666, 2.0)
    """
    every = np.asarray(labels).ravel()
    counts = np.bincount(every, minlength=classes)
    present = int((counts > 0).sum())
    return tuple(float(len(every) / (present * n)) if n else 0.0 for n in counts)


def correct(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Say of each example whether its largest logit is the label's: (*batch,) of bool.

    The first of equal largest logits counts.

    >>> import jax.numpy as jnp
    >>> correct(jnp.array([[1.0, 2.0], [3.0, 0.0]]), jnp.array([1, 1])).tolist()
    [True, False]
    """
    logits, labels = _classes("correct", logits, labels)

    def compute(logits: jax.Array, labels: jax.Array) -> jax.Array:
        return jnp.argmax(logits, axis=-1) == labels

    return over_mesh(compute, logits, labels, out=lambda: splits(logits)[:-1])


def accuracy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the fraction of `correct` examples, a float32 scalar.

    >>> import jax.numpy as jnp
    >>> float(accuracy(jnp.array([[1.0, 2.0], [3.0, 0.0]]), jnp.array([1, 1])))
    0.5
    """
    return jnp.mean(correct(logits, labels), dtype=jnp.float32)


def _classes(name: str, logits: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    logits, labels = _check.floating(name, "logits", logits), _check.array(name, "labels", labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"{name}: labels must be class numbers (integers), got {labels.dtype}")
    if logits.ndim < 1 or logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"{name}: logits (*batch, classes) {logits.shape} expect labels of shape "
            f"{logits.shape[:-1]}, got {labels.shape}"
        )
    # Narrow labels would wrap where there are more classes than they can count.
    return logits, labels.astype(jnp.int32) if labels.dtype.itemsize < 4 else labels
