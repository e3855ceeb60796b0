"""Exported models against the models themselves: how far logits lie apart, and what is certified.

    python -m benchmarks.exports [--models resnet50 ...]

Small versions with parameters as `init` draws them, two random images. Apart: the largest
difference of a logit between onnxruntime, or the StableHLO file, and the compiled model. Certified:
what `verify.rounding` allows two programs of this arithmetic to differ by at these images, whatever
the order of their sums.
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import numpy as np

import verify
from benchmarks.timing import machine, save
from cnnjax.checkpoint import SavedModel
from cnnjax.export import exported, logits_of
from cnnjax.models import NAMES, build
from cnnjax.preprocessing import Preprocessing

IMAGE = (16, 16, 3)
SMALL: dict[str, dict[str, Any]] = {
    "notes": {"image": IMAGE, "widths": (8, 16)},
    "lenet": {"image": IMAGE},
    "vgg11": {"image": (32, 32, 3), "width": 4, "head": 16},
    "vgg16": {"image": (32, 32, 3), "width": 4, "head": 16},
    "resnet18": {"image": IMAGE, "width": 4},
    "resnet34": {"image": IMAGE, "width": 4},
    "resnet50": {"image": IMAGE, "width": 4},
    "mobilenet_v2": {"image": IMAGE, "width": 0.1},
    "convnext": {"image": IMAGE, "depths": (1, 1, 2, 1), "widths": (8, 16, 24, 32)},
    "unet": {"image": IMAGE, "width": 4, "depth": 2},
}


def compared(name: str) -> dict[str, Any]:
    """The figures of one model."""
    import onnxruntime

    model = build(name, classes=10, **SMALL[name])
    params = jax.jit(model.init)(jax.random.key(0))
    shares = Preprocessing((0.5,) * 3, (0.25,) * 3)
    saved = SavedModel(model, params, tuple(map(str, range(10))), shares)
    images = np.random.default_rng(0).integers(0, 256, (2, *model.image), np.uint8)
    function = logits_of(saved)
    expected = np.asarray(jax.jit(function)(images))
    file = exported(saved, "onnx")
    runs = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (onnx,) = runs.run(None, {"images": images})
    again = jax.export.deserialize(bytearray(exported(saved, "stablehlo")))
    rounding = verify.rounding(verify.equivalent(function, function, images, seed=0))
    return {
        "logits": float(np.abs(expected).max()),
        "onnx": float(np.abs(onnx - expected).max()),
        "stablehlo": float(np.abs(np.asarray(again.call(images)) - expected).max()),
        "certified": None if rounding is None else float(rounding.bound),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=NAMES, default=NAMES)
    lines = [
        "| model | largest logit | ONNX apart | StableHLO apart | certified |", "|---" * 5 + "|",
    ]  # fmt: skip
    print(*lines, sep="\n")
    record: dict[str, Any] = {"machine": machine()}
    for name in parser.parse_args().models:
        record[name] = found = compared(name)
        bound = found["certified"]
        said = "none known" if bound is None or not np.isfinite(bound) else f"{bound:.1e}"
        lines.append(
            f"| `{name}` | {found['logits']:.2f} | {found['onnx']:.1e} "
            f"| {found['stablehlo']:.1e} | {said} |"
        )
        print(lines[-1], flush=True)
    save("exports", record, lines)


if __name__ == "__main__":
    main()
