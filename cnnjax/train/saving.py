"""Where a run begins, and what it writes: checkpoints and the history, by one process or by all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax

from cnnjax import run_folder
from cnnjax.checkpoint import save_model
from cnnjax.container import CheckpointError
from cnnjax.files import write_json
from cnnjax.notices import notice
from cnnjax.train import shards
from cnnjax.train.hosts import of_first
from cnnjax.train.interrupt import Interrupted
from cnnjax.train.mesh import whole
from cnnjax.train.resume import (
    Position,
    check_finite,
    load_state,
    meant_finite,
    save_state,
    without_keys,
)
from cnnjax.train.run import Run
from cnnjax.train.state import State
from cnnjax.train.stops import diverged, interruption

__all__ = ["begin", "finish", "save", "stopped", "write_history"]


def begin(run: Run, state: State, resume: bool) -> tuple[Run, State, Position]:
    """The state and position to start from: the checkpoint's, or the very beginning."""
    if run.folder is None or not resume:
        return run, state, Position()
    folder = run.folder
    if not run.checkpoint.exists():
        if (folder / run_folder.MODEL).exists():
            raise CheckpointError(
                f"fit: {folder} holds a trained model, but no checkpoint to go on from; "
                "resume=False begins anew, params=load_model(...).params starts from that model"
            )
        if jax.process_index() == 0:
            notice(
                f"fit: resume=True, and there is no checkpoint in {folder}: the run begins with "
                "its first step"
            )
        return run, state, Position()

    def elsewhere(name: str, template: State) -> State:
        shards.available()
        return shards.restore(folder, name, template, run.mesh)

    state, position, who = load_state(run.checkpoint, state, run.identity, run.mesh.size, elsewhere)
    return replace(run, identity=who), state, position


def save(run: Run, state: State, position: Position) -> None:
    """Write a checkpoint, in the folder of a run that it replaces if it is the first one.

    Raises `NonFiniteLoss` where the state is not finite: it is not saved.
    """
    if run.folder is None:
        return
    new = run.folder / run_folder.NEW / run_folder.CHECKPOINT
    path = new if run.replaces else run.checkpoint
    try:
        arrays = None
        if run.checkpoints == "orbax":
            check_finite(meant_finite(state, run.identity))
            arrays = shards.save(run.folder, without_keys(state))
        elif run.together:
            state = whole(without_keys(state))
        if not run.writes:
            return
        save_state(path, state, position, run.identity, run.mesh.size, arrays)
    except FloatingPointError as error:
        raise diverged(run, position.step - 1, f"{error} became non-finite") from None
    if run.replaces:
        run_folder.take_over(run.folder)
    shards.remove_others(run.folder, arrays)


def finish(run: Run, position: Position, params: Any, classes: Sequence[str]) -> None:
    """Write the trained model; it is there when this returns, in whatever process."""
    write_history(run, position)
    if run.folder is None:
        return
    if run.writes:
        path = run.folder / run_folder.MODEL
        save_model(path, run.model, params, classes=tuple(classes), preprocessing=run.preprocessing)
    of_first(0)


def stopped(run: Run, position: Position, state: State | None = None) -> Interrupted:
    """What to raise where the run is asked to stop after `position`; all processes call this.

    `state` is saved first, unless that would cost an earlier run: hours of it are not given away
    for a minute of this one.
    """
    replaces = bool(of_first(run.replaces))
    if state is not None and not replaces:
        save(run, state, position)
    of_first(0)  # no process leaves before the first one has written
    return interruption(run, position, replaces)


def write_history(run: Run, position: Position) -> None:
    """A row an epoch, to be read while the run goes on."""
    if run.folder and run.writes:
        write_json(run.folder / run_folder.HISTORY, list(position.history))
