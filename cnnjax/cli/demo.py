"""Train the note's network on drawn patterns, in about two minutes, and draw what it learned."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnnjax import run_folder
from cnnjax.cli import runs
from cnnjax.cli.problems import BadUsage

HELP = "a first look: train, measure and draw, in about two minutes"
EXAMPLES = """\
examples:
  cnnjax demo
  cnnjax demo --out /tmp/demo

The network of the study note (three convolutions of 5x5 with 32, 64 and 128 kernels) learns to
tell lines, curves, corners, textures and flowers apart, on images of 100x100x3 that the library
draws itself. An earlier demo in the same folder is replaced."""

# Chosen so that two cores need about two minutes; `experiments/` trains longer, to 99 %.
DATA = {"data": "patterns", "size": None, "limit": 2000, "max_pixels": None}
SETTINGS = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-3, "warmup_steps": 20}

FLOWER = 7  # the first test image of a flower: petals and a centre, as in the note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax demo`."""
    parser.add_argument(
        "--out", type=Path, default=runs.RUNS / "demo", metavar="DIR", help="default runs/demo"
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax demo`."""
    from cnnjax.cli.train import holding

    with holding(args.out):
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    from cnnjax.cli.train import train

    if run_folder.holds_run(args.out) and not _is_demo(runs.read_record(args.out)):
        raise BadUsage(
            f"cnnjax demo: {args.out} holds a run that is no demo; --out DIR names another folder"
        )
    print("The network of the note, on images of eight kinds of pattern:\n", flush=True)
    train(args.out, data=DATA, model_name="notes", settings=SETTINGS, force=True, index=FLOWER)
    next_steps = {
        f"cnnjax evaluate {args.out}": "which classes are confused",
        f"cnnjax summary --run {args.out}": "shapes, parameters, receptive fields",
        "cnnjax train --data folder:DIR": "your own images, DIR/CLASS/*.jpg",
        "verify notes": "every claim of the note, proved or refuted, and report.html",
        "cnnjax --help": "everything else",
    }
    wide = max(map(len, next_steps))
    print(f"\nLook at the pictures in {args.out}/, then:")
    for command, purpose in next_steps.items():
        print(f"  {command:<{wide}}   {purpose}")
    return 0


def _is_demo(record: dict[str, Any]) -> bool:
    """Whether a run was made by this command: only such a one is replaced unasked."""
    config = record.get("config", {})
    return (
        record.get("model") == "notes"
        and {**DATA, **record.get("data", {})} == DATA
        and all(config.get(name) == value for name, value in SETTINGS.items())
    )
