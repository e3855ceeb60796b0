"""What commands do with a run folder (`cnnjax.run_folder`): find its model, read what it says.

Nothing read here is believed: a file of another form is an error that names it and the fault.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnjax.cli import options, own
from cnnjax.cli.problems import BadUsage, Failed
from cnnjax.run_folder import CHECKPOINT, HISTORY, MODEL, RECORD

if TYPE_CHECKING:
    from cnnjax.checkpoint import SavedModel
    from cnnjax.data import Splits
    from cnnjax.train import TrainConfig

RUNS = Path("runs")
_NO_FILE = object()


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


def load(run: Path, *, own_model: str | None = None, command: str = "") -> SavedModel:
    """The trained model of a run folder, or of a model file; `own_model` is imported first."""
    own.known_as(own_model, command)
    from cnnjax.checkpoint import CheckpointError, load_model

    path = model_file(run)
    try:
        return load_model(path)
    except CheckpointError as error:
        own_one = "unknown model" in str(error) and not own_model
        hint = "; on the command line --model MODULE:FUNCTION imports it" if own_one else ""
        raise (BadUsage if own_one else Failed)(f"cnnjax: {error}{hint}") from error


def load_data(spec: str, *, recorded: bool = False, **given: Any) -> Splits:
    """`cnnjax.data.load`, its errors in one line; `recorded`: the run says where the data are."""
    from cnnjax.data import load as load_splits

    try:
        return load_splits(spec, **given)
    except (ValueError, ImportError) as error:  # `digits` needs an extra
        kind, _, place = spec.partition(":")
        gone = recorded and place and not Path(place).exists()
        now = f"; the run was trained on it, --data {kind}:... says where it is now" if gone else ""
        raise Failed(f"cnnjax: {error}{now}") from error


def write_record(
    folder: Path,
    *,
    data: dict[str, Any],
    model: str,
    config: TrainConfig,
    start: dict[str, Any] | None = None,
    kept: dict[str, Any] | None = None,
) -> None:
    """Write down what the run is, before it starts; `start`: what it starts from (`start.py`),
    `kept`: the options that it is resumed with, though they do not decide the result."""
    from cnnjax.files import write_json

    record = {"data": data, "model": model, "config": asdict(config)}
    record |= {"options": kept} if kept else {}
    write_json(folder / RECORD, record | ({"start": start} if start else {}))


def read_record(folder: Path) -> dict[str, Any]:
    """What `write_record` wrote; `{}` where there is none (a run of `fit` from Python).

    A value that is not there is left to the default: the record may be older than the option.
    """
    path = folder / RECORD
    record = _read_json(path)
    if record is _NO_FILE:
        return {}
    data, config = _part(path, record, "data"), _part(path, record, "config")
    _check(path, "data", data, {"data": _is_spec, "size": _is_size, "limit": _is_count,
                                "max_pixels": _is_count, "stream": _is_choice})  # fmt: skip
    _check(path, "config", config, _CONFIG)
    if not _is_model(record.get("model")):
        raise _unlike(path, f"model is {record.get('model')!r}", ", ".join(options.MODELS))
    if "data" not in data:
        raise _unlike(path, "data.data is missing", "the data of the run")
    if "options" in record:
        _check(path, "options", _part(path, record, "options"), _KEPT)
    if "start" in record:
        start = _part(path, record, "start")
        _check(path, "start", start, _START)
        for name in _START:
            if name not in start:
                raise _unlike(path, f"start.{name} is missing", "what the run started from")
    if data.get("size") is not None:
        data["size"] = tuple(data["size"])
    if isinstance(config.get("class_weights"), list):
        config["class_weights"] = tuple(config["class_weights"])
    return record


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The rows of `history.json`, one an epoch; none where there is no such file."""
    path = folder / HISTORY
    rows = _read_json(path)
    if rows is _NO_FILE:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _unlike(path, "it holds something else", "a list with a row an epoch")
    for number, row in enumerate(rows, 1):
        for name, value in row.items():
            if not _is_number(value):
                raise _unlike(path, f"{name} of row {number} is {value!r}", "a number")
        if "epoch" not in row:
            raise _unlike(path, f"row {number} has no epoch", "its number")
    return rows


