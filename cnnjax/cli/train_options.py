"""The options of `cnnjax train`, and their defaults."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnnjax.cli import options

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
    "clip_norm": 0.0,
    "ema": 0.0,
    "label_smoothing": 0.0,
    "class_weights": "none",
    "precision": "float32",
    "accumulate": 1,
    "augment": "none",
    "shift": 2,
    "crop": 0.25,
    "cutout": 8,
    "mixup": 0.0,
    "seed": 0,
}
# Where a run starts from; `start.py` knows what they mean.
START_DEFAULTS: dict[str, Any] = {"source": None, "head": "auto", "freeze": ()}

# Options that do not decide the result: a run is resumed with them, unless they are given anew.
KEPT_DEFAULTS: dict[str, Any] = {"workers": None, "pictures": True, "tensorboard": None}
# Options of one call alone, which a resumed run does not know.
OF_THE_CALL = ("out", "resume", "force", "quiet")


BATCH_HELP = "images a step; default 64: a quarter of the training images if they are fewer"


def default_batch(images: int, unit: int = 1) -> int:
    """The images a step where none are asked for: `unit` (devices times micro-batches) divides it.

    A quarter of few images, because an epoch of one step teaches little.

    >>> default_batch(5000), default_batch(58), default_batch(58, unit=4), default_batch(2)
    (64, 14, 12, 1)
    """
    usual: int = CONFIG_DEFAULTS["batch_size"]
    return usual if images >= usual else max(unit, images // 4 // unit * unit)


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
    add("--model", type=options.model, metavar="NAME", help=options.MODEL_HELP)
    start = parser.add_argument_group("fine-tuning")
    start.add_argument(
        "--from", dest="source", type=Path, metavar="RUN",
        help="start from a run folder, a model.safetensors, or a PyTorch state dict "
        "(.safetensors, .pth) of the --model",
    )  # fmt: skip
    start.add_argument(
        "--head", choices=options.HEADS,
        help="the layer that names the classes; default auto: kept if the classes are the same, "
        "new if not",
    )  # fmt: skip
    start.add_argument(
        "--freeze", type=options.layers, metavar="LAYERS",
        help="layers that are not trained, e.g. conv1,conv2; body: all but the head",
    )  # fmt: skip
    add("--epochs", type=options.at_least(1), metavar="N", help="default 10")
    add("--batch-size", type=options.at_least(1), metavar="N", help=BATCH_HELP)
    add("--optimizer", choices=options.OPTIMIZERS, help="default adam")
    add("--learning-rate", type=float, metavar="R", help="its largest value; default 0.001")
    add("--schedule", choices=options.SCHEDULES, help="of the learning rate; default cosine")
    add("--warmup-steps", type=options.at_least(0), metavar="N", help="default 0")
    add("--momentum", type=float, metavar="M", help="for sgd; default 0.9")
    add("--weight-decay", type=float, metavar="W", help="for sgd and adamw; default 0")
    add("--clip-norm", type=float, metavar="C", help="largest norm of a gradient; default 0: any")
    average = "decay of an average of the parameters, which is the model; default 0: none"
    add("--ema", type=float, metavar="D", help=average)
    add("--label-smoothing", type=float, metavar="S", help="share spread evenly; default 0")
    weights = "of the loss: none, balanced, or a number a class, e.g. 1,1,5; default none"
    add("--class-weights", type=options.class_weights, metavar="W", help=weights)
    add("--precision", choices=options.PRECISIONS, help="of the computation; default float32")
    micro = "micro-batches a step, to save memory; default 1"
    add("--accumulate", type=options.at_least(1), metavar="N", help=micro)
    named = f"some of {', '.join(options.AUGMENTATIONS)} joined by +; default none"
    add("--augment", type=options.augment, metavar="NAMES", help=named)
    add("--shift", type=options.at_least(0), metavar="P", help="pixels, for --augment; default 2")
    area = "smallest share of the area, for --augment; default 0.25"
    add("--crop", type=float, metavar="A", help=area)
    add("--cutout", type=options.at_least(1), metavar="P", help="side, for --augment; default 8")
    mix = "mix images in pairs, shares drawn from Beta(A, A); default 0: no"
    add("--mixup", type=float, metavar="A", help=mix)
    add("--seed", type=options.at_least(0), metavar="N", help="everything random; default 0")
    add("--out", type=Path, metavar="DIR", help="run folder; default runs/MODEL-DATA")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the run in --out")
    again.add_argument("--force", action="store_true", help="begin anew, over the run in --out")
    add("--tensorboard", type=Path, metavar="DIR", help="write event files for TensorBoard there")
    drawn = "whether to write PNG files; default: yes"
    add("--pictures", action=argparse.BooleanOptionalAction, default=None, help=drawn)
    add("--quiet", action="store_true", help="no progress, only the result")
