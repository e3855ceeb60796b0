"""The running state on disk, and the rules for going on from it.

A checkpoint holds everything the rest of the run depends on: parameters, running statistics,
optimiser state, step, the position in the epoch with its sums, the history, and the identity of
the run.  Nothing random is among it: shuffling, augmentation and dropout follow from the seed and
the position.  So a resumed run ends with the parameters of the uninterrupted one, bit for bit,
on the same machine and number of devices; on another number of devices, equal to rounding.
"""

from __future__ import annotations

import json
import math
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax.container import CheckpointError, flatten, read, understood, unflatten, write
from cnnjax.lowerings import tuned
from cnnjax.notices import Notice, shown
from cnnjax.train.config import TrainConfig
from cnnjax.train.state import State

if TYPE_CHECKING:
    from cnnjax.data import Dataset, Splits
    from cnnjax.models import Model

__all__ = [
    "Position",
    "check_finite",
    "data_identity",
    "differences",
    "identity",
    "load_state",
    "meant_finite",
    "save_state",
    "without_keys",
]

_KIND = "training checkpoint"
_MISSING = object()


@dataclass(frozen=True)
class Position:
    """Where a run stands: `step` steps done in all, and the sums over the current epoch.

    `seconds` is the time spent on the epoch so far, without evaluation and writing.
    """

    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    history: tuple[dict[str, Any], ...] = ()


def identity(
    model: Model, splits: Splits, config: TrainConfig, given: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What two runs must share to be the same run, as JSON values.

    `given` stands for what the user gives besides: fingerprints of functions and parameters.
    A model is known by its name and its configuration; its functions are not looked at.
    """
    record = {
        "config": config.identity(),
        "model": {"name": model.name, **model.config},
        "data": {"train": data_identity(splits.train), "test": data_identity(splits.test)},
    }
    if given:
        record["given"] = dict(given)
    try:
        return json.loads(json.dumps(record))
    except TypeError as error:
        raise ValueError(
            f"fit: the config of model {model.name!r} must hold JSON values ({error})"
        ) from error


def differences(saved: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One line for each value that differs between two identities.

    >>> differences({"config": {"seed": 0}}, {"config": {"seed": 1}})
    ['config.seed was 0, now 1']
    """
    lines: list[str] = []
    for name in [*saved, *(name for name in now if name not in saved)]:
        old, new = saved.get(name, _MISSING), now.get(name, _MISSING)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += differences(old, new, f"{prefix}{name}.")
        elif old != new:
            was, is_now = ("absent" if v is _MISSING else repr(v) for v in (old, new))
            lines.append(f"{prefix}{name} was {was}, now {is_now}")
    return lines


def save_state(
    path: Path,
    state: State,
    position: Position,
    who: Mapping[str, Any],
    devices: int,
    arrays: str | None = None,
) -> None:
    """Write a checkpoint, atomically; `arrays` names where they are (`shards.py`) if not in it.

    Raises FloatingPointError, leaving the older checkpoint, if the state is not finite: a step
    can have a finite loss and still leave infinite parameters.
    """
    host = {} if arrays else jax.device_get(without_keys(state))
    if not arrays:
        check_finite(meant_finite(host, who))
    record = {
        "position": asdict(position),
        "identity": who,
        "made_with": _made_with(devices),
        **({"arrays": arrays} if arrays else {}),
    }
    write(path, host, record, _KIND)


def meant_finite(state: Any, who: Mapping[str, Any]) -> Any:
    """What of the state of the run `who` must be finite.

    An optimiser of the user's own may well keep an infinity, for the best loss so far, say.
    """
    return state._replace(opt_state=None) if "optimizer" in who.get("given", {}) else state


def check_finite(state: Any) -> None:
    """Raise FloatingPointError, naming an array of the state that is not finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        finite = jnp.isfinite if isinstance(leaf, jax.Array) else np.isfinite
        if not finite(leaf).all():
            raise FloatingPointError(jax.tree_util.keystr(path))


def load_state(
    path: Path,
    template: State,
    who: Mapping[str, Any],
    devices: int,
    elsewhere: Callable[[str, State], State] | None = None,
) -> tuple[State, Position, dict[str, Any]]:
    """The state (host arrays) and position of a checkpoint, for the run `who`; and `who`, which
    learns of the parameters that the run began with where they are not given again.

    `elsewhere(name, template)` reads arrays that are not in the file itself (`shards.py`).

    Raises CheckpointError where it is damaged or belongs to another run, naming the differences;
    warns where jax, the backend, the number of devices or what `cnnjax tune` found changed.
    """
    tensors, record = read(path, _KIND)
    with understood(path):
        changed = differences(record["made_with"], _made_with(devices))
        found = _differences(record, who)
        position = _position(record["position"])
        arrays = record.get("arrays")
        if arrays is not None and not (isinstance(arrays, str) and arrays.isdecimal()):
            raise ValueError(f"arrays {arrays!r}")
        began = dict(record["identity"].get("given", {})).get("params_crc32")
    plain = without_keys(template)
    # Arrays in parts are looked at when they are read.
    other = _other_state(plain, tensors) if arrays is None else ""
    if found:
        reason = ""
        if any(line.startswith("config.epochs ") for line in found):
            reason = (
                " (epochs too: the cosine schedule ends with the last epoch, so another number "
                "would have given other parameters from the first step on)"
            )
        if any(line.startswith("given.optimizer ") for line in found):
            reason += other
        raise CheckpointError(
            f"{path}: was written by another run: {_few(found)}. Resume with the same "
            f"settings{reason}, or begin anew in another folder"
        )
    if other:
        raise CheckpointError(
            f"{path}: was written with another optimizer{other}. Resume with the same one, or "
            "begin anew in another folder"
        )
    if changed:
        warnings.warn(
            f"resuming {path}: {_few(changed)}; the result will equal that of the "
            "uninterrupted run to rounding, not bit for bit",
            Notice,
            stacklevel=3,
        )
    if arrays is not None and elsewhere is not None:
        state = elsewhere(arrays, plain)
    else:
        state = unflatten(plain, tensors, str(path))
    known = dict(who)
    if began is not None:
        known["given"] = {**who.get("given", {}), "params_crc32": began}
    return jax.tree.map(_with_key, template, state), position, known


def _differences(record: Mapping[str, Any], who: Mapping[str, Any]) -> list[str]:
    """What differs between the run of a record and `who`, as far as it can be told."""
    was, now = dict(record["identity"]), dict(who)
    old, new = dict(was.pop("given", {})), dict(now.pop("given", {}))
    if "params_crc32" not in new:  # the parameters that a run began with are needed no more
        old.pop("params_crc32", None)
    if record["made_with"]["jax"] != jax.__version__:  # programs are written otherwise
        for name in old.keys() & new.keys():
            if str(old[name]).startswith("program "):
                new[name] = old[name]
    return [*differences(was, now), *differences(old, new, "given.")]


def _other_state(template: State, tensors: Mapping[str, np.ndarray]) -> str:
    """How the optimiser's state in a checkpoint differs in form from that of `template`."""
    here = {name: leaf for name, leaf in flatten(template).items() if name.startswith("opt_state")}
    there = {name: leaf for name, leaf in tensors.items() if name.startswith("opt_state")}
    missing, more = sorted(here.keys() - there.keys()), sorted(there.keys() - here.keys())
    if not missing and not more:
        return ""
    said = [f"lacks {missing[0]}" if missing else "", f"has {more[0]}" if more else ""]
    return (
        f" (the state of the optimizer has another structure: the checkpoint "
        f"{' and '.join(filter(None, said))}, {len(there)} arrays where {len(here)} are expected)"
    )


def _is_key(leaf: Any) -> bool:
    return jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def without_keys(state: State) -> State:
    """Keys, which an optimiser may keep, as the numbers that they are."""
    return jax.tree.map(lambda a: jax.random.key_data(a) if _is_key(a) else a, state)


def _with_key(template: Any, leaf: Any) -> Any:
    """`leaf` as a key where `template` is one."""
    if not _is_key(template):
        return leaf
    return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(template))


