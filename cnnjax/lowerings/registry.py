"""The lowerings by name, and which one a layer takes when the caller names none.

Choosing is a table of (backend, what the call must look like, lowering), first match wins. It was
measured once, on two CPU cores (`python -m benchmarks.lowerings`, figures in README.md); on every
other backend it says `lax`: there XLA's own choices stand until someone has measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax

from cnnjax.lowerings import bias, blocked, conv, depthwise, max_pool, pointwise, sum_pool, winograd

__all__ = ["BIAS", "CONV", "MAX_POOL", "SUM_POOL", "Lowering", "choose", "plain_only", "without"]


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
    "blocked": Lowering(blocked.blocked, blocked.fits, "floats, known sizes, groups=1"),
    "winograd": Lowering(
        winograd.winograd,
        winograd.fits,
        "two image axes of known size, windows of 2 to 5 taps, stride=1, dilation=1, groups=1, and "
        "float32 or wider",
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

SUM_POOL: Mapping[str, Lowering] = {
    "lax": Lowering(sum_pool.plain, _always, "anything"),
    "folded": Lowering(
        sum_pool.folded, sum_pool.folded_fits, "known sizes, no overlap, no padding"
    ),
}

BIAS: Mapping[str, Lowering] = {
    "lax": Lowering(bias.plain, _always, "anything"),
    "ones": Lowering(bias.ones, bias.ones_fits, "float32 or wider, known sizes, not empty"),
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
    "conv": {
        "cpu": (
            ("shifted", _several_groups),
            ("pointwise", _always),
            ("blocked", blocked.pays),
            ("winograd", winograd.pays),
            ("canonical", _always),
        )
    },
    "max_pool": {"cpu": (("argmax", _disjoint),)},
    "sum_pool": {"cpu": (("folded", _always),)},
    "bias": {"cpu": (("ones", _always),)},
}


_NOT_NOW: ContextVar[frozenset[str]] = ContextVar("not_now", default=frozenset())


@contextmanager
def without(*names: str) -> Iterator[None]:
    """While it lasts, layers that name no lowering are not traced as one of these.

    For tools that read a program instead of running it: Winograd's tiles are not windows of the
    image, a depthwise convolution by shifts is not a convolution. What `jax.jit` has traced before
    stays as it is, and what it traces here it keeps.

    >>> import jax.numpy as jnp
    >>> with without("argmax"):
    ...     choose("max_pool", MAX_POOL, None, jnp.ones((4, 1)), (2,), (2,), ((0, 0),)).__name__
    'plain'
    """
    token = _NOT_NOW.set(_NOT_NOW.get() | set(names))
    try:
        yield
    finally:
        _NOT_NOW.reset(token)


def plain_only() -> AbstractContextManager[None]:
    """`without` all that there is: every layer is traced as plain `lax`."""
    return without(*CONV, *MAX_POOL, *SUM_POOL, *BIAS)


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
        for candidate, pays in _PREFERRED[layer].get(jax.default_backend(), ()):
            if candidate in _NOT_NOW.get():
                continue
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
