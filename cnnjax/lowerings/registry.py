"""The lowerings by name, and which one a layer takes when the caller names none.

Choosing is a table of (backend, what the call must look like, lowering), first match wins. It was
measured once, on two CPU cores (`python -m benchmarks.lowerings`, figures in README.md); on every
other backend it says `lax`: there XLA's own choices stand until someone has measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax

from cnnjax.lowerings import bias, conv, depthwise, max_pool, pointwise

__all__ = ["BIAS", "CONV", "MAX_POOL", "Lowering", "choose", "plain_only"]


@dataclass(frozen=True)
class Lowering:
    """One way to compute a layer: the function, and whether it can take given arguments."""

    run: Callable[..., jax.Array]
    fits: Callable[..., bool]
    needs: str  # `fits` in words


def _always(*_: Any) -> bool:
    return True


CONV: Mapping[str, Lowering] = {
    "lax": Lowering(conv.plain, _always, "anything"),
    "canonical": Lowering(conv.canonical, conv.canonical_fits, "floats and groups=1"),
    "shifted": Lowering(
        depthwise.shifted, depthwise.fits, "floats, known sizes, groups = channels"
    ),
    "pointwise": Lowering(
        pointwise.pointwise, pointwise.fits, "floats, windows of one pixel, groups=1, no padding"
    ),
}

MAX_POOL: Mapping[str, Lowering] = {
    "lax": Lowering(max_pool.plain, _always, "anything"),
    "argmax": Lowering(
        max_pool.argmax,
        lambda x, window, stride, pads: max_pool.argmax_fits(x, window, pads),
        "floats, known sizes, windows of 2 to 256 cells",
    ),
}

BIAS: Mapping[str, Lowering] = {
    "lax": Lowering(bias.plain, _always, "anything"),
    "ones": Lowering(bias.ones, bias.ones_fits, "float32 or wider, known sizes"),
}


def _several_groups(x: Any, kernel: Any, geometry: conv.Geometry) -> bool:
    # An image of one channel is depthwise by the letter, and slower by shifts: LeNet-5's training
    # step took 5.7 instead of 3.5 ms.
    return geometry.groups > 1


def _disjoint(x: Any, window: Any, stride: Any, pads: Any) -> bool:
    return window == stride


# For each backend the lowerings to try, best first, and where each of them pays; `lax` is what
# remains.
_PREFERRED: Mapping[str, Mapping[str, tuple[tuple[str, Callable[..., bool]], ...]]] = {
    "conv": {"cpu": (("shifted", _several_groups), ("pointwise", _always), ("canonical", _always))},
    "max_pool": {"cpu": (("argmax", _disjoint),)},
    "bias": {"cpu": (("ones", _always),)},
}


_PLAIN_ONLY: ContextVar[bool] = ContextVar("plain_only", default=False)


@contextmanager
def plain_only() -> Iterator[None]:
    """While it lasts, layers that name no lowering are traced as plain `lax`.

    For tools that read a program instead of running it: a depthwise convolution is then one
    convolution, not a sum of shifted images. What `jax.jit` has traced before stays as it is, and
    what it traces here it keeps.

    >>> import jax.numpy as jnp
    >>> with plain_only():
    ...     choose("max_pool", MAX_POOL, None, jnp.ones((4, 1)), (2,), (2,), ((0, 0),)).__name__
    'plain'
    """
    token = _PLAIN_ONLY.set(True)
    try:
        yield
    finally:
        _PLAIN_ONLY.reset(token)


def choose(
    layer: str, table: Mapping[str, Lowering], name: str | None, *arguments: Any
) -> Callable[..., jax.Array]:
    """The function that computes ``layer`` at ``arguments``: the named one, or the table's.

    Errors: ValueError for a name that is none, or a lowering that cannot take the arguments.

    >>> import jax.numpy as jnp
    >>> choose("max_pool", MAX_POOL, "lax").__name__
    'plain'
    >>> choose("max_pool", MAX_POOL, "fast")
    Traceback (most recent call last):
        ...
    ValueError: max_pool: lowering 'fast' is unknown; there are lax, argmax
    """
    if name is None:
        preferred = () if _PLAIN_ONLY.get() else _PREFERRED[layer].get(jax.default_backend(), ())
        for candidate, pays in preferred:
            if table[candidate].fits(*arguments) and pays(*arguments):
                return table[candidate].run
        return table["lax"].run
    if name not in table:
        raise ValueError(f"{layer}: lowering {name!r} is unknown; there are {', '.join(table)}")
    if not table[name].fits(*arguments):
        raise ValueError(
            f"{layer}: lowering {name!r} needs {table[name].needs}; leave lowering out, or name "
            "another"
        )
    return table[name].run
