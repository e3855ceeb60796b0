"""A patch built like the kernel answers most strongly: true among patches of equal norm.

Cauchy and Schwarz, by Lagrange's identity, a polynomial identity that is proved here on the
response of the real convolution:

    |x|^2 |w|^2 - (x . w)^2 = sum over i < j of (x_i w_j - x_j w_i)^2  >=  0

and, for two patches of equal norm, more exactly: what the answer falls short of the kernel's answer
to itself is half the squared distance between patch and kernel,

    w . w - x . w = |w - x|^2 / 2 + (|w|^2 - |x|^2) / 2.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax import conv, relu
from verify.claims.claim import Claim, Size, Variant
from verify.claims.measured import results
from verify.claims.programs import equal, equal_gradients, f32, source


def response(patch: jax.Array, kernel: jax.Array) -> jax.Array:
    """What a kernel (k, k, C) answers to a patch of its size: a convolution with one output."""
    return conv(patch, kernel[..., None], padding="VALID")[0, 0, 0]


def squared_norm(patch: jax.Array) -> jax.Array:
    return jnp.sum(patch * patch)


def cauchy_schwarz_gap(patch: jax.Array, kernel: jax.Array) -> jax.Array:
    """How far the squared response stays below |patch|^2 |kernel|^2."""
    return squared_norm(patch) * squared_norm(kernel) - response(patch, kernel) ** 2


def lagrange(patch: jax.Array, kernel: jax.Array) -> jax.Array:
    """Lagrange's sum of squares: zero only where patch and kernel are parallel."""
    x, w = patch.ravel(), kernel.ravel()
    i, j = np.triu_indices(x.size, 1)
    return jnp.sum((x[i] * w[j] - x[j] * w[i]) ** 2)


def shortfall(patch: jax.Array, kernel: jax.Array) -> jax.Array:
    """How much more the kernel answers to itself than to the patch."""
    return response(kernel, kernel) - response(patch, kernel)


def half_squared_distance(patch: jax.Array, kernel: jax.Array) -> jax.Array:
    """The shortfall among patches of equal norm; the second term is zero there."""
    norms = squared_norm(kernel) - squared_norm(patch)
    return squared_norm(kernel - patch) / 2 + norms / 2


def mirrored(kernel: jax.Array, mirror: jax.Array) -> jax.Array:
    """The kernel mirrored at a plane: a patch of the kernel's norm, and every one is made so
    (from x with |x| = |w| the mirror w - x)."""
    return kernel - 2 * mirror * (jnp.sum(mirror * kernel) / squared_norm(mirror))


def shortfall_of_equal_norm(kernel: jax.Array, mirror: jax.Array) -> jax.Array:
    return shortfall(mirrored(kernel, mirror), kernel)


def not_negative(kernel: jax.Array, mirror: jax.Array) -> jax.Array:
    """The same shortfall, written so that it cannot be below zero: relu cuts nothing off."""
    return relu(2 * response(mirror, kernel) ** 2 / squared_norm(mirror))


def strongest(patch: jax.Array, kernel: jax.Array) -> jax.Array:
    """The stronger of the answers to the patch and to the kernel itself."""
    return jnp.maximum(response(patch, kernel), response(kernel, kernel))


def to_itself(patch: jax.Array, kernel: jax.Array) -> jax.Array:
    return response(kernel, kernel)


def strongest_of_flat(brightness: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same where the patch is flat: one brightness >= 0 everywhere, no structure at all."""
    return strongest(jnp.full(kernel.shape, relu(brightness)), kernel)


def _of(prefix: str, patch: jax.ShapeDtypeStruct, size: Size) -> Iterator[Variant]:
    shape = "x".join(map(str, patch.shape))
    yield equal(
        f"{prefix}lagrange",
        f"|x|^2 |w|^2 - (x.w)^2 is a sum of squares, for the response x.w of the real convolution "
        f"({shape}).",
        cauchy_schwarz_gap,
        lagrange,
        patch,
        patch,
        size=size,
    )
    yield equal(
        f"{prefix}cauchy-schwarz",
        f"So (x.w)^2 never exceeds |x|^2 |w|^2: cutting the gap off at zero changes nothing "
        f"({shape}).",
        cauchy_schwarz_gap,
        lambda patch, kernel: relu(lagrange(patch, kernel)),
        patch,
        patch,
        size=size,
    )
    yield equal(
        f"{prefix}distance",
        "What an answer falls short is half the squared distance from the kernel, plus half of "
        f"what the patch's squared norm falls short ({shape}).",
        shortfall,
        half_squared_distance,
        patch,
        patch,
        size=size,
    )
    yield equal(
        f"{prefix}equal-norm",
        "No patch of the kernel's norm answers more strongly than the kernel itself: the shortfall "
        f"is never negative ({shape}).",
        shortfall_of_equal_norm,
        not_negative,
        patch,
        patch,
        size=size,
    )
    yield equal(
        f"{prefix}any-norm",
        f"Among all patches the kernel itself is not the strongest: a brighter one wins ({shape}).",
        strongest,
        to_itself,
        patch,
        patch,
        expected="refuted",
        size=size,
    )
    yield equal(
        f"{prefix}bright-and-flat",
        f"A flat patch, with no structure, wins if it is bright enough ({shape}).",
        strongest_of_flat,
        lambda brightness, kernel: response(kernel, kernel),
        f32(),
        patch,
        expected="refuted",
        size=size,
    )


def _variants() -> Iterator[Variant]:
    yield from _of("", f32(3, 3, 2), "small")
    yield equal(
        "mirrored-has-equal-norm",
        "A mirrored kernel has the kernel's norm.",
        lambda kernel, mirror: squared_norm(mirrored(kernel, mirror)),
        lambda kernel, mirror: squared_norm(kernel),
        f32(3, 3, 2),
        f32(3, 3, 2),
    )
    yield equal(
        "every-equal-norm-is-mirrored",
        "Mirrored at w - x, the kernel w becomes x, up to a term with |x|^2 - |w|^2: every patch "
        "of equal norm is a mirrored kernel.",
        lambda patch, kernel: mirrored(kernel, kernel - patch),
        lambda patch, kernel: (
            patch
            + (kernel - patch)
            * (squared_norm(patch) - squared_norm(kernel))
            / squared_norm(kernel - patch)
        ),
        f32(3, 3, 2),
        f32(3, 3, 2),
    )
    yield equal_gradients(
        "distance-gradients",
        "The gradients of shortfall and half squared distance are the same.",
        shortfall,
        half_squared_distance,
        f32(3, 3, 2),
        f32(3, 3, 2),
    )
    yield from _of("note-", f32(5, 5, 3), "small")  # the note's kernel is small enough


CLAIM = Claim(
    id="similar-is-large",
    korean="직관적으로 그냥 커널이랑 비슷한 구조를 가진게 비슷한 값이 나오겠지. 라고생각하고있긴함",
    english=(
        "Intuitively I do think that what has a structure similar to the kernel's will give a "
        "similar [that is, a large] value."
    ),
    statement=source(
        response, cauchy_schwarz_gap, lagrange, shortfall, half_squared_distance, mirrored
    ),
    conclusion=(
        "True among patches of equal norm, and then exactly: the answer falls short of the "
        "kernel's answer to itself by half the squared distance between patch and kernel. Without "
        "that condition it is false: a flat patch wins if it is bright enough. The response "
        "measures similarity times contrast."
    ),
    variants=tuple(_variants()),
    measured=results("similar-is-large"),
)
