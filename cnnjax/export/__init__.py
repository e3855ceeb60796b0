"""A trained model as one file for elsewhere: StableHLO for JAX and XLA, ONNX for other runtimes.

Both take uint8 images (B, H, W, C) for any B and give logits: preprocessing and parameters are in
the file, cnnjax is not needed to run it.

>>> import jax
>>> from cnnjax.checkpoint import SavedModel
>>> from cnnjax.export import ExportError, exported
>>> from cnnjax.models import lenet5
>>> from cnnjax.preprocessing import Preprocessing
>>> model = lenet5(3)
>>> params = model.init(jax.random.key(0))
>>> saved = SavedModel(model, params, ("a", "b", "c"), Preprocessing((0.5,), (0.2,)))
>>> exported(saved, "tflite")
Traceback (most recent call last):
ValueError: export: unknown format 'tflite', there are stablehlo, onnx
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnjax.export.inference import ExportError, logits_of

if TYPE_CHECKING:
    from cnnjax.checkpoint import SavedModel

__all__ = ["FORMATS", "ExportError", "exported", "logits_of"]

FORMATS = ("stablehlo", "onnx")


def exported(saved: SavedModel, format: str) -> bytes:
    """The file of a trained model (`checkpoint.load_model`) in one of `FORMATS`.

    * ``"stablehlo"``: what `jax.export` serialises, for CPU, CUDA and TPU;
      `jax.export.deserialize(data).call(images)` (needs `pip install "cnnjax[stablehlo]"`).
    * ``"onnx"``: a graph with the input `images` and the output `logits`; the names of the classes
      are its metadata `classes`, as JSON (needs `pip install "cnnjax[onnx]"`).

    Raises:
      ValueError: for an unknown format.
      ImportError: names the extra that is missing.
      ExportError: names the operation and the layer that ONNX's writer does not know.
    """
    if format not in FORMATS:
        raise ValueError(f"export: unknown format {format!r}, there are {', '.join(FORMATS)}")
    if format == "stablehlo":
        from cnnjax.export.stablehlo import to_stablehlo

        return to_stablehlo(saved)
    from cnnjax.export.onnx_file import to_onnx

    return to_onnx(saved)
