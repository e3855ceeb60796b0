"""`fit`: from the first epoch or the last checkpoint to the trained network.

An epoch's steps are in `epoch.py`, what is written in `saving.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
from jax.sharding import Mesh

from cnnjax import run_folder
from cnnjax.data.dataset import Dataset
from cnnjax.data.streaming import Source, reading, streamed
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import shards
from cnnjax.train.agreement import agree, given_to_fit
from cnnjax.train.compiler import use_compilation_cache
from cnnjax.train.config import TrainConfig
from cnnjax.train.epoch import compiled, never, train_epoch
from cnnjax.train.evaluation import Evaluation
from cnnjax.train.functions import Augment, Functions, Loss, Mix, Optimizer
from cnnjax.train.hosts import watched
from cnnjax.train.interrupt import interruptible
from cnnjax.train.mesh import automatic, data_mesh, spread, whole, within
from cnnjax.train.progress import epoch_line, reporter
from cnnjax.train.result import FitResult
from cnnjax.train.resume import Position
from cnnjax.train.run import Callback, Run, check, prepare
from cnnjax.train.saving import begin, finish, save, stopped, write_history
from cnnjax.train.start import Start
from cnnjax.train.state import State, params_of
from cnnjax.train.stops import NonFiniteLoss

if TYPE_CHECKING:
    from cnnjax.data import Splits
    from cnnjax.models import Model

__all__ = ["FitResult", "NonFiniteLoss", "fit"]


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
    `resume=True` goes on from the checkpoint there; where there is none, the run begins, with
    a `Notice` (a trained model without a checkpoint is an error).  False begins anew, and an
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

    A network with a class a pixel (`models.unet`) is trained on labels (N, H, W): the loss is then
    (B, H, W) of logits (B, H, W, classes), an augmentation moves the labels too
    (`augment_pixels.py`), `mix` is refused, and accuracy counts pixels.

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
    (once the state is saved; a second Ctrl-C does not wait).  In a run over several processes
    Ctrl-C or SIGTERM in one of them is `Interrupted` in all, after the same step, and arguments
    that are not the same in all of them are a ValueError in all.
    """
    use_compilation_cache()
    _check_kinds(splits, mesh, callbacks)
    mesh = data_mesh() if mesh is None else automatic(mesh, "fit")
    if checkpoints not in ("safetensors", "orbax"):
        raise ValueError(f"fit: checkpoints must be 'safetensors' or 'orbax', got {checkpoints!r}")
    if checkpoints == "orbax":
        shards.available()
    if out is None and resume:
        raise ValueError("fit: resume=True needs out, the folder of the run to go on with")
    if data is not None:
        splits = replace(splits, train=_training_set(data, splits))
    functions = Functions(optimizer, loss, augment, mix)
    start = Start(params, frozen, preprocessing)
    folder = None if out is None else Path(out)
    given = {"out": out is not None, "resume": resume, "checkpoints": checkpoints}
    # One process writes; the others of several hosts take no lock.
    hold = folder is not None and jax.process_index() == 0
    with watched(folder and folder / run_folder.CHECKPOINT, resume):
        if jax.process_count() > 1:
            agree(given_to_fit(model, splits, config, mesh, functions, start, **given))
        check(model, splits, config, mesh)
        with run_folder.locked(folder) if folder and hold else nullcontext(False) as first:
            if folder and hold and first and not resume:
                run_folder.prepare_new(folder, record=False)
            with within(mesh), reading(splits.train, splits.test):
                run, state = prepare(
                    model, splits, config, mesh, folder, functions, start, tuple(callbacks)
                )
                run = replace(run, checkpoints=checkpoints)
                return _fit(run, state, splits, resume, progress)


def _check_kinds(splits: Any, mesh: Any, callbacks: Any) -> None:
    """Raise what would otherwise be an error of Python's own, or come after an epoch."""
    if not (hasattr(splits, "train") and hasattr(splits, "test")):
        raise TypeError(f"fit: splits must be Splits (data.load(...)), got {type(splits).__name__}")
    if mesh is not None and not isinstance(mesh, Mesh):
        raise TypeError(f"fit: mesh must be a jax Mesh, got {type(mesh).__name__}")
    if not isinstance(callbacks, Sequence) or isinstance(callbacks, str):
        found = type(callbacks).__name__
        raise TypeError(f"fit: callbacks must be a sequence of functions, got {found}")
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"fit: callbacks must be functions of a row, got {callback!r}")


def _training_set(data: Any, splits: Splits) -> Dataset:
    """A source as the training images; one that names its classes has to name those of the test."""
    if isinstance(data, Dataset):
        return data
    classes = tuple(getattr(data, "classes", splits.train.classes))
    return streamed(data, classes=classes, name=f"{splits.train.name} (source)")


def _fit(run: Run, state: State, splits: Splits, resume: bool, progress: bool) -> FitResult:
    """`fit`, once everything fits together and the folder is held."""
    config, mesh = run.config, run.mesh
    run, state, position = begin(run, state, resume)
    agree({"step of the checkpoint in out": position.step})
    finished = position.step >= run.steps
    if position.history and position.step % run.per_epoch == 0:
        _tell(run, position)  # the process may have ended between the checkpoint and this
    state = spread(state, mesh)
    advance, most = (never, 1) if finished else compiled(run, state)
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
            state, position = train_epoch(run, advance, most, state, position, report, asked)
            evaluation = run.test(params_of(state))
            position = _close_epoch(run, position, evaluation)
            save(run, state, position)
            write_history(run, position)
            report.line(epoch_line(position.history[-1], config.epochs))
            _tell(run, position)
            if asked.to_stop() and position.step < run.steps:
                raise stopped(run, position)

    params = whole(params_of(state))
    if evaluation is None:  # the checkpoint was that of a finished run
        evaluation = run.test(params)
    finish(run, position, params, splits.train.classes)
    return FitResult(params, position.history, evaluation, run.preprocessing)


def _close_epoch(run: Run, position: Position, evaluation: Evaluation) -> Position:
    """The position at the start of the next epoch, with the row of the one that ended."""
    images = run.per_epoch * run.config.batch_size
    row = {
        "epoch": position.step // run.per_epoch,
        "step": position.step,
        "loss": position.loss / run.per_epoch,
        "accuracy": position.correct / run.answers,
        "test_loss": evaluation.loss,
        "test_accuracy": evaluation.accuracy,
        **({"test_mean_iou": evaluation.mean_iou} if run.model.per_pixel else {}),
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
