"""Show a model as a table: output shape, parameters, multiply-adds, receptive field a layer."""

from __future__ import annotations

import argparse
from pathlib import Path

from cnnjax.cli import options, own, runs
from cnnjax.cli.problems import BadUsage

HELP = "a table of a model's layers"
EXAMPLES = """\
examples:
  cnnjax summary                                       the note's network
  cnnjax summary --model vgg11 --image 224x224x3 --classes 1000
  cnnjax summary --model my_nets:wide --image 32x32x3   a function of your own
  cnnjax summary --run runs/notes-patterns             a trained model

Element i of a layer reads `field` pixels of the image, from offset + stride * i on; a negative
offset lies in the padding. Multiply-adds are exact, for one image, the zeros of the padding
included."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax summary`."""
    add = parser.add_argument
    add("--model", type=options.model, metavar="NAME", help=options.MODEL_HELP)
    add("--classes", type=options.at_least(1), metavar="N", help="default 10")
    add("--image", type=options.image, metavar="HxWxC", help="default: the size it was made for")
    add(
        "--run", dest="folder", type=Path, metavar="RUN", help="a run folder or a model.safetensors"
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax summary`."""
    named = args.model and not own.is_own(args.model)
    if args.folder and (named or args.classes or args.image):
        raise BadUsage("cnnjax summary: --run names the model; leave out --model and its sizes")

    from cnnjax import models
    from cnnjax.summary import summary

    if args.folder:
        model = runs.load(args.folder, own_model=args.model, command="summary").model
    else:
        name = own.known_as(args.model, "summary") or "notes"
        try:
            model = models.build(name, classes=args.classes or 10, image=args.image)
        except ValueError as error:
            raise BadUsage(f"cnnjax summary: {error}") from error
    print(summary(model))
    return 0
