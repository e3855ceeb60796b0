"""Pictures of a training run: PNG files from arrays, drawn with matplotlib.

These functions take arrays and write files; what to draw of a run folder is `cnnjax.cli.show`.
"""

from cnnjax.pictures.best_patches import best_patches
from cnnjax.pictures.confusion import confusion
from cnnjax.pictures.feature_maps import feature_maps
from cnnjax.pictures.kernels import kernels
from cnnjax.pictures.learning_curves import learning_curves
from cnnjax.pictures.strongest import Fields, Strongest, strongest

__all__ = [
    "Fields",
    "Strongest",
    "best_patches",
    "confusion",
    "feature_maps",
    "kernels",
    "learning_curves",
    "strongest",
]
