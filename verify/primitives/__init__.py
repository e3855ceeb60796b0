"""What each primitive means: one file a family, one rule a primitive, for every algebra."""

from verify.primitives import (  # noqa: F401  (importing registers the rules)
    arithmetic,
    movement,
    reduction,
)
from verify.primitives.registry import RULES

__all__ = ["RULES"]
