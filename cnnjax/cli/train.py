"""Train a network on images, with a progress bar; write the model and pictures to a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnnjax.cli import options, runs
from cnnjax.cli.problems import BadUsage, Failed

HELP = "train a network"
EXAMPLES = """\
examples:
  cnnjax train                                          the note's network on drawn patterns
  cnnjax train --data digits --model lenet --size 32    real handwriting, LeNet-5
  cnnjax train --data folder:photos --size 100 --augment shift+flip --out runs/photos
                                                        your images: photos/CLASS/*.jpg
  cnnjax train --data idx:mnist --optimizer sgd --learning-rate 0.05 --epochs 5
  cnnjax train --resume --out runs/photos               go on after Ctrl-C, a crash or a power cut

The folder --out receives model.safetensors, history.json, run.json, checkpoint.safetensors and
pictures. A resumed run ends with exactly the parameters of one that was never interrupted."""

# Options that a run is made of, with their defaults. They have no argparse default, so that
# `--resume` can tell what was asked for from what was not.
DATA_DEFAULTS: dict[str, Any] = {"data": "patterns", "size": None, "limit": None}
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
    if args.resume:
        _adopt(args, runs.read_record(folder), folder)
    else:
        _refuse_to_overwrite(folder, force=args.force)
    data = {name: _value(args, name, default) for name, default in DATA_DEFAULTS.items()}
    settings = {name: _value(args, name, default) for name, default in CONFIG_DEFAULTS.items()}
    train(
        folder,
        data=data,
        model_name=args.model or MODEL_DEFAULT,
        settings=settings,
        resume=args.resume,
        pictures=not args.no_pictures,
        progress=not args.quiet,
    )
    print(f"\nNext:  cnnjax predict IMAGE... --run {folder}")
    return 0


def train(
    folder: Path,
    *,
    data: dict[str, Any],
    model_name: str,
    settings: dict[str, Any],
    resume: bool = False,
    pictures: bool = True,
    index: int | None = None,
    progress: bool = True,
) -> None:
    """Load, train, report, draw: what `cnnjax train` and `cnnjax demo` share.

    index: of the test image whose feature maps are drawn; None leaves the choice to the picture.
    """
    import jax

    from cnnjax.checkpoint import CheckpointError
    from cnnjax.cli.drawing import write_pictures
    from cnnjax.train import Interrupted, NonFiniteLoss, TrainConfig, fit

    try:
        config = TrainConfig(**settings)
    except ValueError as error:
        raise BadUsage(f"cnnjax train: {error}") from error
    spec, size = data["data"], data["size"]
    if progress:
        print(f"reading {spec} ...", flush=True)
    splits = runs.load_data(spec, seed=config.seed, size=size, limit=data["limit"])
    shape = splits.train.images.shape[1:]
    model = build(model_name, len(splits.train.classes), shape)
    count = sum(
        leaf.size for leaf in jax.tree.leaves(jax.eval_shape(model.init, jax.random.key(0)))
    )
    devices = jax.devices()
    if progress:
        print(
            f"data    {spec}: {len(splits.train):,} training and {len(splits.test):,} test images, "
            f"{'x'.join(map(str, shape))}, {len(splits.train.classes)} classes\n"
            f"model   {model.name}: {count:,} parameters\n"
            f"device  {len(devices)} x {devices[0].device_kind}\n"
            f"run     {folder}",
            flush=True,
        )
    if not resume:
        runs.clear(folder)
    runs.write_record(folder, data=data, model=model.name, config=config)
    try:
        result = fit(model, splits, config, out=folder, resume=resume, progress=progress)
    except Interrupted as stopped:
        where = str(stopped).partition(",")[0]
        again = f"cnnjax train --resume --out {folder}"
        raise KeyboardInterrupt(f"{where}; this goes on from there:  {again}") from stopped
    except (NonFiniteLoss, CheckpointError) as error:
        raise Failed(f"cnnjax {error}") from error
    except ValueError as error:
        raise BadUsage(f"cnnjax {error}") from error
    confusion = result.evaluation.confusion
    print(
        f"test accuracy {100 * result.evaluation.accuracy:.2f} % "
        f"({int(confusion.trace()):,} of {int(confusion.sum()):,}), "
        f"loss {result.evaluation.loss:.4f}\n"
        f"saved   {folder / runs.MODEL}"
    )
    if pictures:
        written = write_pictures(
            folder, model, result.params, result.preprocessing, splits, result.history,
            confusion=confusion, seed=config.seed, index=index,
        )  # fmt: skip
        for path, what in written:
            print(f"drawn   {path}  {what}", flush=True)


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
    return runs.RUNS / f"{args.model or MODEL_DEFAULT}-{Path(folder).resolve().name or kind}"


def _refuse_to_overwrite(folder: Path, *, force: bool) -> None:
    """Nobody's hours of training are lost to a repeated command."""
    finished = (folder / runs.MODEL).exists()
    if force or not (finished or (folder / runs.CHECKPOINT).exists()):
        return
    state = "a finished run" if finished else "an unfinished run"
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
        given, was = getattr(args, name), recorded[name]
        was = tuple(was) if isinstance(was, list) else was
        if given is not None and given != was:
            option = "--" + name.replace("_", "-")
            raise BadUsage(
                f"cnnjax train: {option} {given}: the run in {folder} was started with {was}; "
                "a resumed run goes on with what was started"
            )
        setattr(args, name, was)
