"""Whether a program may go into a compiled loop without becoming slower.

XLA's CPU backend brings convolutions of any layout to its fast one, but not inside a loop: there a
gradient that JAX derives from a grouped convolution, or from plain `lax`, runs 20 to 30 times
slower. The lowerings of `cnnjax.lowerings` avoid this for what they take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax

from cnnjax.lowerings import branch_of

__all__ = ["fast_in_loops"]


def fast_in_loops(f: Callable[..., Any], *examples: Any) -> bool:
    """Whether all convolutions of `f(*examples)` have the layout that loops keep fast on a CPU.

    >>> from cnnjax import conv
    >>> import jax.numpy as jnp
    >>> def gradient(groups):
    ...     def loss(k): return conv(jnp.ones((2, 5, 5, 4)), k, groups=groups).sum()
    ...     return fast_in_loops(jax.grad(loss), jnp.ones((3, 3, 4 // groups, 4)))
    >>> [gradient(groups) for groups in (1, 2, 4)]  # dense, grouped, depthwise
    [True, False, True]
    """
    return all(map(_usual, _convolutions(jax.make_jaxpr(f)(*examples).jaxpr)))


def _usual(params: dict[str, Any]) -> bool:
    if params["feature_group_count"] > 1 or params["batch_group_count"] > 1:
        return False
    axes = tuple(range(1, len(params["dimension_numbers"].lhs_spec) - 1))
    image, kernel = (0, len(axes) + 1, *axes), (len(axes) + 1, len(axes), *(a - 1 for a in axes))
    numbers = params["dimension_numbers"]
    return (numbers.lhs_spec, numbers.rhs_spec, numbers.out_spec) == (image, kernel, image)


def _convolutions(jaxpr: Any) -> Iterator[dict[str, Any]]:
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            yield equation.params
        inside: Any = list(equation.params.values())
        if (platforms := equation.params.get("branches_platforms")) is not None:
            inside = equation.params["branches"][branch_of(platforms, "cpu")]
        for value in jax.tree.leaves(inside, is_leaf=lambda leaf: hasattr(leaf, "eqns")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _convolutions(inner)
