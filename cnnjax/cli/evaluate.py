"""Measure a trained model on test images: accuracy, a table of classes, the confusion matrix."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cnnjax.cli import options, own, runs
from cnnjax.cli.columns import columns as width
from cnnjax.cli.columns import left, right
from cnnjax.cli.problems import BadUsage

if TYPE_CHECKING:
    import numpy as np

HELP = "measure a trained model on test images"
EXAMPLES = """\
examples:
  cnnjax evaluate runs/notes-patterns                     on the test images of its own data
  cnnjax evaluate runs/photos --data folder:more-photos   on others, with the same classes
  cnnjax evaluate model.safetensors --data digits --picture confusion.png

precision: of the images called this class, how many are; recall: of the images of this class, how
many are called so; F1: the harmonic mean of both. Where the model gives a class to each pixel, what
is counted are pixels, and IoU is intersection over union, the mean over the classes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax evaluate`."""
    add = parser.add_argument
    own.add_argument(add, options.own_model)
    add("run_or_model", type=Path, metavar="RUN", help="a run folder, or a model.safetensors")
    add(
        "--data", type=options.data, metavar="SPEC", help=f"{options.DATA_HELP}; default: the run's"
    )
    add("--split", choices=("test", "train"), default="test", help="default test")
    add("--limit", type=options.at_least(1), metavar="N", help="at most N images")
    add("--max-pixels", type=options.at_least(1), metavar="N", help=options.MAX_PIXELS_HELP)
    add("--workers", type=options.at_least(1), metavar="N", help=options.WORKERS_HELP)
    add("--batch-size", type=options.at_least(1), default=128, metavar="N", help="default 128")
    add("--seed", type=options.at_least(0), metavar="N", help="of the data; default: the run's")
    add("--picture", type=Path, metavar="PNG", help="draw the confusion matrix to this file")


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax evaluate`."""
    record = runs.read_record(runs.model_file(args.run_or_model).parent)
    known = record.get("data", {})
    spec = args.data or known.get("data")
    if spec is None:
        raise BadUsage(
            f"cnnjax evaluate: {args.run_or_model} has no record of its data; give --data"
        )
    saved = runs.load(args.run_or_model, own_model=args.model, command="evaluate")
    seed = args.seed if args.seed is not None else record.get("config", {}).get("seed", 0)
    splits = runs.load_data(
        spec, recorded=not args.data, seed=seed, size=saved.model.image[:2], limit=args.limit,
        max_pixels=args.max_pixels or known.get("max_pixels"),
        stream=None if args.data else known.get("stream"), workers=args.workers,
    )  # fmt: skip
    dataset = getattr(splits, args.split)
    if dataset.classes != saved.classes:
        raise BadUsage(
            f"cnnjax evaluate: {spec} has the classes {', '.join(dataset.classes)}; "
            f"the model knows {', '.join(saved.classes)}"
        )

    from cnnjax.train import evaluate

    try:
        result = evaluate(
            saved.model, saved.params, dataset, saved.preprocessing, batch_size=args.batch_size
        )
    except ValueError as error:  # grey images for a model of colour, say
        raise BadUsage(f"cnnjax {error}") from error
    confusion = result.confusion
    print(
        f"{saved.model.name} on {spec} ({args.split}): {len(dataset):,} images\n"
        f"accuracy {100 * result.accuracy:.2f} %, loss {result.loss:.4f}"
        + (f", mean IoU {100 * result.mean_iou:.2f} %" if dataset.per_pixel else "")
        + "\n"
    )
    print(class_table(confusion, saved.classes, "pixels" if dataset.per_pixel else "images"))
    print()
    print(confusion_table(confusion, saved.classes))
    if args.picture:
        from cnnjax import pictures

        pictures.confusion(
            confusion, saved.classes, args.picture, title=f"{saved.model.name} on {spec}"
        )
        print(f"\ndrawn   {args.picture}")
    return 0


def class_table(confusion: np.ndarray, classes: tuple[str, ...], counted: str = "images") -> str:
    """Precision, recall, F1 and images (or what else is `counted`) of every class.

    >>> import numpy as np
    >>> print(class_table(np.array([[8, 2], [0, 10]]), ("line", "curve")))
    class  precision   recall       F1  images
    line     100.0 %   80.0 %   88.9 %      10
    curve     83.3 %  100.0 %   90.9 %      10
    """
    wide = max(5, *map(width, classes))
    count = max(8, *(2 + len(f"{row.sum():,}") for row in confusion))
    lines = [f"{'class':<{wide}}  precision   recall       F1{counted:>{count}}"]
    for index, name in enumerate(classes):
        hits = confusion[index, index]
        called, real = confusion[:, index].sum(), confusion[index].sum()
        shares = (_share(hits, called), _share(hits, real), _share(2 * hits, called + real))
        cells = f"{shares[0]:>11}{shares[1]:>9}{shares[2]:>9}"
        lines.append(f"{left(name, wide)}{cells}{real:>{count},}")
    return "\n".join(lines)


def confusion_table(confusion: np.ndarray, classes: tuple[str, ...]) -> str:
    """The counts: a row for each true class, a column for each answer, in the same order.

    >>> import numpy as np
    >>> print(confusion_table(np.array([[8, 2], [0, 10]]), ("line", "curve")))
    true / said  line  curve
    line            8      2
    curve           .     10
    """
    corner = "true / said"
    first = max(len(corner), *map(width, classes))
    # Long names would tear the table apart: columns are cut to eight letters.
    columns = [name[:8] for name in classes]
    wide = [max(width(c), len(str(confusion[:, i].max()))) for i, c in enumerate(columns)]
    lines = [
        f"{corner:<{first}}"
        + "".join(f"  {right(column, w)}" for column, w in zip(columns, wide, strict=True))
    ]
    for name, row in zip(classes, confusion, strict=True):
        cells = (f"  {count or '.':>{w}}" for count, w in zip(row.tolist(), wide, strict=True))
        lines.append(left(name, first) + "".join(cells))
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
