"""The steps of one epoch: many in a call, results read behind, checkpoints and Ctrl-C between.

Short steps are done many in a call (`chunk.py`). The loop never waits for the call it has just
started: results are read `IN_FLIGHT` calls behind, which keeps the devices busy, gathers the next
images meanwhile, and still stops within a few calls of a non-finite loss.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import jax
import numpy as np

from cnnjax.train.batches import epoch_order
from cnnjax.train.chunk import make_chunk, steps_a_call
from cnnjax.train.interrupt import Asked
from cnnjax.train.progress import Report
from cnnjax.train.resume import Position
from cnnjax.train.run import Run
from cnnjax.train.saving import save, stopped
from cnnjax.train.state import State
from cnnjax.train.step import make_step
from cnnjax.train.stops import diverged

__all__ = ["IN_FLIGHT", "Advance", "compiled", "never", "train_epoch"]

IN_FLIGHT = 4

# From the state and (n, batch) indices to the state n steps later and at least n rows of metrics.
Advance = Callable[[State, np.ndarray], tuple[State, jax.Array]]


def never(state: State, rows: np.ndarray) -> tuple[State, jax.Array]:
    """The steps of a finished run."""
    raise AssertionError("a finished run takes no steps")


def compiled(run: Run, state: State) -> tuple[Advance, int]:
    """What does the steps, compiled before the clock starts, and how many it can do in a call."""
    given = (run.model, run.config, run.preprocessing, run.steps)
    functions = run.functions
    batch = run.feed(np.zeros(run.config.batch_size, np.int32))
    most = steps_a_call(*given, run.per_epoch, run.mesh, (state, *batch), functions)
    if most == 1:
        step = make_step(*given, run.mesh, (state, *batch), functions)
        return lambda state, rows: step(state, *run.feed(rows[0])), 1
    stack = run.feed(np.zeros((most, run.config.batch_size), np.int32))
    chunk = make_chunk(*given, run.mesh, (state, *stack), functions)

    def advance(state: State, rows: np.ndarray) -> tuple[State, jax.Array]:
        # The last rows of an epoch may not fill a call; what fills it up is not computed.
        filled = rows[np.minimum(np.arange(most), len(rows) - 1)]
        return chunk(state, *run.feed(filled), np.int32(len(rows)))

    return advance, most


def train_epoch(
    run: Run,
    advance: Advance,
    most: int,
    state: State,
    position: Position,
    report: Report,
    asked: Asked,
) -> tuple[State, Position]:
    """Train from `position` to the end of its epoch; all results are read when it returns."""
    batch = run.config.batch_size
    epoch = position.step // run.per_epoch
    first = epoch * run.per_epoch
    order = epoch_order(run.config.seed, epoch, run.images, batch)
    waiting: deque[tuple[jax.Array, int]] = deque()
    saved = time.monotonic()
    begun = time.perf_counter() - position.seconds
    at, end = position.step, first + run.per_epoch
    run.feed.ahead(order[at - first :])
    while at < end:
        count = min(most, end - at, _to_checkpoint(run, at))
        state, metrics = advance(state, order[at - first : at - first + count])
        metrics.copy_to_host_async()
        waiting.append((metrics, count))
        at += count
        position = _settle(run, position, waiting, keep=IN_FLIGHT)
        if done := position.step - first:
            report.moved(
                position.step,
                epoch + 1,
                position.loss / done,
                position.correct * run.per_epoch / (done * run.answers),
                done * batch / (time.perf_counter() - begun),
            )
        if at == end:
            break  # `loop.py` saves once the epoch is evaluated
        stop = asked.to_stop()
        if stop or _due(run, at, saved):
            position = _settle(run, position, waiting, keep=0)
            position = replace(position, seconds=time.perf_counter() - begun)
            if stop:
                raise stopped(run, position, state)
            save(run, state, position)
            saved = time.monotonic()
            begun = time.perf_counter() - position.seconds
    position = _settle(run, position, waiting, keep=0)
    return state, replace(position, seconds=time.perf_counter() - begun)


def _to_checkpoint(run: Run, step: int) -> int:
    """Steps from `step` to the next one after which `checkpoint_steps` wants to save."""
    every = run.config.checkpoint_steps
    return run.steps if every is None else every - step % every


def _settle(
    run: Run, position: Position, waiting: deque[tuple[jax.Array, int]], keep: int
) -> Position:
    """Read the results of all waiting calls but the last `keep`; stop where one is not finite."""
    while len(waiting) > keep:
        metrics, count = waiting.popleft()
        for loss, correct in np.asarray(metrics).reshape(-1, 2)[:count].tolist():
            if not math.isfinite(loss):
                raise diverged(run, position.step, f"the loss became {loss}")
            position = replace(
                position,
                step=position.step + 1,
                loss=position.loss + loss,
                correct=position.correct + round(correct),
            )
    return position


def _due(run: Run, step: int, saved: float) -> bool:
    every, seconds = run.config.checkpoint_steps, run.config.checkpoint_seconds
    if every is not None and step % every == 0:
        return True
    return seconds is not None and not run.together and time.monotonic() - saved > seconds
