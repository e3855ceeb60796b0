"""The arrays of a checkpoint in parts, each written by the process that holds it (Orbax).

    RUN/checkpoint.safetensors     the record, no arrays; names the folder they are in
    RUN/checkpoint.orbax/7/        the arrays, complete before the record names them

So a process killed at any moment leaves a record and the arrays that it names, as where the arrays
are in the file itself; folders that no record names are removed after the next one.  What is read
need not lie as it was written: a run goes on with other devices.

`pip install 'cnnjax[orbax]'`; every process calls `save` and `restore`, and sees one folder.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from cnnjax.container import CheckpointError, misfits
from cnnjax.notices import shown
from cnnjax.train.mesh import placement

__all__ = ["available", "remove_others", "restore", "save"]

_FOLDER = "checkpoint.orbax"


def available() -> None:
    """Raise ValueError, saying what to install, where there is no Orbax."""
    try:
        import orbax.checkpoint  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "fit: checkpoints='orbax' needs orbax-checkpoint; pip install 'cnnjax[orbax]'"
        ) from error


def save(run: Path, tree: Any) -> str:
    """Write a tree of arrays below the folder `run`; the name to restore it by.

    All processes return when all of it is there.
    """
    name = _free_name(run)
    with _checkpointer() as checkpointer:
        checkpointer.save((run / _FOLDER / name).absolute(), _named(tree))
        checkpointer.wait_until_finished()
    return name


def restore(run: Path, name: str, template: Any, mesh: Mesh) -> Any:
    """The tree written under `name`, shaped like `template`, on `mesh`.

    Raises CheckpointError where it is damaged, gone or of another form.
    """
    path = (run / _FOLDER / name).absolute()
    named = _named(template)
    wanted = {
        key: jax.ShapeDtypeStruct(named[key].shape, named[key].dtype, sharding=where)
        for key, where in placement(named, mesh).items()
    }
    try:
        with _checkpointer() as checkpointer:
            # Orbax says little of what differs, and converts dtypes in silence.
            faults = misfits(named, checkpointer.metadata(path).item_metadata.tree)
            found = {} if faults else checkpointer.restore(path, wanted)
    except Exception as error:  # Orbax raises what its storage happens to
        first = shown(str(error).partition("\n")[0])[:300]
        raise CheckpointError(
            f"{path}: the arrays of the checkpoint cannot be read ({type(error).__name__}: {first})"
        ) from error
    if faults:
        few = "; ".join(_few(faults)) + ("; ..." if len(faults) > len(_few(faults)) else "")
        other = (
            "another optimizer: its state" if _of_optimizer(faults) else "another run: its state"
        )
        raise CheckpointError(
            f"{path}: was written with {other} has another structure: {few}. Resume with the same "
            "settings, or begin anew in another folder"
        )
    return jax.tree.unflatten(jax.tree.structure(template), [found[key] for key in named])


def remove_others(run: Path, keep: str | None) -> None:
    """Remove the arrays of earlier checkpoints (in one process, once the record names `keep`)."""
    for path in (run / _FOLDER).glob("*"):
        if path.name != keep:
            shutil.rmtree(path, ignore_errors=True)


def _few(faults: list[str]) -> list[str]:
    """Some of each kind: missing, unexpected, of another form."""
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        word = fault.partition(" ")[0]
        kinds.setdefault(word if word in ("missing", "unexpected") else "", []).append(fault)
    return [fault for kind in kinds.values() for fault in kind[:3]]


def _of_optimizer(faults: list[str]) -> bool:
    """Whether everything that differs belongs to the optimiser."""
    return all("opt_state." in fault.partition(" is ")[0] for fault in faults)


def _checkpointer() -> Any:
    import orbax.checkpoint

    return orbax.checkpoint.StandardCheckpointer()


def _free_name(run: Path) -> str:
    """A number above all that are there, the same in every process."""
    taken = [int(path.name.partition(".")[0]) for path in (run / _FOLDER).glob("[0-9]*")]
    number = max(taken, default=0) + 1
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        number = int(multihost_utils.broadcast_one_to_all(np.int32(number)))
    return str(number)


def _named(tree: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
