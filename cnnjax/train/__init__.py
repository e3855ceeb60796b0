"""Training: `fit(model, splits, config)`, and the parts it is made of (see README.md)."""

from cnnjax.train.config import TrainConfig
from cnnjax.train.evaluation import Evaluation, evaluate
from cnnjax.train.hosts import initialise_distributed
from cnnjax.train.interrupt import Interrupted
from cnnjax.train.loop import FitResult, NonFiniteLoss, fit
from cnnjax.train.mesh import data_mesh
from cnnjax.train.state import initial_params

__all__ = [
    "Evaluation",
    "FitResult",
    "Interrupted",
    "NonFiniteLoss",
    "TrainConfig",
    "data_mesh",
    "evaluate",
    "fit",
    "initial_params",
    "initialise_distributed",
]