def _few(lines: list[str]) -> str:
    """The first lines, each of them short."""
    cut = [line if len(line) <= 120 else line[:117] + "..." for line in map(shown, lines[:5])]
    return "; ".join([*cut, "..."] if len(lines) > 5 else cut)


def _position(record: Mapping[str, Any]) -> Position:
    """The position that a record holds; whatever it lacks or has too much raises."""
    step, correct = int(record["step"]), int(record["correct"])
    loss, seconds = float(record["loss"]), float(record["seconds"])
    history = tuple(dict(row) for row in record["history"])
    if min(step, correct, seconds) < 0 or not math.isfinite(loss):
        raise ValueError(f"position {step}, loss {loss}, {correct} correct, {seconds} seconds")
    if [row["epoch"] for row in history] != list(range(1, len(history) + 1)):
        raise ValueError("its history does not count the epochs from 1 on")
    return Position(step, loss, correct, seconds, history)


def data_identity(dataset: Dataset) -> dict[str, Any]:
    """What tells a set of images from another one: names, shapes, checksums."""
    images = dataset.images
    return {
        "name": dataset.name,
        "images": list(images.shape),
        "classes": list(dataset.classes),
        **(
            {"images_crc32": zlib.crc32(np.ascontiguousarray(images))}
            if isinstance(images, np.ndarray)
            else {"streamed": images.fingerprint()}
        ),
        "labels_crc32": zlib.crc32(np.ascontiguousarray(dataset.labels)),
    }


def _made_with(devices: int) -> dict[str, Any]:
    return {
        "jax": jax.__version__,
        "backend": jax.default_backend(),
        "devices": devices,
        **({"tuned_lowerings": known} if (known := tuned.fingerprint()) else {}),
    }
