"""Write a trained model for elsewhere: StableHLO for JAX and XLA, ONNX for other runtimes."""

from __future__ import annotations

import argparse
from pathlib import Path

from cnnjax.cli import options, own, runs
from cnnjax.cli.problems import BadUsage, Failed
from cnnjax.notices import shown

HELP = "write a trained model as StableHLO or ONNX"
EXAMPLES = """\
examples:
  cnnjax export runs/photos --format onnx                writes runs/photos/model.onnx
  cnnjax export runs/photos --format stablehlo           writes runs/photos/model.stablehlo
  cnnjax export model.safetensors --format onnx --out photos.onnx

The file takes uint8 images (N, H, W, C), any number of them, of the size that the network was
trained on, and gives logits (N, classes): preprocessing and parameters are in it. In Python:

  onnxruntime.InferenceSession("model.onnx").run(None, {"images": images})
  jax.export.deserialize(open("model.stablehlo", "rb").read()).call(images)"""

FORMATS = ("stablehlo", "onnx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `cnnjax export`."""
    add = parser.add_argument
    own.add_argument(add, options.own_model)
    add("run_or_model", type=Path, metavar="RUN", help="a run folder, or a model.safetensors")
    add("--format", required=True, choices=FORMATS, help="of the file")
    add("--out", type=Path, metavar="FILE", help="default: model.FORMAT beside the model")
    add("--force", action="store_true", help="write over a file that is there")


def run(args: argparse.Namespace) -> int:
    """Carry out `cnnjax export`."""
    target = args.out or runs.model_file(args.run_or_model).parent / f"model.{args.format}"
    if target.is_dir() or (target.exists() and not target.is_file()):
        raise BadUsage(f"cnnjax export: {target} is no file; name one with --out")
    if target.exists() and not args.force:
        raise BadUsage(
            f"cnnjax export: {target} exists; --force writes over it, --out names another file"
        )
    if not target.parent.is_dir():
        raise BadUsage(f"cnnjax export: there is no folder {target.parent} for {target.name}")
    saved = runs.load(args.run_or_model, own_model=args.model, command="export")

    from cnnjax.export import ExportError, exported
    from cnnjax.files import atomic

    try:
        data = exported(saved, args.format)
    except (ExportError, ImportError) as error:
        raise Failed(f"cnnjax export: {str(error).removeprefix('export: ')}") from error
    with atomic(target) as temporary:
        temporary.write_bytes(data)
    image = "x".join(map(str, saved.model.image))
    print(
        f"wrote   {shown(target)}  {len(data):,} bytes; images (N, {image.replace('x', ', ')}) "
        f"uint8 to logits of {len(saved.classes)} classes"
    )
    return 0