def _read_json(path: Path) -> Any:
    """The content of a JSON file; `_NO_FILE` where there is none."""
    if not path.is_file():
        if path.exists():
            raise Failed(f"cnnjax: {path} is no regular file")
        return _NO_FILE
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Failed(f"cnnjax: {path} cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise Failed(f"cnnjax: {path} is not JSON ({error})") from error


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_whole(value) and abs(value) < 2**63


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return value is None or (_is_whole(value) and value >= 1)


def _is_size(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and all(_is_whole(n) and n >= 1 for n in value)
    )


def _is_choice(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _is_model(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(options.model(value))
    except argparse.ArgumentTypeError:
        return False


def _is_spec(value: Any) -> bool:
    return isinstance(value, str)


def _one_of(names: tuple[str, ...]) -> Callable[[Any], bool]:
    return lambda value: value in names


def _is_augment(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(options.augment(value))
    except argparse.ArgumentTypeError:
        return False


def _are_weights(value: Any) -> bool:
    return value in ("none", "balanced") or (
        isinstance(value, list) and all(map(_is_number, value))
    )


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _is_preprocessing(value: Any) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and value.keys() == {"mean", "std"}
        and all(isinstance(v, list) and v and all(map(_is_number, v)) for v in value.values())
        and len(value["mean"]) == len(value["std"])
        and all(v > 0 for v in value["std"])
    )


# The form of the configuration; its ranges are TrainConfig's own.
_CONFIG: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        ("epochs", "batch_size", "accumulate", "warmup_steps", "shift", "cutout"), _is_whole
    ),
    "seed": lambda value: _is_whole(value) and 0 <= value < 2**32,
    "checkpoint_steps": _is_count,
    "checkpoint_seconds": lambda value: value is None or _is_number(value),
    **dict.fromkeys(
        (
            "learning_rate",
            "momentum",
            "weight_decay",
            "label_smoothing",
            "clip_norm",
            "ema",
            "mixup",
            "crop",
        ),
        _is_number,
    ),
    "class_weights": _are_weights,
    "optimizer": _one_of(options.OPTIMIZERS),
    "schedule": _one_of(options.SCHEDULES),
    "precision": _one_of(options.PRECISIONS),
    "augment": _is_augment,
}
# The form of the options that are only kept.
_KEPT: dict[str, Callable[[Any], bool]] = {
    "workers": _is_count,
    "pictures": _is_choice,
    "tensorboard": lambda value: value is None or _is_spec(value),
}
# The form of what a run started from.
_START: dict[str, Callable[[Any], bool]] = {
    "source": _is_spec,
    "head": _one_of(options.HEADS[1:]),
    "freeze": _are_names,
    "options": lambda value: isinstance(value, dict),
    "preprocessing": _is_preprocessing,
}


def _part(path: Path, record: Any, name: str) -> dict[str, Any]:
    if not isinstance(record, dict) or not isinstance(record.get(name), dict):
        raise _unlike(path, f"{name} is missing", "the record of a run")
    return record[name]


def _check(
    path: Path, part: str, values: dict[str, Any], form: dict[str, Callable[[Any], bool]]
) -> None:
    for name, fits in form.items():
        if name in values and not fits(values[name]):
            expected = name.replace("_", " ")
            raise _unlike(path, f"{part}.{name} is {values[name]!r}", f"a valid {expected}")


def _unlike(path: Path, found: str, expected: str) -> Failed:
    if len(found) > 100:
        found = found[:97] + "..."
    return Failed(f"cnnjax: {path} is not what cnnjax writes: {found}, expected {expected}")
