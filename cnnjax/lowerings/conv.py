"""Ways to compute a convolution; all are the same function of image and kernel.

    lax          `lax.conv_general_dilated`, gradients as JAX derives them
    canonical    the same forward pass; both gradients are convolutions in the layout of the
                 forward pass, over transposed copies of their operands

and, in files of their own, `shifted`, `pointwise`, `blocked`, `wide` and `winograd`.

Why `canonical`: JAX derives the kernel's gradient as a convolution of x with g in which batch and
channels change roles, said by unusual dimension numbers. Outside of loops XLA's CPU backend brings
these back to its fast layout; inside a `lax.scan` it does not, and the gradient is 20 to 30 times
slower. Here the tangent map carries the unusual dimension numbers, so that its transpose, which is
what training runs, has the usual ones. It is a `custom_jvp` of ordinary linear operations: forward
mode, reverse mode, `vmap` and higher derivatives follow from the one rule.

x is (N, *image, C), kernels are (*window, C // groups, O); see `cnnjax.layers.conv`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from cnnjax.geometry import Pads

_LETTERS = {1: "W", 2: "HW", 3: "DHW"}


@dataclass(frozen=True)
class Geometry:
    """How a convolution moves over its image: one stride and dilation an axis.

    ``pads`` are pairs, or the name of a padding that JAX resolves (for symbolic sizes).
    """

    stride: tuple[int, ...]
    pads: Pads | str
    dilation: tuple[int, ...]
    groups: int = 1
    precision: Any = None

    @property
    def known_pads(self) -> Pads:
        """The pairs, of a call that `fits` has let through."""
        assert not isinstance(self.pads, str)
        return self.pads


def output_size(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> tuple[int, ...]:
    """image' of a call with known pads; where no window fits, it is not positive.

    >>> geometry = Geometry((2,), ((1, 1),), (1,))
    >>> output_size(jnp.ones((1, 5, 1)), jnp.ones((3, 1, 1)), geometry)
    (3,)
    """
    return tuple(
        (n + low + high - (k - 1) * d - 1) // s + 1
        for n, k, s, d, (low, high) in zip(
            x.shape[1:-1],
            kernel.shape[:-2],
            geometry.stride,
            geometry.dilation,
            geometry.known_pads,
            strict=True,
        )
    )


def plain(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`lax.conv_general_dilated`, channels last.

    >>> geometry = Geometry((1,), ((1, 1),), (1,))
    >>> plain(jnp.ones((1, 3, 1)), jnp.ones((3, 1, 1)), geometry)[0, :, 0].tolist()
    [2.0, 3.0, 2.0]
    """
    letters = _LETTERS[kernel.ndim - 2]
    return _general(x, kernel, geometry, (f"N{letters}C", f"{letters}IO", f"N{letters}C"))


def canonical_fits(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether `canonical` can take this call: floats, one group."""
    return geometry.groups == 1 and jnp.issubdtype(x.dtype, jnp.floating)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def canonical(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """As `plain`, with gradients in the layout of the forward pass. Needs `canonical_fits`.

    >>> geometry = Geometry((1,), ((0, 0),), (1,))
    >>> def total(kernel): return canonical(jnp.arange(4.0)[None, :, None], kernel, geometry).sum()
    >>> jax.grad(total)(jnp.ones((2, 1, 1)))[:, 0, 0].tolist()
    [3.0, 6.0]
    """
    return plain(x, kernel, geometry)


def _canonical_jvp(geometry: Geometry, primals: Any, tangents: Any) -> Any:
    return canonical(*primals, geometry), canonical_tangent(geometry, primals, tangents)


canonical.defjvp(_canonical_jvp, symbolic_zeros=True)


def canonical_tangent(geometry: Geometry, primals: Any, tangents: Any) -> jax.Array:
    """The tangent of `plain`, for a rule with symbolic zeros; its transposes are `canonical`'s."""
    (x, kernel), (dx, dkernel) = primals, tangents
    # What is not differentiated costs nothing: as an array of zeros, the tangent of a network's
    # input would be convolved with the first kernel.
    parts = []
    if not isinstance(dx, SymbolicZero):
        parts.append(_image_tangent(dx, kernel, geometry))
    if not isinstance(dkernel, SymbolicZero):
        parts.append(_kernel_tangent(x, dkernel, geometry))
    if parts:
        return sum(parts[1:], parts[0])
    like = jax.eval_shape(partial(plain, geometry=geometry), x, kernel)
    return jnp.zeros(like.shape, like.dtype)


def _image_tangent(dx: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`plain` as a function of dx; its transpose convolves with a flipped and swapped kernel."""
    axes = kernel.ndim - 2
    letters = _LETTERS[axes]
    image = tuple(range(axes))
    # The copy is made before the convolution, or XLA would fold the flip into it. JAX flips once
    # more when it transposes: the two cancel.
    ready = lax.optimization_barrier(jnp.swapaxes(lax.rev(kernel, image), -1, -2))
    layout = (f"N{letters}C", f"{letters}OI", f"N{letters}C")
    return _general(dx, lax.rev(ready, image), geometry, layout)


def _kernel_tangent(x: jax.Array, dkernel: jax.Array, geometry: Geometry) -> jax.Array:
    """`plain` as a function of dkernel; its transpose is a convolution over (C, *image, N).

    The transpose takes channels for batch and batch for channels: x as (C, *image, N) with the
    output's cotangent, (*image', N, O), as kernel gives the gradient as (C, *window, O).
    """
    letters = _LETTERS[dkernel.ndim - 2]
    swapped = lax.optimization_barrier(jnp.swapaxes(x, 0, -1))
    layout = (f"C{letters}N", f"I{letters}O", f"{letters}NC")
    dy = _general(swapped, jnp.moveaxis(dkernel, -2, 0), geometry, layout)
    return jnp.moveaxis(lax.optimization_barrier(dy), -2, 0)


def _general(
    x: jax.Array, kernel: jax.Array, geometry: Geometry, layout: tuple[str, str, str]
) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.stride,
        geometry.pads,
        rhs_dilation=geometry.dilation,
        dimension_numbers=layout,
        feature_group_count=geometry.groups,
        precision=geometry.precision,
    )
