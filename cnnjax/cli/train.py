"""Train a network on images, with a progress bar; write the model and pictures to a folder."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnjax import run_folder
from cnnjax.cli import options, runs
from cnnjax.cli.problems import BadUsage, Failed, reason
from cnnjax.notices import notice, shown

if TYPE_CHECKING:
    from cnnjax.train import TrainConfig

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
  cnnjax train --resume --out runs/photos               go on after Ctrl-C, a crash or a power cut

The folder --out receives model.safetensors, history.json, run.json, checkpoint.safetensors and
pictures. A resumed run ends with exactly the parameters of one that was never interrupted. With
--force an earlier run stays until the new one has its first checkpoint (after a minute or an
epoch)."""

# Options that a run is made of, with their defaults. They have no argparse default, so that
# `--resume` can tell what was asked for from what was not.
DATA_DEFAULTS: dict[str, Any] = {
    "data": "patterns",
    "size": None,
    "limit": None,
    "max_pixels": None,
    "stream": None,
}
MODEL_DEFAULT = "notes"
CONFIG_DEFAULTS: dict[str, Any] = {
    "epochs": 10,
    "batch_size": 64,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup_steps": 0,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "precision": "float32",
    "accumulate": 1,
    "augment": "none",
    "shift": 2,
    "seed": 0,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax train`."""
    add = parser.add_argument
    add("--data", type=options.data, metavar="SPEC", help=f"{options.DATA_HELP}; default patterns")
    add("--size", type=options.size, metavar="HxW", help="resize the images, e.g. 100 or 48x64")
    add("--limit", type=options.at_least(1), metavar="N", help="at most N training images")
    add("--max-pixels", type=options.at_least(1), metavar="N", help=options.MAX_PIXELS_HELP)
    by_size = "decode images as they are needed; default: if they fill half of the free memory"
    add("--stream", action="store_true", default=None, help=by_size)
    add("--workers", type=options.at_least(1), metavar="N", help=options.WORKERS_HELP)
    add("--model", choices=options.MODELS, help="default notes: the network of the study note")
    add("--epochs", type=options.at_least(1), metavar="N", help="default 10")
    add("--batch-size", type=options.at_least(1), metavar="N", help="images a step; default 64")
    add("--optimizer", choices=options.OPTIMIZERS, help="default adam")
    add("--learning-rate", type=float, metavar="R", help="its largest value; default 0.001")
    add("--schedule", choices=options.SCHEDULES, help="of the learning rate; default cosine")
    add("--warmup-steps", type=options.at_least(0), metavar="N", help="default 0")
    add("--momentum", type=float, metavar="M", help="for sgd; default 0.9")
    add("--weight-decay", type=float, metavar="W", help="for sgd and adamw; default 0")
    add("--label-smoothing", type=float, metavar="S", help="share spread evenly; default 0")
    add("--precision", choices=options.PRECISIONS, help="of the computation; default float32")
    micro = "micro-batches a step, to save memory; default 1"
    add("--accumulate", type=options.at_least(1), metavar="N", help=micro)
    add("--augment", choices=options.AUGMENTATIONS, help="of training images; default none")
    add("--shift", type=options.at_least(0), metavar="P", help="pixels, for --augment; default 2")
    add("--seed", type=options.at_least(0), metavar="N", help="everything random; default 0")
    add("--out", type=Path, metavar="DIR", help="run folder; default runs/MODEL-DATA")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the run in --out")
    again.add_argument("--force", action="store_true", help="begin anew, over the run in --out")
    add("--no-pictures", action="store_true", help="write no PNG files")
    add("--quiet", action="store_true", help="no progress, only the result")


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax train`."""
    folder = args.out or _default_folder(args)
    with holding(folder):
        return _run(args, folder)


def _run(args: argparse.Namespace, folder: Path) -> int:
    if args.resume:
        _adopt(args, runs.read_record(folder), folder)
        if finished := _finished(folder):
            print(finished)
            return 0
    else:
        _refuse_to_overwrite(folder, force=args.force)
    data = {name: _value(args, name, default) for name, default in DATA_DEFAULTS.items()}
    if data["stream"] and data["data"].partition(":")[0] not in options.STREAMED:
        raise BadUsage(
            f"cnnjax train: --stream: {data['data']} is read into memory whole; "
            f"{' and '.join(options.STREAMED)} can be streamed"
        )
    settings = {name: _value(args, name, default) for name, default in CONFIG_DEFAULTS.items()}
    train(
        folder,
        data=data,
        model_name=args.model or MODEL_DEFAULT,
        settings=settings,
        resume=args.resume,
        force=args.force,
        pictures=not args.no_pictures,
        workers=args.workers,
        progress=not args.quiet,
    )
    print(f"\n{_next(folder)}")
    return 0


def train(
    folder: Path,
    *,
    data: dict[str, Any],
    model_name: str,
    settings: dict[str, Any],
    resume: bool = False,
    force: bool = False,
    pictures: bool = True,
    index: int | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> None:
    """Load, train, report, draw: what `cnnjax train` and `cnnjax demo` share.

    index: of the test image whose feature maps are drawn; None leaves the choice to the picture.
    workers: how many processes decode streamed images.
    """
    from cnnjax.train import TrainConfig

    try:
        config = TrainConfig(**settings)
    except (TypeError, ValueError) as error:
        raise BadUsage(f"cnnjax train: {error}") from error
    with holding(folder):
        if not (resume or force):  # again: a run may have been finished since this was asked
            _refuse_to_overwrite(folder, force=False)
        _train(folder, data, model_name, config, resume, pictures, index, workers, progress)


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold a run folder; what the system says of a write into it becomes one line."""
    try:
        with run_folder.locked(folder):
            yield
    except run_folder.InUse as error:
        raise Failed(f"cnnjax train: {error}; wait for it, or name another --out") from error
    except OSError as error:
        raise Failed(f"cnnjax train: {reason(error)}{_kept(folder)}") from error


def _kept(folder: Path) -> str:
    """That there is a checkpoint, if there is one; for the end of a message."""
    with suppress(OSError):
        if (folder / runs.CHECKPOINT).exists():
            return f"; the last checkpoint is whole, this goes on from it:  {_resuming(folder)}"
    return ""


def _train(
    folder: Path,
    data: dict[str, Any],
    model_name: str,
    config: TrainConfig,
    resume: bool,
    pictures: bool,
    index: int | None,
    workers: int | None,
    progress: bool,
) -> None:
    """`train`, in a folder that is held. Nothing is written there before everything fits."""
    import jax

    from cnnjax.checkpoint import CheckpointError
    from cnnjax.cli.drawing import write_pictures
    from cnnjax.data import DataError
    from cnnjax.train import Interrupted, NonFiniteLoss, data_mesh, fit
    from cnnjax.train.run import check

    spec = data["data"]
    if progress:
        print(f"reading {shown(spec)} ...", flush=True)
    given = {name: value for name, value in data.items() if name != "data"}
    splits = runs.load_data(spec, seed=config.seed, workers=workers, **given)
    # What was decided by the free memory holds for the whole run.
    data = {**data, "stream": splits.train.streamed}
    shape = splits.train.images.shape[1:]
    model = build(model_name, len(splits.train.classes), shape)
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
            f"device  {len(devices)} x {devices[0].device_kind}\n"
            f"run     {shown(folder)}",
            flush=True,
        )
    if not resume:
        target = run_folder.prepare_new(folder, record=True)
        runs.write_record(target, data=data, model=model.name, config=config)
    try:
        result = fit(model, splits, config, out=folder, resume=resume, progress=progress)
    except Interrupted as stopped:
        where, _, rest = str(stopped).partition(", saved")
        again = f"; this goes on from there:  {_resuming(folder)}" if rest else ""
        raise KeyboardInterrupt(where + again) from stopped
    except (NonFiniteLoss, CheckpointError) as error:
        raise Failed(f"cnnjax {error}") from error
    except DataError as error:  # an image that is streamed
        raise Failed(f"cnnjax train: {error}{_kept(folder)}") from error
    except ValueError as error:
        raise BadUsage(f"cnnjax {error}") from error
    confusion = result.evaluation.confusion
    print(
        f"test accuracy {100 * result.evaluation.accuracy:.2f} % "
        f"({int(confusion.trace()):,} of {int(confusion.sum()):,}), "
        f"loss {result.evaluation.loss:.4f}\n"
        f"saved   {shown(folder / runs.MODEL)}"
    )
    if pictures:
        written = write_pictures(
            folder, model, result.params, result.preprocessing, splits, result.history,
            confusion=confusion, seed=config.seed, index=index,
        )  # fmt: skip
        for path, what in written:
            print(f"drawn   {shown(path)}  {what}", flush=True)


