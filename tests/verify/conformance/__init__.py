"""Every rule against JAX, over the whole parameter space of its primitive. See README.md."""

from tests.verify.conformance import (  # noqa: F401  (importing registers the generators)
    elementwise,
    folds,
    indexing,
    linear_algebra,
    meshes,
    movement,
    products,
    programs,
    randomness,
    sorting,
)
from tests.verify.conformance.proposals import GENERATORS

__all__ = ["GENERATORS"]
