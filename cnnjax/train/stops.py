"""Why a run stops before its end: what is said, what is kept, what to try."""

from __future__ import annotations

import jax

from cnnjax.train.interrupt import Interrupted
from cnnjax.train.resume import Position
from cnnjax.train.run import Run

__all__ = ["NonFiniteLoss", "diverged", "interruption"]


class NonFiniteLoss(FloatingPointError):
    """The loss (or a parameter) became infinite or NaN; the message says when and what to try."""


def diverged(run: Run, step: int, what: str) -> NonFiniteLoss:
    """`step` counts from 0: the one whose loss it is."""
    config = run.config
    kept = "there is no checkpoint"
    if run.replaces:
        kept = f"there is no checkpoint, the earlier run in {run.folder} is as it was"
    elif run.folder and run.checkpoint.exists():
        kept = f"the last good checkpoint is {run.checkpoint}"
    rate = None if run.rate is None else float(run.rate(step))
    remedies = ["a smaller learning rate in your optimizer"]
    if rate is not None:
        remedies = [
            f"a smaller learning_rate (it was {rate:g} at this step)",
            f"a longer warm-up (warmup_steps is {config.warmup_steps})",
        ]
    if config.precision != "float32":
        remedies.append("precision='float32'")
    where = f"epoch {step // run.per_epoch + 1}"
    if rate is not None:
        where += f", learning rate {rate:g}"
    return NonFiniteLoss(
        f"train: {what} at step {step + 1} of {run.steps} ({where}); {kept}. "
        f"Try {', '.join(remedies)}"
    )


def interruption(run: Run, position: Position, replaces: bool) -> Interrupted:
    """Ctrl-C after `position`; `replaces` says that an earlier run is still in the folder."""
    where = f"stopped after step {position.step} of {run.steps}"
    count = jax.process_count()
    if count > 1:
        asked = "as one of them was asked to (Ctrl-C or SIGTERM)"
        where = f"process {jax.process_index()} of {count} {where}, {asked}"
    if run.folder is None:
        return Interrupted(f"{where}; nothing is saved, as no out folder was given")
    if replaces:
        return Interrupted(
            f"{where}, before its first checkpoint; the earlier run in {run.folder} is as it was"
        )
    command = "" if count > 1 else " (the same command with --resume)"
    return Interrupted(
        f"{where}, saved to {run.checkpoint}; the same call with resume=True{command} goes on from "
        "there"
    )
