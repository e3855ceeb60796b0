"""The lowerings by name, and which one a layer takes when the caller names none.

What was measured on this machine (`tuned.py`) comes first. Else choosing is a table of (platform,
what the call must look like, lowering), first match wins. It was measured once, on two CPU cores
(`python -m benchmarks.lowerings`, figures in README.md); on every other platform it says `lax`:
there XLA's own choices stand until someone has measured.

The platform is the one that a program is traced for (`circumstances.py`; `platforms.py` traces
layers for all that there are), and the process's own where nobody has said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import jax

from cnnjax.lowerings import (
    blocked,
    channels,
    conv,
    conv_transpose,
    depthwise,
    max_pool,
    pointwise,
    sum_pool,
    tuned,
    wide,
    winograd,
)
from cnnjax.lowerings.circumstances import (
    Call,
    lowered_for,
    not_now,
    note,
    platform,
    recorded,
    without,
)

__all__ = [
    "CONV",
    "CONV_TRANSPOSE",
    "MAX_POOL",
    "MEANS",
    "SPREAD",
    "SUM_POOL",
    "Call",
    "Lowering",
    "choose",
    "chosen",
    "lowered_for",
    "plain_only",
    "platform",
    "recorded",
    "without",
]


@dataclass(frozen=True)
class Lowering:
    """One way to compute a layer: the function, and whether it can take given arguments.

    `with_bias` takes a bias as its last argument, where that is more than adding it afterwards.
    """

    run: Callable[..., jax.Array]
    fits: Callable[..., bool]
    needs: str  # `fits` in words
    with_bias: Callable[..., jax.Array] | None = None


def _always(*_: Any) -> bool:
    return True


_BLOCKS = "floats, known sizes, not empty, groups=1"
CONV: Mapping[str, Lowering] = {
    "lax": Lowering(conv.plain, _always, "anything"),
    "canonical": Lowering(conv.canonical, conv.canonical_fits, "floats and groups=1"),
    "shifted": Lowering(
        depthwise.shifted, depthwise.fits, "floats, known sizes, not empty, groups = channels"
    ),
    "pointwise": Lowering(
        pointwise.pointwise,
        pointwise.fits,
        "floats, known sizes, not empty, windows of one pixel, groups=1, no padding",
    ),
    "blocked": Lowering(blocked.blocked, blocked.fits, _BLOCKS, blocked.blocked),
    "wide": Lowering(wide.wide, blocked.fits, _BLOCKS),
    "winograd": Lowering(
        winograd.winograd,
        winograd.fits,
        "two image axes of known size, not empty, windows of 2 to 5 taps, stride=1, dilation=1, "
        "groups=1, and float32 or wider",
        winograd.winograd,
    ),
}

CONV_TRANSPOSE: Mapping[str, Lowering] = {
    "lax": Lowering(conv_transpose.plain, _always, "anything"),
    "spread": Lowering(conv_transpose.spread, _always, "anything"),
    "phases": Lowering(
        conv_transpose.phases, conv_transpose.phases_fit, "known sizes, dilation=1, groups=1"
    ),
}

MAX_POOL: Mapping[str, Lowering] = {
    "lax": Lowering(max_pool.plain, _always, "anything"),
    "argmax": Lowering(
        max_pool.argmax,
        lambda x, window, stride, pads: max_pool.argmax_fits(x, window, pads),
        "floats, known sizes, not empty, windows of 2 to 256 cells",
    ),
}

SUM_POOL: Mapping[str, Lowering] = {
    "lax": Lowering(sum_pool.plain, _always, "anything"),
    "folded": Lowering(
        sum_pool.folded, sum_pool.folded_fits, "known sizes, no overlap, no padding"
    ),
}

_ONES = "float32 or wider, known sizes, not empty"
SPREAD: Mapping[str, Lowering] = {
    "lax": Lowering(channels.plain_spread, _always, "anything"),
    "ones": Lowering(
        channels.spread, lambda values, shape: channels.fits(values.dtype, shape), _ONES
    ),
}
MEANS: Mapping[str, Lowering] = {
    "lax": Lowering(channels.plain_means, _always, "anything"),
    "ones": Lowering(channels.means, lambda x: channels.fits(x.dtype, x.shape), _ONES),
}


def _several_groups(x: Any, kernel: Any, geometry: conv.Geometry) -> bool:
    # An image of one channel is depthwise by the letter, and slower by shifts: LeNet-5's training
    # step took 5.7 instead of 3.5 ms.
    return geometry.groups > 1


def _strided(x: Any, kernel: Any, geometry: conv.Geometry, size: Any) -> bool:
    return any(s > 1 for s in geometry.stride)


def _disjoint(x: Any, window: Any, stride: Any, pads: Any) -> bool:
    return window == stride


# For each platform the lowerings to try, best first, and where each of them pays; `lax` is what
# remains.
_PREFERRED: Mapping[str, Mapping[str, tuple[tuple[str, Callable[..., bool]], ...]]] = {
    "conv": {
        "cpu": (
            ("shifted", _several_groups),
            ("pointwise", _always),
            ("blocked", blocked.pays),
            ("wide", wide.pays),
            ("winograd", winograd.pays),
            ("canonical", _always),
        )
    },
    "conv_transpose": {"cpu": (("phases", _strided), ("spread", _always))},
    "max_pool": {"cpu": (("argmax", _disjoint),)},
    "sum_pool": {"cpu": (("folded", _always),)},
    "spread": {"cpu": (("ones", _always),)},
    "means": {"cpu": (("ones", _always),)},
}


def plain_only() -> AbstractContextManager[None]:
    """`without` all that there is: every layer is traced as plain `lax`."""
    return without(*CONV, *CONV_TRANSPOSE, *MAX_POOL, *SUM_POOL, *SPREAD, *MEANS)


def choose(
    layer: str,
    table: Mapping[str, Lowering],
    name: str | None,
    *arguments: Any,
    measured: bool = True,
) -> Callable[..., jax.Array]:
    """The function that computes ``layer`` at ``arguments``: `run` of what `chosen` gives.

    Errors: ValueError for a name that is none, or a lowering that cannot take the arguments.

    >>> import jax.numpy as jnp
    >>> choose("max_pool", MAX_POOL, "lax").__name__
    'plain'
    >>> choose("max_pool", MAX_POOL, "fast")
    Traceback (most recent call last):
        ...
    ValueError: max_pool: lowering 'fast' is unknown; there are lax, argmax
    """
    return chosen(layer, table, name, *arguments, measured=measured).run


def chosen(
    layer: str,
    table: Mapping[str, Lowering],
    name: str | None,
    *arguments: Any,
    measured: bool = True,
) -> Lowering:
    """The lowering that computes ``layer`` at ``arguments``: the named one, or else the one that
    was measured here (`cnnjax tune`; not asked for without ``measured``, or for another platform),
    or the shipped table's for the platform.

    Errors: as `choose`.
    """
    if name is None:
        note(layer, arguments)
        wanted = jax.default_backend() if (given := platform()) is None else given
        here = measured and (given is None or given in tuned.platforms())
        known = tuned.lookup(layer, arguments) if here else None
        first = () if known is None else ((known, _always),)
        for candidate, pays in (*first, *_PREFERRED[layer].get(wanted, ())):
            if candidate not in table or candidate in not_now():
                continue
            if table[candidate].fits(*arguments) and pays(*arguments):
                return table[candidate]
        return table["lax"]
    if name not in table:
        raise ValueError(f"{layer}: lowering {name!r} is unknown; there are {', '.join(table)}")
    if not table[name].fits(*arguments):
        raise ValueError(
            f"{layer}: lowering {name!r} needs {table[name].needs}; leave lowering out, or name "
            "another"
        )
    return table[name]
