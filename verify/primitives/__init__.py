"""What each primitive means: one file a family, one rule a primitive, for every algebra."""

from verify.primitives import (  # noqa: F401  (importing registers the rules)
    arithmetic,
    collectives,
    complex,
    control,
    convolution,
    cumulative,
    folding,
    fourier,
    functions,
    gather,
    integers,
    linear_algebra,
    movement,
    powers,
    ragged,
    random,
    reduction,
    scatter,
    slicing,
    sorting,
    windows,
)
from verify.primitives.registry import RULES

__all__ = ["RULES"]
