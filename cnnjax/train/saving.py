"""Where a run begins, and what it writes: checkpoints and the history, by one process or by all."""

from __future__ import annotations

from dataclasses import replace

from cnnjax import run_folder
from cnnjax.checkpoint import write_json
from cnnjax.train import shards
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
from cnnjax.train.step import State
from cnnjax.train.stops import diverged

__all__ = ["begin", "save", "write_history"]


def begin(run: Run, state: State, resume: bool) -> tuple[Run, State, Position]:
    """The state and position to start from: the checkpoint's, or the very beginning."""
    if run.folder is None or not resume or not run.checkpoint.exists():
        return run, state, Position()
    folder = run.folder

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


def write_history(run: Run, position: Position) -> None:
    """A row an epoch, to be read while the run goes on."""
    if run.folder and run.writes:
        write_json(run.folder / run_folder.HISTORY, list(position.history))