def _finished(folder: Path) -> str | None:
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
        f"\n{_next(folder)}"
    )


def _next(folder: Path) -> str:
    return f"Next:  cnnjax predict IMAGE... --run {shown(shlex.quote(str(folder)))}"


def _resuming(folder: Path) -> str:
    return f"cnnjax train --resume --out {shown(shlex.quote(str(folder)))}"


def build(name: str, classes: int, shape: tuple[int, ...]) -> Any:
    """The model for images of `shape`; a size that does not suit it is bad usage."""
    from cnnjax import models

    try:
        return models.build(name, classes=classes, image=shape)
    except ValueError as error:
        raise BadUsage(f"cnnjax: {error}; --size resizes the images") from error


def _value(args: argparse.Namespace, name: str, default: Any) -> Any:
    given = getattr(args, name)
    return default if given is None else given


def _default_folder(args: argparse.Namespace) -> Path:
    if args.resume:
        raise BadUsage(
            "cnnjax train: --resume needs --out DIR, the folder of the run to go on with"
        )
    kind, _, folder = (args.data or "patterns").partition(":")
    return runs.RUNS / f"{args.model or MODEL_DEFAULT}-{Path(folder).resolve().name[:100] or kind}"


def _refuse_to_overwrite(folder: Path, *, force: bool) -> None:
    """Nobody's hours of training are lost to a repeated command."""
    if force or not run_folder.holds_run(folder):
        return
    state = "a finished run" if (folder / runs.MODEL).exists() else "an unfinished run"
    raise BadUsage(
        f"cnnjax train: {folder} holds {state}; --resume goes on with it, --force begins anew, "
        "--out DIR names another folder"
    )


def _adopt(args: argparse.Namespace, record: dict[str, Any], folder: Path) -> None:
    """Take every option of the run from its record; refuse options that contradict it."""
    if not record:
        raise BadUsage(f"cnnjax train: there is no run to resume in {folder} (no {runs.RECORD})")
    recorded = {**record["data"], "model": record["model"], **record["config"]}
    for name in (*DATA_DEFAULTS, "model", *CONFIG_DEFAULTS):
        default = {**DATA_DEFAULTS, **CONFIG_DEFAULTS}.get(name)
        given, was = getattr(args, name), recorded.get(name, default)
        if given is not None and given != was:
            option = "--" + name.replace("_", "-")
            raise BadUsage(
                f"cnnjax train: {option} {given}: the run in {folder} was started with {was}; "
                "a resumed run goes on with what was started"
            )
        setattr(args, name, was)
