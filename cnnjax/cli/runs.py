"""A run folder: what is in it, and what it was started with.

run.json                 the data and the model, as on the command line, and the configuration
checkpoint.safetensors   the state of the training (written by `fit`)
history.json             a row an epoch (written by `fit`)
model.safetensors        the trained model; its presence means that the run is finished
*.png                    pictures
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnjax.cli.problems import BadUsage, Failed

if TYPE_CHECKING:
    from cnnjax.checkpoint import SavedModel
    from cnnjax.data import Splits
    from cnnjax.train import TrainConfig

RUNS = Path("runs")
RECORD, MODEL, HISTORY, CHECKPOINT = (
    "run.json",
    "model.safetensors",
    "history.json",
    "checkpoint.safetensors",
)
PICTURES = (
    "learning_curves.png",
    "confusion.png",
    "kernels.png",
    "feature_maps.png",
    "best_patches_*.png",
)


def newest(runs: Path = RUNS) -> Path:
    """The finished run below `runs` whose model was written last."""
    models = sorted(runs.glob(f"*/{MODEL}"), key=lambda path: path.stat().st_mtime)
    if not models:
        raise BadUsage(
            f"cnnjax: there is no trained model below {runs}/; name one with --run, or train one "
            "first: cnnjax train"
        )
    return models[-1].parent


def model_file(run: Path) -> Path:
    """The model of a run: `run` may be a run folder or the model file itself."""
    path = run / MODEL if run.is_dir() else run
    if path.is_file():
        return path
    if run.is_dir() and (run / CHECKPOINT).exists():
        raise BadUsage(
            f"cnnjax: the run in {run} is not finished: cnnjax train --resume --out {run}"
        )
    raise BadUsage(f"cnnjax: {path} does not exist; a run folder has {MODEL} once it is trained")


def load(run: Path) -> SavedModel:
    """The trained model of a run folder, or of a model file."""
    from cnnjax.checkpoint import CheckpointError, load_model

    path = model_file(run)
    try:
        return load_model(path)
    except CheckpointError as error:
        raise Failed(f"cnnjax: {error}") from error


def load_data(spec: str, *, seed: int, size: tuple[int, int] | None, limit: int | None) -> Splits:
    """`cnnjax.data.load`, its errors in one line."""
    from cnnjax.data import DataError
    from cnnjax.data import load as load_splits

    try:
        return load_splits(spec, seed=seed, size=size, limit=limit)
    except DataError as error:
        raise Failed(f"cnnjax: {error}") from error
    except ImportError as error:  # `digits` needs an extra
        raise Failed(f"cnnjax: {error}") from error


def write_record(folder: Path, *, data: dict[str, Any], model: str, config: TrainConfig) -> None:
    """Write down what the run is, before it starts."""
    from cnnjax.checkpoint import write_json

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RECORD, {"data": data, "model": model, "config": asdict(config)})


def clear(folder: Path) -> None:
    """Remove what an earlier run left, so that no file of it passes for one of the next."""
    names = (RECORD, MODEL, HISTORY, CHECKPOINT, *PICTURES)
    for path in [path for name in names for path in folder.glob(name)]:
        path.unlink()


def read_record(folder: Path) -> dict[str, Any]:
    """What `write_record` wrote; `{}` where there is none (a run of `fit` from Python)."""
    path = folder / RECORD
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Failed(f"cnnjax: {path} is not JSON ({error})") from error


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The rows of `history.json`, one an epoch; none where there is no such file."""
    path = folder / HISTORY
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise Failed(f"cnnjax: {path} is not JSON ({error})") from error
