"""`fit`: the training loop, its early stop, Ctrl-C, checkpoints and resuming.

Short steps are done many in a call (`chunk.py`). The loop never waits for the call it has just
started: results are read `IN_FLIGHT` calls behind, which keeps the devices busy, gathers the next
images meanwhile, and still stops within a few calls of a non-finite loss.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.sharding import Mesh

from cnnjax import run_folder
from cnnjax.checkpoint import save_model, write_json
from cnnjax.data.streaming import Source, reading, streamed
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import shards
from cnnjax.train.batches import epoch_order
from cnnjax.train.chunk import make_chunk, steps_a_call
from cnnjax.train.compiler import use_compilation_cache
from cnnjax.train.config import TrainConfig
from cnnjax.train.evaluate import Evaluation
from cnnjax.train.functions import Augment, Functions, Loss, Mix, Optimizer
from cnnjax.train.hosts import watched
from cnnjax.train.interrupt import interruptible
from cnnjax.train.mesh import automatic, data_mesh, spread, whole, within
from cnnjax.train.progress import Report, epoch_line, reporter
from cnnjax.train.resume import (
    Position,
    check_finite,
    load_state,
    meant_finite,
    save_state,
    without_keys,
)
from cnnjax.train.run import Callback, Run, check, prepare
from cnnjax.train.start import Start
from cnnjax.train.step import State, make_step, params_of
from cnnjax.train.stops import NonFiniteLoss, diverged, interruption

if TYPE_CHECKING:
    from cnnjax.data import Splits
    from cnnjax.models import Model

__all__ = ["FitResult", "NonFiniteLoss", "fit"]

IN_FLIGHT = 4

# From the state and (n, batch) indices to the state n steps later and at least n rows of metrics.
Advance = Callable[[State, np.ndarray], tuple[State, jax.Array]]


@dataclass(frozen=True)
class FitResult:
    """`params` (host arrays; averaged ones with `config.ema`), `history` (a row an epoch), the last
    `evaluation` on the test images, and the `preprocessing` of images, which was measured on the
    training images or given.

    A row has `epoch` (from 1), `step`, `loss` and `accuracy` (means over the epoch's training
    batches as they were trained on, augmentation and dropout included), `test_loss`,
    `test_accuracy`, `learning_rate` (of the last step; not with an optimiser that keeps its own),
    `images_per_second` and `seconds`
    (training alone: no evaluation, no compilation, no writing).
    """

    params: Any
    history: tuple[dict[str, Any], ...]
    evaluation: Evaluation
    preprocessing: Preprocessing


def fit(
    model: Model,
    splits: Splits,
    config: TrainConfig,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    mesh: Mesh | None = None,
    data: Source | None = None,
    checkpoints: str = "safetensors",
    optimizer: Optimizer | None = None,
    loss: Loss | None = None,
    augment: Augment | None = None,
    mix: Mix | None = None,
    params: Any = None,
    frozen: Sequence[str] = (),
    preprocessing: Preprocessing | None = None,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    """Train `model` on `splits.train`, evaluate on `splits.test` after each epoch.

    `data` is a source of training images (`cnnjax.data.Source`) in the place of `splits.train`, for
    more of them than memory holds; with its labels counting the classes of `splits`.

    With `out`, the folder receives `checkpoint.safetensors` during the run, `history.json` after
    each epoch and `model.safetensors` (see `cnnjax.checkpoint.load_model`) at the end.
    `resume=True` goes on from the checkpoint there, if there is one; False begins anew, and an
    earlier run there is removed once the new one has its first checkpoint.  `mesh` is
    `data_mesh()`, all devices, unless given: a mesh with an axis `data`, over which batches are
    split, and perhaps `model`, over which output channels of parameters are; its axes may be
    explicit or automatic.  `checkpoints="orbax"` lets every process write its
    own part of them (`shards.py`).

    In place of what `config` names:

    | argument | what |
    |---|---|
    | `optimizer` | an Optax transformation, or a function of the schedule that makes one |
    | `loss` | `loss(logits, labels) -> (B,)`, logits (B, classes) float32, labels (B,) int32 |
    | `augment` | `augment(key, images) -> images`, (B, H, W, C) uint8; see `augment.compose` |
    | `mix` | `mix(key, images, labels) -> (images, others, share)`; see `augment.mixup` |
    | `params` | what to start from; see `models.with_head`, `convert.from_torch` |
    | `frozen` | names of layers that stay as they are (`"conv1"`, `"layer1.block0"`) |
    | `preprocessing` | that of the network whose `params` these are; else measured |
    | `callbacks` | called with each epoch's row once the epoch is saved; see `callbacks.py` |

    All of it resumes bit for bit, given again as it was; functions are compared by their programs
    (`programs.py` says what that does not see), `params` may be left out once there is a
    checkpoint. After a kill, the last row may be given to the callbacks once more.

    >>> import optax
    >>> from cnnjax import data, models
    >>> splits = data.load("patterns", size=(16, 16), limit=40)
    >>> model = models.notes_cnn(len(splits.train.classes), widths=(4,), image=(16, 16, 3))
    >>> rows = []
    >>> config = TrainConfig(epochs=2, batch_size=8, ema=0.9)
    >>> result = fit(model, splits, config, optimizer=optax.lion(1e-3), progress=False,
    ...              loss=lambda logits, labels: optax.losses.poly_loss_cross_entropy(
    ...                  logits, jax.nn.one_hot(labels, model.classes)),
    ...              callbacks=[rows.append])
    >>> [row["epoch"] for row in rows]
    [1, 2]

    Raises ValueError for data, model, configuration and arguments that do not fit each other,
    `CheckpointError` for a checkpoint that is damaged or of another run, `NonFiniteLoss`,
    `run_folder.InUse` where another process trains in the folder, and `Interrupted` on Ctrl-C
    (once the state is saved; a second Ctrl-C does not wait).
    """
    use_compilation_cache()
    mesh = data_mesh() if mesh is None else automatic(mesh, "fit")
    if data is not None:
        train = streamed(data, classes=splits.train.classes, name=f"{splits.train.name} (source)")
        splits = replace(splits, train=train)
    check(model, splits, config, mesh)
    if checkpoints not in ("safetensors", "orbax"):
        raise ValueError(f"fit: checkpoints must be 'safetensors' or 'orbax', got {checkpoints!r}")
    if checkpoints == "orbax":
        shards.available()
    if out is None and resume:
        raise ValueError("fit: resume=True needs out, the folder of the run to go on with")
    folder = None if out is None else Path(out)
    # One process writes; the others of several hosts take no lock.
    hold = folder is not None and jax.process_index() == 0
    with run_folder.locked(folder) if folder and hold else nullcontext(False) as first:
        if folder and hold and first and not resume:
            run_folder.prepare_new(folder, record=False)
        functions = Functions(optimizer, loss, augment, mix)
        start = Start(params, frozen, preprocessing)
        checkpoint = folder and folder / run_folder.CHECKPOINT
        with watched(checkpoint), within(mesh), reading(splits.train, splits.test):
            run, state = prepare(
                model, splits, config, mesh, folder, functions, start, tuple(callbacks)
            )
            run = replace(run, checkpoints=checkpoints)
            return _fit(run, state, splits, resume, progress)


def _fit(run: Run, state: State, splits: Splits, resume: bool, progress: bool) -> FitResult:
    """`fit`, once everything fits together and the folder is held."""
    model, config, mesh = run.model, run.config, run.mesh
    run, state, position = _begin(run, state, resume)
    finished = position.step >= run.steps
    if position.history and position.step % run.per_epoch == 0:
        _tell(run, position)  # the process may have ended between the checkpoint and this
    state = spread(state, mesh)
    advance, most = (_never, 1) if finished else _compiled(run, state)
    evaluation: Evaluation | None = None
    with (
        interruptible() as asked,
        reporter(
            progress and jax.process_index() == 0,
            steps=run.steps,
            done=position.step,
            epochs=config.epochs,
        ) as report,
    ):
        if finished:
            report.line(f"this run is finished, after step {run.steps}: nothing to train")
        while position.step < run.steps:
            state, position = _epoch(run, advance, most, state, position, report, asked)
            evaluation = run.test(params_of(state))
            position = _close_epoch(run, position, evaluation)
            _save(run, state, position)
            _write_history(run, position)
            report.line(epoch_line(position.history[-1], config.epochs))
            _tell(run, position)
            if asked.is_set() and position.step < run.steps:
                raise interruption(run, position)

    params = whole(params_of(state))
    if evaluation is None:  # the checkpoint was that of a finished run
        evaluation = run.test(params)
    _write_history(run, position)
    if run.folder and run.writes:
        save_model(
            run.folder / run_folder.MODEL,
            model,
            params,
            classes=tuple(splits.train.classes),
            preprocessing=run.preprocessing,
        )
    return FitResult(params, position.history, evaluation, run.preprocessing)


def _begin(run: Run, state: State, resume: bool) -> tuple[Run, State, Position]:
    """The state and position to start from: the checkpoint's, or the very beginning."""
    if run.folder is None or not resume or not run.checkpoint.exists():
        return run, state, Position()
    folder = run.folder

    def elsewhere(name: str, template: State) -> State:
        shards.available()
        return shards.restore(folder, name, template, run.mesh)

    state, position, who = load_state(run.checkpoint, state, run.identity, run.mesh.size, elsewhere)
    return replace(run, identity=who), state, position


