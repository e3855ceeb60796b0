"""Several ways to compute the same layer, chosen by backend and shape. See README.md."""

from cnnjax.lowerings.conv import Geometry
from cnnjax.lowerings.registry import (
    BIAS,
    CONV,
    CONV_TRANSPOSE,
    MAX_POOL,
    SUM_POOL,
    Lowering,
    choose,
    plain_only,
    without,
)

__all__ = [
    "BIAS",
    "CONV",
    "CONV_TRANSPOSE",
    "MAX_POOL",
    "SUM_POOL",
    "Geometry",
    "Lowering",
    "choose",
    "plain_only",
    "without",
]
