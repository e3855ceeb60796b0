"""Name what is on images: the most probable classes of each, by a trained model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cnnjax.cli import options, own, runs
from cnnjax.cli.columns import columns, left
from cnnjax.cli.problems import BadUsage
from cnnjax.notices import shown

HELP = "class and probability of images"
EXAMPLES = """\
examples:
  cnnjax predict cat.jpg dog.png                  with the run trained last (below runs/)
  cnnjax predict photos/*.jpg --run runs/photos --top 3
  cnnjax predict cat.jpg --run model.safetensors

Images are resized to the size the model was trained on. One line an image on stdout; images that
cannot be read are named on stderr, and the exit status is then 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax predict`."""
    add = parser.add_argument
    own.add_argument(add, options.own_model)
    add("images", nargs="+", type=Path, metavar="IMAGE", help="PNG, JPEG, WebP, ...")
    add("--max-pixels", type=options.at_least(1), metavar="N", help=options.MAX_PIXELS_HELP)
    which = "a run folder or a model.safetensors; default: the newest below runs/"
    add("--run", dest="folder", type=Path, metavar="RUN", help=which)
    add(
        "--top",
        type=options.at_least(1),
        default=1,
        metavar="K",
        help="classes an image; default 1",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax predict`."""
    for path in args.images:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            if path.exists() and not path.is_dir():
                what = "is no regular file"
            raise BadUsage(f"cnnjax predict: {path} {what}; name image files")
    folder = args.folder or runs.newest()
    saved = runs.load(folder, own_model=args.model, command="predict")
    if saved.model.per_pixel:
        raise BadUsage(
            f"cnnjax predict: {saved.model.name} gives a class to each pixel, not one to an image; "
            "in Python, model.apply(params, preprocessing(image)).argmax(-1) is the picture of them"
        )
    if args.folder is None:
        print(f"with the model of {folder}", file=sys.stderr)

    import jax
    import numpy as np

    from cnnjax import softmax
    from cnnjax.data import DataError, read_image

    @jax.jit
    def probabilities(params, image):
        return softmax(saved.model.apply(params, saved.preprocessing(image)))

    height, width, channels = saved.model.image
    wide = max(columns(shown(path)) for path in args.images)
    unreadable = 0
    for path in args.images:
        try:
            pixels = read_image(
                path, size=(height, width), channels=channels, max_pixels=args.max_pixels
            )
        except DataError as error:
            print(f"cnnjax predict: {error}", file=sys.stderr)
            unreadable += 1
            continue
        shares = np.asarray(probabilities(saved.params, pixels))
        best = np.argsort(-shares, kind="stable")[: args.top]
        named = "  ".join(f"{saved.classes[i]} {100 * shares[i]:.1f} %" for i in best)
        print(f"{left(shown(path), wide)}  {named}", flush=True)
    return 1 if unreadable else 0
