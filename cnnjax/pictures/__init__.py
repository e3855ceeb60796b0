"""Pictures of a training run: PNG files from arrays, drawn with matplotlib.

These functions take arrays and write files; what to draw of a run folder is `cnnjax.cli.show`.
"""

from cnnjax.pictures.activations import Fields, Strongest, strongest
from cnnjax.pictures.confusions import confusion
from cnnjax.pictures.curves import learning_curves
from cnnjax.pictures.first_kernels import kernels
from cnnjax.pictures.maps import feature_maps
from cnnjax.pictures.patches import best_patches

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
