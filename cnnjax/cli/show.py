"""Draw the pictures of a run: learning curves, kernels, feature maps, best patches, confusion."""

from __future__ import annotations

import argparse
from pathlib import Path

from cnnjax.cli import options, own, runs
from cnnjax.cli.problems import BadUsage
from cnnjax.notices import shown

HELP = "draw the pictures of a run"
EXAMPLES = """\
examples:
  cnnjax show runs/notes-patterns                  write the pictures into the run folder
  cnnjax show runs/notes-patterns --index 7        feature maps of the eighth test image
  cnnjax show model.safetensors --data digits --out pictures

learning_curves.png, kernels.png (before and after training), feature_maps.png (one image through
all layers), best_patches_LAYER.png (what excites each kernel most), confusion.png."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax show`."""
    add = parser.add_argument
    own.add_argument(add, options.own_model)
    add("run_or_model", type=Path, metavar="RUN", help="a run folder, or a model.safetensors")
    add(
        "--data", type=options.data, metavar="SPEC", help=f"{options.DATA_HELP}; default: the run's"
    )
    add(
        "--limit",
        type=options.at_least(1),
        metavar="N",
        help="at most N images; default: the run's",
    )
    add("--max-pixels", type=options.at_least(1), metavar="N", help=options.MAX_PIXELS_HELP)
    add(
        "--index", type=options.at_least(0), metavar="N", help="the test image for the feature maps"
    )
    add("--out", type=Path, metavar="DIR", help="where to write; default: into the run folder")


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax show`."""
    from cnnjax.cli.drawing import write_pictures

    path = args.run_or_model
    folder = runs.model_file(path).parent
    record = runs.read_record(folder)
    known = record.get("data", {})
    spec = args.data or known.get("data")
    if spec is None:
        raise BadUsage(f"cnnjax show: {path} has no record of its data; give --data")
    saved = runs.load(path, own_model=args.model, command="show")
    seed = record.get("config", {}).get("seed")
    drawn = None if "start" in record else seed  # what it started from is not kept
    limit = args.limit if args.data else args.limit or known.get("limit")
    splits = runs.load_data(
        spec, recorded=not args.data, seed=seed or 0, size=saved.model.image[:2], limit=limit,
        max_pixels=args.max_pixels or known.get("max_pixels"),
        stream=None if args.data else known.get("stream"),
    )  # fmt: skip
    if args.index is not None and args.index >= len(splits.test):
        raise BadUsage(
            f"cnnjax show: --index {args.index}: {spec} has {len(splits.test)} test images, "
            f"0 to {len(splits.test) - 1}"
        )
    written = write_pictures(
        args.out or folder, saved.model, saved.params, saved.preprocessing, splits,
        runs.read_history(folder), seed=drawn, index=args.index,
    )  # fmt: skip
    for picture, what in written:
        print(f"drawn   {shown(picture)}  {what}", flush=True)
    return 0
