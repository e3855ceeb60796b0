"""Types and names of command-line options.

The names are written out here, and not taken from the library, so that `--help` and a typing
mistake are answered before JAX is loaded; a test holds them equal to the library's.
"""

from __future__ import annotations

import argparse
import glob
from pathlib import Path

from cnnjax.notices import shown

MODELS = (
    *("notes", "lenet", "vgg11", "vgg16", "resnet18", "resnet34", "resnet50"),
    *("mobilenet_v2", "convnext", "unet"),
)
DATA = (
    "patterns",
    "digits",
    "idx:DIR",
    "cifar10:DIR",
    "cifar100:DIR",
    "folder:DIR",
    "npz:FILE",
    "csv:FILE",
)
OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("cosine", "constant")
PRECISIONS = ("float32", "bfloat16")
AUGMENTATIONS = ("shift", "crop", "flip", "cutout")
HEADS = ("auto", "keep", "new")

MODEL_HELP = (
    f"{', '.join(MODELS)}, or MODULE:FUNCTION for one of your own, which is imported; default notes"
)
DATA_HELP = (
    "patterns (drawn by the library), digits (scikit-learn's handwriting), idx:DIR (MNIST's "
    "format; idx:DIR/emnist-letters), cifar10:DIR, cifar100:DIR, folder:DIR (one folder of images "
    "per class), npz:FILE (arrays of NumPy), csv:FILE (a table of image files and labels)"
)
MAX_PIXELS_HELP = "the largest image file that is decoded; default 89478485 (89 megapixels)"
STREAMED = ("folder", "csv")
WORKERS_HELP = "processes that decode streamed images; default one a processor, at most 8"


def at_least(least: int):
    """A type for whole numbers from `least` on.

    >>> at_least(1)("8")
    8
    """

    def whole(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least} on, got {text!r}"
            )
        return number

    return whole


def model(text: str) -> str:
    """A model of the library by name, or `MODULE:FUNCTION` (`own.py`).

    >>> model("lenet"), model("my.nets:wide")
    ('lenet', 'my.nets:wide')
    """
    module, colon, function = text.partition(":")
    if text in MODELS or (
        colon and function.isidentifier() and all(p.isidentifier() for p in module.split("."))
    ):
        return text
    raise argparse.ArgumentTypeError(
        f"{shown(text)!r} is unknown; there are {', '.join(MODELS)}, or MODULE:FUNCTION for one of "
        "your own"
    )


def own_model(text: str) -> str:
    """`MODULE:FUNCTION`."""
    if text in MODELS:
        raise argparse.ArgumentTypeError(
            f"{text!r}: the run names its model; MODULE:FUNCTION is for one of your own"
        )
    return model(text)


def data(text: str) -> str:
    """A data specification, `KIND`, `KIND:DIR` or `KIND:FILE`; the place must exist and becomes
    absolute.

    Absolute, because a run remembers it and may be resumed or shown from another folder.

    >>> data("patterns")
    'patterns'
    """
    kinds = ", ".join(DATA)
    kind, colon, folder = text.partition(":")
    known = {name.partition(":")[0]: name.partition(":")[2] for name in DATA}
    if kind not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is unknown; there are {kinds}{_meant(text)}")
    if known[kind] and not folder:
        raise argparse.ArgumentTypeError(f"{text!r} lacks its place: {kind}:{known[kind]}")
    if colon and not known[kind]:
        raise argparse.ArgumentTypeError(f"{text!r}: {kind} takes no folder")
    if folder:
        _check_place(text, kind, Path(folder), file=known[kind] == "FILE")
    return f"{kind}:{Path(folder).resolve()}" if folder else kind


def _meant(text: str) -> str:
    """What to write for a place that is there, if `text` names one without its kind."""
    path = Path(text)
    try:
        kind = "folder" if path.is_dir() else path.suffix[1:] if path.is_file() else ""
    except (OSError, ValueError):  # too long, unreadable
        return ""
    named = kind in ("folder", "csv", "npz")
    return shown(f"; for what is there, write {kind}:{text}") if named else ""


def _check_place(text: str, kind: str, path: Path, *, file: bool) -> None:
    """Raise ArgumentTypeError unless `path` is the folder or file that the kind reads."""
    try:
        if path.is_file() if file else path.is_dir():
            return
        if kind == "idx" and any(path.parent.glob(f"{glob.escape(path.name)}-*")):
            return  # the beginning of the names of its files
        there = (
            "is a folder" if file and path.is_dir() else f"is not a {'file' if file else 'folder'}"
        )
        what = there if path.exists() else "does not exist"
    except (OSError, RuntimeError) as error:  # too long, unreadable, links in a circle
        what = f"cannot be read ({getattr(error, 'strerror', None) or error})"
    name = str(path) if len(str(path)) <= 300 else str(path)[:297] + "..."
    raise argparse.ArgumentTypeError(shown(f"{kind}:{name}: {name} {what}"))


def augment(text: str) -> str:
    """`none`, or names of augmentations joined by +, in the order in which they are applied.

    >>> augment("flip+crop")
    'crop+flip'
    """
    names = text.split("+")
    if names == ["none"]:
        return text
    for name in names:
        if name not in AUGMENTATIONS or names.count(name) > 1:
            fault = "is given twice" if name in AUGMENTATIONS else "is unknown"
            raise argparse.ArgumentTypeError(
                f"{text!r}: {name!r} {fault}; there are none, or "
                f"{', '.join(AUGMENTATIONS)} joined by +"
            )
    return "+".join(name for name in AUGMENTATIONS if name in names)


def class_weights(text: str) -> str | tuple[float, ...]:
    """`none`, `balanced`, or a number for each class in their order.

    >>> class_weights("1,1,2.5")
    (1.0, 1.0, 2.5)
    """
    if text in ("none", "balanced"):
        return text
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be none, balanced or a number for each class, for example 1,1,2.5, got {text!r}"
        ) from None


def layers(text: str) -> tuple[str, ...]:
    """Names of layers, with commas between them.

    >>> layers("conv1,conv2")
    ('conv1', 'conv2')
    """
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(
            f"must be names of layers, for example conv1,conv2, got {text!r}"
        )
    return names


def size(text: str) -> tuple[int, int]:
    """`64` or `48x64` (height x width).

    >>> size("64"), size("48x64")
    ((64, 64), (48, 64))
    """
    sides = _sides(text)
    if len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(
            f"must be a side or HEIGHTxWIDTH, for example 64 or 48x64, got {text!r}"
        )
    return sides[0], sides[-1]


def image(text: str) -> tuple[int, int, int]:
    """`100x100x3`, height x width x channels.

    >>> image("28x28x1")
    (28, 28, 1)
    """
    sides = _sides(text)
    if len(sides) != 3:
        raise argparse.ArgumentTypeError(
            f"must be HEIGHTxWIDTHxCHANNELS, for example 100x100x3, got {text!r}"
        )
    return sides[0], sides[1], sides[2]


def _sides(text: str) -> list[int]:
    parts = text.lower().split("x")
    return [int(part) for part in parts] if all(p.isdecimal() and int(p) for p in parts) else []
