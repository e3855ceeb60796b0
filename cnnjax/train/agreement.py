"""Whether the processes of a run over several hosts were given the same arguments.

Processes that do not compute the same steps wait for each other for ever, or train on each other's
sums. So before the first step every process tells all others what it was given, as a small record
of numbers, names and checksums; where the records differ, all of them raise the same error.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from cnnjax.notices import shown
from cnnjax.train.resume import data_identity
from cnnjax.train.start import Start, of_start
from cnnjax.trees import flatten

if TYPE_CHECKING:
    from jax.sharding import Mesh

    from cnnjax.data import Splits
    from cnnjax.models import Model
    from cnnjax.train.config import TrainConfig
    from cnnjax.train.functions import Functions

__all__ = ["agree", "disagreements", "given_to_fit"]


def agree(given: Mapping[str, Any]) -> None:
    """Compare the JSON record `given` between all processes; every process has to call this.

    Raises ValueError, in all of them, naming each entry that differs, its values and whose they
    are. With one process it does nothing.
    """
    if jax.process_count() == 1:
        return
    lines = disagreements(
        [json.loads(text) for text in _gathered(json.dumps(given, default=_kind))]
    )
    if lines:
        few = "; ".join(lines[:6]) + ("; ..." if len(lines) > 6 else "")
        raise ValueError(
            f"fit: its arguments differ between the {jax.process_count()} processes, which must "
            f"all be given the same: {few}"
        )


def disagreements(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each entry that is not the same in all records, one of which each process gave.

    >>> disagreements([{"config": {"seed": 0}}, {"config": {"seed": 1}}, {"config": {"seed": 0}}])
    ['config.seed is 0 in processes 0, 2 and 1 in process 1']
    """
    flat = [{".".join(path): v for path, v in flatten(record).items()} for record in records]
    lines = []
    for name in dict.fromkeys(name for entries in flat for name in entries):
        holders: dict[str, list[int]] = {}
        for process, entries in enumerate(flat):
            value = repr(entries[name]) if name in entries else "not given"
            holders.setdefault(value, []).append(process)
        if len(holders) > 1:
            told = [f"{_short(value)} in {_processes(who)}" for value, who in holders.items()]
            lines.append(f"{name} is {', '.join(told[:-1])} and {told[-1]}")
    return lines


def given_to_fit(
    model: Model,
    splits: Splits,
    config: TrainConfig,
    mesh: Mesh,
    functions: Functions,
    start: Start,
    **others: Any,
) -> dict[str, Any]:
    """What `fit` was given, as the record that `agree` compares.

    Functions and parameters of the user's are here only as given or not; once they are known to fit
    the run, checksums of them are compared (`programs.fingerprints`).
    """
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    forms = sorted(f"{'.'.join(k)} {v.dtype} {v.shape}" for k, v in flatten(shapes).items())
    named = ("optimizer", "loss", "augment", "mix")
    return {
        # When the first process writes is its own affair.
        "config": {k: v for k, v in asdict(config).items() if k != "checkpoint_seconds"},
        "model": {
            "name": model.name,
            "classes": model.classes,
            "image": list(model.image),
            **model.config,
            "parameters_crc32": zlib.crc32("\n".join(forms).encode()),
        },
        "splits": {
            "train": data_identity(splits.train),
            "test": data_identity(splits.test),
        },
        "mesh": dict(mesh.shape),
        **{name: "given" for name in named if getattr(functions, name) is not None},
        **({"params": "given"} if start.params is not None else {}),
        **of_start(replace(start, params=None)),
        **others,
        "jax": jax.__version__,
    }


def _gathered(text: str) -> list[str]:
    """The texts of all processes, in their order."""
    from jax.experimental import multihost_utils

    content = np.frombuffer(text.encode(), np.uint8)
    sizes = np.asarray(multihost_utils.process_allgather(np.int32(content.size)))
    row = np.zeros(int(sizes.max()), np.uint8)
    row[: content.size] = content
    rows = np.asarray(multihost_utils.process_allgather(row))
    return [bytes(r[:n]).decode() for r, n in zip(rows, sizes.tolist(), strict=True)]


def _kind(value: Any) -> str:
    """What stands for a value that JSON lacks; its text may hold an address in memory."""
    return type(value).__name__


def _short(value: str) -> str:
    value = shown(value)
    return value if len(value) <= 60 else value[:57] + "..."


def _processes(who: list[int]) -> str:
    names = ", ".join(map(str, who[:8])) + (", ..." if len(who) > 8 else "")
    return f"process{'es' if len(who) > 1 else ''} {names}"
