"""Several ways to compute the same layer, chosen by platform and shape. See README.md."""

from cnnjax.lowerings.conv import Geometry
from cnnjax.lowerings.platforms import Choice, by_platform, run
from cnnjax.lowerings.registry import (
    CONV,
    CONV_TRANSPOSE,
    MAX_POOL,
    MEANS,
    SPREAD,
    SUM_POOL,
    Lowering,
    choose,
    chosen,
    lowered_for,
    plain_only,
    without,
)

__all__ = [
    "CONV",
    "CONV_TRANSPOSE",
    "MAX_POOL",
    "MEANS",
    "SPREAD",
    "SUM_POOL",
    "Choice",
    "Geometry",
    "Lowering",
    "by_platform",
    "choose",
    "chosen",
    "lowered_for",
    "plain_only",
    "run",
    "without",
]
