"""The lowerings by name, layer by layer, and where each of them pays.

It was measured once, on two CPU cores (`python -m benchmarks.lowerings`, figures in README.md); on
every other platform a layer is plain `lax`: there XLA's own choices stand until someone has
measured. How one is chosen: `choosing.py`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from cnnjax.lowerings import channels, conv, conv_transpose, max_pool, sum_pool
from cnnjax.lowerings.choosing import Lowering, Table, always, choose, chosen
from cnnjax.lowerings.circumstances import Call, lowered_for, platform, recorded, without
from cnnjax.lowerings.conv_table import CONV

__all__ = [
    "CONV",
    "CONV_TRANSPOSE",
    "MAX_POOL",
    "MEANS",
    "SPREAD",
    "SUM_POOL",
    "Call",
    "Lowering",
    "Table",
    "choose",
    "chosen",
    "lowered_for",
    "plain_only",
    "platform",
    "recorded",
    "without",
]


def _strided(x: Any, kernel: Any, geometry: conv.Geometry, size: Any) -> bool:
    return any(s > 1 for s in geometry.stride)


def _disjoint(x: Any, window: Any, stride: Any, pads: Any) -> bool:
    return window == stride


CONV_TRANSPOSE = Table(
    {
        "lax": Lowering(conv_transpose.plain, always, "anything"),
        "spread": Lowering(conv_transpose.spread, always, "anything"),
        "phases": Lowering(
            conv_transpose.phases, conv_transpose.phases_fit, "known sizes, dilation=1, groups=1"
        ),
    },
    {"cpu": (("phases", _strided), ("spread", always))},
)

MAX_POOL = Table(
    {
        "lax": Lowering(max_pool.plain, always, "anything"),
        "argmax": Lowering(
            max_pool.argmax,
            lambda x, window, stride, pads: max_pool.argmax_fits(x, window, pads),
            "floats, known sizes, not empty, windows of 2 to 256 cells",
        ),
    },
    {"cpu": (("argmax", _disjoint),)},
)

SUM_POOL = Table(
    {
        "lax": Lowering(sum_pool.plain, always, "anything"),
        "folded": Lowering(
            sum_pool.folded, sum_pool.folded_fits, "known sizes, no overlap, no padding"
        ),
    },
    {"cpu": (("folded", always),)},
)

_ONES = "float32 or wider, known sizes, not empty"
SPREAD = Table(
    {
        "lax": Lowering(channels.plain_spread, always, "anything"),
        "ones": Lowering(
            channels.spread, lambda values, shape: channels.fits(values.dtype, shape), _ONES
        ),
    },
    {"cpu": (("ones", always),)},
)
MEANS = Table(
    {
        "lax": Lowering(channels.plain_means, always, "anything"),
        "ones": Lowering(channels.means, lambda x: channels.fits(x.dtype, x.shape), _ONES),
    },
    {"cpu": (("ones", always),)},
)


def plain_only() -> AbstractContextManager[None]:
    """`without` all that there is: every layer is traced as plain `lax`."""
    return without(*CONV, *CONV_TRANSPOSE, *MAX_POOL, *SUM_POOL, *SPREAD, *MEANS)