def _never(state: State, rows: np.ndarray) -> tuple[State, jax.Array]:
    raise AssertionError("a finished run takes no steps")


def _compiled(run: Run, state: State) -> tuple[Advance, int]:
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


def _epoch(
    run: Run,
    advance: Advance,
    most: int,
    state: State,
    position: Position,
    report: Report,
    asked: threading.Event,
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
                position.correct / (done * batch),
                done * batch / (time.perf_counter() - begun),
            )
        if at == end:
            break  # `fit` saves once the epoch is evaluated
        if asked.is_set() or _due(run, at, saved):
            position = _settle(run, position, waiting, keep=0)
            position = replace(position, seconds=time.perf_counter() - begun)
            if asked.is_set() and (run.replaces or run.together):
                # Hours of an earlier run are not given away for a minute of this one; and only
                # this process may have been asked.
                raise interruption(run, position)
            _save(run, state, position)
            if asked.is_set():
                raise interruption(run, position)
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


def _close_epoch(run: Run, position: Position, evaluation: Evaluation) -> Position:
    """The position at the start of the next epoch, with the row of the one that ended."""
    images = run.per_epoch * run.config.batch_size
    row = {
        "epoch": position.step // run.per_epoch,
        "step": position.step,
        "loss": position.loss / run.per_epoch,
        "accuracy": position.correct / images,
        "test_loss": evaluation.loss,
        "test_accuracy": evaluation.accuracy,
        **({} if run.rate is None else {"learning_rate": float(run.rate(position.step - 1))}),
        "images_per_second": images / position.seconds,
        "seconds": position.seconds,
    }
    return Position(step=position.step, history=(*position.history, row))


def _tell(run: Run, position: Position) -> None:
    """Give the last epoch's row to the callbacks, in the first process."""
    if jax.process_index() != 0:
        return
    for callback in run.callbacks:
        try:
            callback(dict(position.history[-1]))
        except Exception as error:
            kept = f"; the run is saved in {run.folder}" if run.folder else ""
            error.add_note(f"fit: in a callback after epoch {position.history[-1]['epoch']}{kept}")
            raise


def _due(run: Run, step: int, saved: float) -> bool:
    every, seconds = run.config.checkpoint_steps, run.config.checkpoint_seconds
    if every is not None and step % every == 0:
        return True
    return seconds is not None and not run.together and time.monotonic() - saved > seconds


def _save(run: Run, state: State, position: Position) -> None:
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


def _write_history(run: Run, position: Position) -> None:
    if run.folder and run.writes:
        write_json(run.folder / run_folder.HISTORY, list(position.history))
