"""Whether a program may go into a compiled loop without becoming slower.

XLA's CPU backend brings convolutions of any layout to its fast one, but not inside a loop: there a
gradient that JAX derives from a grouped convolution, or from plain `lax`, runs 20 to 30 times
slower. The lowerings of `cnnjax.lowerings` avoid this for what they take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from verify.programs import Reading, make_as_given, read

__all__ = ["fast_in_loops"]

_ON_A_CPU = Reading(platform="cpu", held=True)


def fast_in_loops(f: Callable[..., Any], *examples: Any) -> bool:
    """Whether all convolutions of `f(*examples)` have the layout that loops keep fast on a CPU.

    >>> import jax
    >>> from cnnjax import conv
    >>> import jax.numpy as jnp
    >>> def gradient(groups):
    ...     def loss(k): return conv(jnp.ones((2, 5, 5, 4)), k, groups=groups).sum()
    ...     return fast_in_loops(jax.grad(loss), jnp.ones((3, 3, 4 // groups, 4)))
    >>> [gradient(groups) for groups in (1, 2, 4)]  # dense, grouped, depthwise
    [True, False, True]
    """
    program = read(make_as_given(f, *examples), _ON_A_CPU)
    convolutions = (e for e in program.every_equation() if e.primitive == "conv_general_dilated")
    return all(_usual(equation.params) for equation in convolutions)


def _usual(params: Mapping[str, Any]) -> bool:
    if params["feature_group_count"] > 1 or params["batch_group_count"] > 1:
        return False
    axes = tuple(range(1, len(params["dimension_numbers"].lhs_spec) - 1))
    image, kernel = (0, len(axes) + 1, *axes), (len(axes) + 1, len(axes), *(a - 1 for a in axes))
    numbers = params["dimension_numbers"]
    return (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec) == (image, kernel, image)
