"""Why a run stops before its end: what is said, what is kept, what to try."""

from __future__ import annotations

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


def interruption(run: Run, position: Position) -> Interrupted:
    """Ctrl-C after `position`."""
    where = f"stopped after step {position.step} of {run.steps}"
    if run.folder is None:
        return Interrupted(f"{where}; nothing is saved, as no out folder was given")
    if run.replaces:
        return Interrupted(
            f"{where}, before its first checkpoint; the earlier run in {run.folder} is as it was"
        )
    return Interrupted(
        f"{where}, saved to {run.checkpoint}; the same call with resume=True "
        "(the same command with --resume) goes on from there"
    )
