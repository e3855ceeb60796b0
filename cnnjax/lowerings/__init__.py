"""Several ways to compute the same layer, chosen by backend and shape. See README.md."""

from cnnjax.lowerings.conv import Geometry
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
    "Geometry",
    "Lowering",
    "choose",
    "chosen",
    "plain_only",
    "without",
]
