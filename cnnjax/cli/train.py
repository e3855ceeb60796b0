"""Train a network on images, with a progress bar; write the model and pictures to a folder."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnjax import run_folder
from cnnjax.cli import options, own, runs
from cnnjax.cli import start as starting
from cnnjax.cli.problems import BadUsage, Failed, reason
from cnnjax.cli.resuming import (
    adopt,
    finished,
    how_to_resume,
    last_checkpoint,
    next_step,
    value,
)
from cnnjax.cli.train_options import (
    CONFIG_DEFAULTS,
    DATA_DEFAULTS,
    KEPT_DEFAULTS,
    MODEL_DEFAULT,
    START_DEFAULTS,
    add_arguments,
    default_batch,
)
from cnnjax.notices import shown

if TYPE_CHECKING:
    from cnnjax.train import TrainConfig

__all__ = ["CONFIG_DEFAULTS", "EXAMPLES", "HELP", "MODEL_DEFAULT", "add_arguments", "run", "train"]

HELP = "train a network"
EXAMPLES = """\
examples:
  cnnjax train                                          the note's network on drawn patterns
  cnnjax train --data digits --model lenet --size 32    real handwriting, LeNet-5
  cnnjax train --data folder:photos --size 100 --augment shift+flip --out runs/photos
                                                        your images: photos/CLASS/*.jpg
  cnnjax train --data idx:mnist --optimizer sgd --learning-rate 0.05 --epochs 5
  cnnjax train --data folder:photos --size 224 --stream --workers 4
                                                        more photographs than memory holds
  cnnjax train --data folder:photos --from runs/a --freeze body --learning-rate 0.01
                                                        a new head on a trained network
  cnnjax train --data folder:photos --size 64 --model my_nets:wide
                                                        a model of your own (models.register)
  cnnjax train --resume --out runs/photos               go on after Ctrl-C, a crash or a power cut

The folder --out receives model.safetensors, history.json, run.json, checkpoint.safetensors and
pictures. A resumed run ends with exactly the parameters of one that was never interrupted. With
--force an earlier run stays until the new one has its first checkpoint (after a minute or an
epoch)."""


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax train`."""
    folder = args.out or _default_folder(args)
    with holding(folder):
        return _run(args, folder)


def _run(args: argparse.Namespace, folder: Path) -> int:
    if args.resume:
        adopt(args, runs.read_record(folder), folder)
        own.known_as(args.model, "train")
        if said := finished(folder):
            print(said)
            return 0
    else:
        _refuse_to_overwrite(folder, force=args.force)
    data = {name: value(args, name, default) for name, default in DATA_DEFAULTS.items()}
    if data["stream"] and data["data"].partition(":")[0] not in options.STREAMED:
        raise BadUsage(
            f"cnnjax train: --stream: {data['data']} is read into memory whole; "
            f"{' and '.join(options.STREAMED)} can be streamed"
        )
    settings = {name: value(args, name, default) for name, default in CONFIG_DEFAULTS.items()}
    if args.batch_size is None:
        del settings["batch_size"]
    train(
        folder,
        data=data,
        model_name=args.model,
        settings=settings,
        start={name: value(args, name, default) for name, default in START_DEFAULTS.items()},
        record=runs.read_record(folder).get("start") if args.resume else None,
        resume=args.resume,
        force=args.force,
        kept={name: value(args, name, default) for name, default in KEPT_DEFAULTS.items()},
        progress=not args.quiet,
    )
    print(f"\n{next_step(folder)}")
    return 0


def train(
    folder: Path,
    *,
    data: dict[str, Any],
    model_name: str | None,
    settings: dict[str, Any],
    start: dict[str, Any] = START_DEFAULTS,
    record: dict[str, Any] | None = None,
    resume: bool = False,
    force: bool = False,
    kept: dict[str, Any] = KEPT_DEFAULTS,
    index: int | None = None,
    progress: bool = True,
) -> None:
    """Load, train, report, draw: what `cnnjax train` and `cnnjax demo` share.

    start: where to start from, as on the command line; record: the same, of a run to be resumed.
    settings: of `TrainConfig`; without a batch size, it is that of `default_batch`.
    index: of the test image whose feature maps are drawn; None leaves the choice to the picture.
    kept: the options that decide nothing of the result (`KEPT_DEFAULTS`).
    """
    from cnnjax.train import TrainConfig

    try:
        config = TrainConfig(**settings)
    except (TypeError, ValueError) as error:
        raise BadUsage(f"cnnjax train: {error}") from error
    with holding(folder):
        if not (resume or force):  # again: a run may have been finished since this was asked
            _refuse_to_overwrite(folder, force=False)
        chosen = "batch_size" in settings
        work = _Work(folder, data, model_name, config, chosen, start, record, resume, kept)
        _train(work, index, progress)


@dataclasses.dataclass(frozen=True)
class _Work:
    """What `train` was asked for."""

    folder: Path
    data: dict[str, Any]
    model_name: str | None
    config: TrainConfig
    batch_chosen: bool
    start: dict[str, Any]
    record: dict[str, Any] | None
    resume: bool
    kept: dict[str, Any]


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold a run folder; what the system says of a write into it becomes one line."""
    try:
        with run_folder.locked(folder):
            yield
    except run_folder.InUse as error:
        raise Failed(f"cnnjax train: {error}; wait for it, or name another --out") from error
    except OSError as error:
        why = reason(error)
        if not folder.is_dir():
            why = f"--out {folder}: the folder cannot be made ({error.strerror or error})"
        raise Failed(f"cnnjax train: {why}{last_checkpoint(folder)}") from error


def _train(work: _Work, index: int | None, progress: bool) -> None:
    """`train`, in a folder that is held. Nothing is written there before everything fits."""
    import jax

    from cnnjax.checkpoint import CheckpointError
    from cnnjax.cli.drawing import write_pictures
    from cnnjax.data import DataError
    from cnnjax.train import Interrupted, NonFiniteLoss, data_mesh, fit
    from cnnjax.train.callbacks import TensorBoard
    from cnnjax.train.mesh import shares
    from cnnjax.train.run import check

    events = work.kept["tensorboard"]
    folder, config, data, resume = work.folder, work.config, dict(work.data), work.resume
    spec = data["data"]
    kept = resume and (folder / runs.CHECKPOINT).exists()
    name = own.known_as(work.model_name, "train")
    source = starting.source(work.start, name, kept=kept)
    if source is not None and source.image is not None and data["size"] is None:
        data["size"] = source.image[:2]
    if progress:
        print(f"reading {shown(spec)} ...", flush=True)
    given = {name: value for name, value in data.items() if name != "data"}
    splits = runs.load_data(spec, seed=config.seed, workers=work.kept["workers"], **given)
    # What was decided by the free memory holds for the whole run.
    data = {**data, "stream": splits.train.streamed}
    shape = splits.train.images.shape[1:]
    if source is not None:
        begun = starting.begin(source, splits, work.start, seed=config.seed)
    else:
        begun = starting.recorded(name or MODEL_DEFAULT, work.record, splits)
    model = begun.model
    few = ""
    if not work.batch_chosen:
        batch = default_batch(len(splits.train), shares(data_mesh()) * config.accumulate)
        if batch < config.batch_size:
            few = f"batch   {batch} images a step, as there are few (--batch-size)\n"
        config = dataclasses.replace(config, batch_size=batch)
    try:
        check(model, splits, config, data_mesh())
    except ValueError as error:
        raise BadUsage(f"cnnjax {error}") from error
    count = sum(
        leaf.size for leaf in jax.tree.leaves(jax.eval_shape(model.init, jax.random.key(0)))
    )
    devices = jax.devices()
    if progress:
        print(
            f"data    {shown(spec)}: {len(splits.train):,} training and {len(splits.test):,} test "
            f"images, {'x'.join(map(str, shape))}, {len(splits.train.classes)} classes"
            f"{', streamed' if splits.train.streamed else ''}\n"
            f"model   {model.name}: {count:,} parameters\n"
            + few
            + (f"from    {begun.said}\n" if begun.said else "")
            + f"device  {len(devices)} x {devices[0].device_kind}\n"
            f"run     {shown(folder)}",
            flush=True,
        )
    if not resume:
        target = run_folder.prepare_new(folder, record=True)
        runs.write_record(
            target, data=data, config=config, kept=_recorded(work.kept),
            model=_recorded_name(work.model_name, model.name),
            start=begun.record(source.path) if source else None,
        )  # fmt: skip
    try:
        result = fit(
            model, splits, config, out=folder, resume=resume, progress=progress,
            params=begun.params, frozen=begun.frozen, preprocessing=begun.preprocessing,
            callbacks=[TensorBoard(events)] if events else [],
        )  # fmt: skip
    except Interrupted as stopped:
        where, _, rest = str(stopped).partition(", saved")
        again = f"; this goes on from there:  {how_to_resume(folder)}" if rest else ""
        raise KeyboardInterrupt(where + again) from stopped
    except (NonFiniteLoss, CheckpointError) as error:
        raise Failed(f"cnnjax {error}") from error
    except DataError as error:  # an image that is streamed
        raise Failed(f"cnnjax train: {error}{last_checkpoint(folder)}") from error
    except ValueError as error:
        raise BadUsage(f"cnnjax {error}") from error
    confusion = result.evaluation.confusion
    print(
        f"test accuracy {100 * result.evaluation.accuracy:.2f} % "
        f"({int(confusion.trace()):,} of {int(confusion.sum()):,}), "
        f"loss {result.evaluation.loss:.4f}\n"
        + (f"of pixels; mean IoU {result.evaluation.mean_iou:.4f}\n" if model.per_pixel else "")
        + f"saved   {shown(folder / runs.MODEL)}"
    )
    if work.kept["pictures"]:
        written = write_pictures(
            folder, model, result.params, result.preprocessing, splits, result.history,
            confusion=confusion, seed=None if begun.said else config.seed, index=index,
            before=begun.params,
        )  # fmt: skip
        for path, what in written:
            print(f"drawn   {shown(path)}  {what}", flush=True)


def _default_folder(args: argparse.Namespace) -> Path:
    if args.resume:
        raise BadUsage(
            "cnnjax train: --resume needs --out DIR, the folder of the run to go on with"
        )
    kind, _, folder = (args.data or "patterns").partition(":")
    name = (args.model or MODEL_DEFAULT).rpartition(":")[2]
    if args.source:
        name = (args.source.name if args.source.is_dir() else args.source.stem)[:100]
    return runs.RUNS / f"{name}-{Path(folder).resolve().name[:100] or kind}"


def _refuse_to_overwrite(folder: Path, *, force: bool) -> None:
    """Nobody's hours of training are lost to a repeated command."""
    if force or not run_folder.holds_run(folder):
        return
    state = "a finished run" if (folder / runs.MODEL).exists() else "an unfinished run"
    raise BadUsage(
        f"cnnjax train: {folder} holds {state}; --resume goes on with it, --force begins anew, "
        "--out DIR names another folder"
    )


def _recorded_name(given: str | None, name: str) -> str:
    """What run.json calls the model: one of the user's own by where it is imported from."""
    return given if given is not None and own.is_own(given) else name


def _recorded(kept: dict[str, Any]) -> dict[str, Any]:
    """The kept options as JSON values; a folder by its whole path, wherever the run is resumed."""
    return {k: str(v.resolve()) if isinstance(v, Path) else v for k, v in kept.items()}
