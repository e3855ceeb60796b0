"""Going on with a run: its options, what its folder holds, what to say of it."""

from __future__ import annotations

import argparse
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnnjax import run_folder
from cnnjax.cli import own, runs
from cnnjax.cli.problems import BadUsage, Failed
from cnnjax.cli.train_options import (
    CONFIG_DEFAULTS,
    DATA_DEFAULTS,
    KEPT_DEFAULTS,
    START_DEFAULTS,
)
from cnnjax.notices import notice, shown

__all__ = ["adopt", "finished", "how_to_resume", "last_checkpoint", "next_step", "value"]


def adopt(args: argparse.Namespace, record: dict[str, Any], folder: Path) -> None:
    """Take every option of the run from its record; refuse options that contradict it."""
    if not record:
        raise BadUsage(f"cnnjax train: {_without_record(folder)}")
    start = dict(record.get("start", {}))
    if start:
        start["source"], start["freeze"] = Path(start["source"]), tuple(start["freeze"])
    if own.is_own(record["model"]) and args.model is None:
        raise BadUsage(
            f"cnnjax train: the run in {folder} trains a model of your own; give it again: "
            f"{how_to_resume(folder)}"
        )
    recorded = {**record["data"], "model": record["model"], **record["config"], **start}
    defaults = {**DATA_DEFAULTS, "model": None, **CONFIG_DEFAULTS, **START_DEFAULTS}
    for name, default in defaults.items():
        given, was = getattr(args, name), recorded.get(name, default)
        if name == "source":
            given = given and given.resolve()
        elif (name == "head" and given == "auto") or (name == "freeze" and given == ("body",)):
            given = None  # what it stood for is what was recorded
        if given is not None and given != was:
            option = "--from" if name == "source" else "--" + name.replace("_", "-")
            raise BadUsage(
                f"cnnjax train: {option} {given}: the run in {folder} was started with {was}; "
                "a resumed run goes on with what was started"
            )
        setattr(args, name, was)
    kept = record.get("options", {})
    for name, default in KEPT_DEFAULTS.items():
        setattr(args, name, value(args, name, kept.get(name, default)))


def _without_record(folder: Path) -> str:
    """What to say of a folder without run.json."""
    from cnnjax.checkpoint import CheckpointError, read

    if not run_folder.holds_run(folder):
        return f"there is no run to resume in {folder} (no {runs.RECORD})"
    known = ""
    with suppress(CheckpointError, OSError, KeyError, TypeError):
        _, record = read(folder / runs.CHECKPOINT, "training checkpoint")
        known = f" (model {record['identity']['model']['name']}, step {record['position']['step']})"
    now = (
        f"it is finished: cnnjax predict IMAGE... --run {shlex.quote(str(folder))}"
        if (folder / runs.MODEL).exists()
        else "go on with it there: the same call of fit with resume=True"
    )
    return (
        f"the run in {folder} was begun in Python{known} and has no {runs.RECORD}, which would say "
        f"what data and model it has; {now}"
    )


def finished(folder: Path) -> str | None:
    """What to say of a run that there is nothing to resume of; None where there is."""
    from cnnjax.checkpoint import CheckpointError, load_model

    if not (folder / runs.MODEL).is_file():
        return None
    try:
        load_model(folder / runs.MODEL)
    except CheckpointError as error:
        notice(f"{error}; it is written again from the checkpoint")
        return None
    rows = runs.read_history(folder)
    last = f" after {rows[-1]['epoch']} epochs" if rows else ""
    accuracy = rows[-1].get("test_accuracy") if rows else None
    measured = "" if accuracy is None else f", test accuracy {100 * accuracy:.2f} %"
    return (
        f"the run in {shown(folder)} is finished{last}{measured}: there is nothing to train\n"
        f"\n{next_step(folder)}"
    )


def next_step(folder: Path) -> str:
    return f"Next:  cnnjax predict IMAGE... --run {shown(shlex.quote(str(folder)))}{_model(folder)}"


def how_to_resume(folder: Path) -> str:
    return f"cnnjax train --resume --out {shown(shlex.quote(str(folder)))}{_model(folder)}"


def _model(folder: Path) -> str:
    """The option that names the user's own model again, if the run has one."""
    with suppress(Failed):
        model = runs.read_record(folder).get("model", "")
        return f" --model {model}" if own.is_own(model) else ""
    return ""


def last_checkpoint(folder: Path) -> str:
    """That there is a checkpoint, if there is one; for the end of a message."""
    with suppress(OSError):
        if (folder / runs.CHECKPOINT).exists():
            return f"; the last checkpoint is whole, this goes on from it:  {how_to_resume(folder)}"
    return ""


def value(args: argparse.Namespace, name: str, default: Any) -> Any:
    given = getattr(args, name)
    return default if given is None else given
