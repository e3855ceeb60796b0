"""The ways to compute a convolution, and where each of them pays."""

from __future__ import annotations

from typing import Any

from cnnjax.lowerings import blocked, conv, depthwise, patches, pointwise, wide, winograd
from cnnjax.lowerings.choosing import Lowering, Table, always

_BLOCKS = "floats, known sizes, not empty, groups=1"
_CONV = {
    "lax": Lowering(conv.plain, always, "anything"),
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
    "patches": Lowering(patches.patches, patches.fits, _BLOCKS),
    "winograd": Lowering(
        winograd.winograd,
        winograd.fits,
        "two image axes of known size, not empty, windows of 2 to 5 taps, stride=1, dilation=1, "
        "groups=1, and float32 or wider",
        winograd.winograd,
    ),
}


def _several_groups(x: Any, kernel: Any, geometry: conv.Geometry) -> bool:
    # An image of one channel is depthwise by the letter, and slower by shifts: LeNet-5's training
    # step took 5.7 instead of 3.5 ms.
    return geometry.groups > 1


CONV = Table(
    _CONV,
    {
        "cpu": (
            ("shifted", _several_groups),
            ("pointwise", always),
            ("blocked", blocked.pays),
            ("wide", wide.pays),
            ("patches", patches.pays),
            ("winograd", winograd.pays),
            ("canonical", always),
        )
    },
)
