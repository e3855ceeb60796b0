"""Exported models give the logits of the models, for any number of images, elsewhere too."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from cnnjax import models
from cnnjax.checkpoint import SavedModel
from cnnjax.export import ExportError, exported, logits_of
from cnnjax.preprocessing import Preprocessing

IMAGE = (16, 12, 3)
SMALL = {
    "notes": {"image": IMAGE, "widths": (4, 4), "kernel": 4},
    "lenet": {"image": IMAGE},
    "vgg11": {"image": (32, 32, 3), "width": 2, "head": 4},
    "vgg16": {"image": (32, 32, 3), "width": 2, "head": 4},
    "resnet18": {"image": (20, 16, 3), "width": 2, "stem": "imagenet"},
    "resnet34": {"image": (9, 8, 3), "width": 2},
    "resnet50": {"image": (9, 8, 3), "width": 2},
    "mobilenet_v2": {"image": (9, 8, 3), "width": 0.1},
    "convnext": {"image": IMAGE, "depths": (1, 1), "widths": (4, 6), "patch": 2, "scale": 0.5},
    "unet": {"image": (9, 14, 3), "width": 2, "depth": 2},
}


def saved_model(name, options=None):
    """With parameters as after training: nothing is left at zero or one."""
    model = models.build(name, classes=3, **(SMALL[name] if options is None else options))
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        noise = rng.standard_normal(leaf.shape)
        if path[-1].key == "kernel":
            noise *= np.sqrt(2 / (leaf.size // leaf.shape[-1]))
        elif path[-1].key in ("scale", "var"):
            noise = 1 + 0.2 * np.abs(noise)
        else:
            noise *= 0.2
        return jnp.asarray(noise, jnp.float32)

    shapes = jax.eval_shape(model.init, jax.random.key(0))
    params = jax.tree_util.tree_map_with_path(draw, shapes)
    return SavedModel(model, params, ("a", "b", "ü"), Preprocessing((0.5,) * 3, (0.25,) * 3))


def images(saved, count):
    shape = (count, *saved.model.image)
    return np.random.default_rng(count).integers(0, 256, shape, np.uint8)


def session(data):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (`onnx`)")
    return runtime.InferenceSession(data, providers=["CPUExecutionProvider"])


def test_every_model_is_exported_here():
    assert set(SMALL) == set(models.NAMES)


@pytest.mark.parametrize("name", SMALL)
def test_onnxruntime_gives_the_same_logits_for_any_number_of_images(name):
    pytest.importorskip("onnx", reason="ONNX is not installed (extra `onnx`)")
    saved = saved_model(name)
    runs = session(exported(saved, "onnx"))
    for count in (1, 3):
        given = images(saved, count)
        (found,) = runs.run(None, {"images": given})
        expected = np.asarray(jax.jit(logits_of(saved))(given))
        assert found.shape == expected.shape
        assert np.std(expected) > 0.01
        np.testing.assert_allclose(found, expected, rtol=0, atol=3e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["notes", "lenet"])
def test_the_logits_lie_within_the_certified_rounding(name):
    pytest.importorskip("onnx", reason="ONNX is not installed (extra `onnx`)")
    saved = saved_model(name)
    function, given = logits_of(saved), images(saved, 2)
    rounding = verify.rounding(verify.equivalent(function, function, given, seed=0))
    assert 0 < rounding.bound < np.inf
    (found,) = session(exported(saved, "onnx")).run(None, {"images": given})
    assert np.abs(found - np.asarray(jax.jit(function)(given))).max() <= rounding.bound


def test_the_onnx_file_says_what_it_is():
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed (extra `onnx`)")
    file = onnx.load_from_string(exported(saved_model("lenet"), "onnx"))
    about = {entry.key: entry.value for entry in file.metadata_props}
    assert json.loads(about["classes"]) == ["a", "b", "ü"]
    assert (about["model"], json.loads(about["config"])["image"]) == ("lenet", list(IMAGE))
    (given,) = file.graph.input
    sizes = [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim]
    assert (given.name, sizes) == ("images", ["batch", *IMAGE])


READER = """
import sys, numpy, jax
data = open(sys.argv[1], "rb").read()
images = numpy.load(sys.argv[2])
numpy.save(sys.argv[3], jax.export.deserialize(bytearray(data)).call(images))
assert not any(name.startswith("cnnjax") for name in sys.modules)
"""


def test_stablehlo_is_read_by_a_process_with_jax_alone(tmp_path):
    pytest.importorskip("flatbuffers", reason="flatbuffers is not installed (extra `stablehlo`)")
    saved = saved_model("lenet")
    path, given, found = (str(tmp_path / name) for name in ("m.stablehlo", "x.npy", "y.npy"))
    with open(path, "wb") as file:
        file.write(exported(saved, "stablehlo"))
    np.save(given, images(saved, 5))
    subprocess.run([sys.executable, "-I", "-c", READER, path, given, found], check=True)
    expected = jax.jit(logits_of(saved))(images(saved, 5))
    np.testing.assert_allclose(np.load(found), expected, rtol=1e-5, atol=1e-6)
    again = jax.export.deserialize(bytearray(exported(saved, "stablehlo")))
    assert again.platforms == ("cpu", "cuda", "tpu")


def own(operation):
    """A model of one's own that ends with an operation."""

    def init(key):
        return {"head": models.dense_params(key, 3, 3)}

    def forward(params, x, *, key, record):
        x = x.mean((-3, -2))
        with jax.named_scope("sorted"):
            x = operation(x)
        return record("head", x @ params["head"]["kernel"]), {}

    return models.from_forward("own", {"classes": 3, "image": IMAGE}, init, forward)


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (jnp.sort, "onnx: layer sorted uses the operation sort, which has no form in ONNX here"),
        (jnp.cbrt, "layer sorted uses the operation cbrt has no operation of its own, which"),
        (lambda x: jax.lax.fori_loop(0, 3, lambda i, x: x + 1, x), "the operation (scan|while)"),
    ],
)
def test_an_operation_that_onnx_has_not_is_named_with_its_layer(operation, words):
    pytest.importorskip("onnx", reason="ONNX is not installed (extra `onnx`)")
    model = own(operation)
    params = model.init(jax.random.key(0))
    saved = SavedModel(model, params, ("a", "b", "c"), Preprocessing((0.5,) * 3, (0.25,) * 3))
    with pytest.raises(ExportError, match=words):
        exported(saved, "onnx")


@pytest.mark.parametrize(("format", "module"), [("onnx", "onnx"), ("stablehlo", "flatbuffers")])
def test_a_missing_library_is_named_with_the_extra(format, module, monkeypatch):
    # As if it were not installed, and nothing of ours had been imported yet.
    monkeypatch.setitem(sys.modules, module, None)
    for name in list(sys.modules):
        if name.startswith("cnnjax.export.") and name != "cnnjax.export.inference":
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=rf'pip install "cnnjax\[{format}\]"'):
        exported(saved_model("lenet"), format)


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="unknown format 'tflite', there are stablehlo, onnx"):
        exported(saved_model("lenet"), "tflite")
