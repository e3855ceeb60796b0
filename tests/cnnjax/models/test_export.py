"""`jax.export` takes models and layers: the snippet of the README, every model, any batch."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from cnnjax import layers
from cnnjax.checkpoint import SavedModel
from cnnjax.models import build
from cnnjax.preprocessing import Preprocessing

README = Path(__file__).parents[3] / "cnnjax" / "models" / "README.md"
SMALL = {
    "notes": {"image": (12, 12, 3), "widths": (4, 4)},
    "lenet": {"image": (12, 12, 3)},
    "vgg11": {"image": (32, 32, 3), "width": 2, "head": 4},
    "resnet18": {"image": (16, 16, 3), "width": 2},
}
PLATFORMS = ("cpu", "cuda", "tpu")


def saved(name):
    model = build(name, classes=3, **SMALL[name])
    params = model.init(jax.random.key(0))
    return SavedModel(model, params, ("a", "b", "c"), Preprocessing((0.5,) * 3, (0.2,) * 3))


@pytest.mark.parametrize(
    "name",
    [
        "lenet",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("notes", "vgg11", "resnet18")),
    ],
)
def test_the_snippet_of_the_readme_exports_every_model(name):
    [snippet] = re.findall(r"^```python export\n(.*?)^```$", README.read_text(), re.M | re.S)
    namespace = {"saved": saved(name)}
    exec(compile(snippet, str(README), "exec"), namespace)
    exported = namespace["exported"]
    assert exported.platforms == PLATFORMS
    assert namespace["answers"].shape == (5, 3)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, *SMALL[name]["image"]), np.uint8)
    expected = jax.jit(namespace["probabilities"])(images)
    np.testing.assert_allclose(exported.call(images), expected, rtol=2e-5, atol=2e-6)
    assert jax.eval_shape(exported.call, images[:2]).shape == (2, 3)  # another batch


def test_an_exported_model_is_read_again_from_bytes():
    pytest.importorskip("flatbuffers", reason="jax.export needs it to make bytes")
    net = saved("lenet")
    images = jax.ShapeDtypeStruct((2, *net.model.image), jnp.float32)
    exported = export.export(jax.jit(lambda x: net.model.apply(net.params, x)))(images)
    again = export.deserialize(exported.serialize())
    x = jnp.ones(images.shape)
    np.testing.assert_array_equal(again.call(x), exported.call(x))


KERNEL = jnp.linspace(-1, 1, 3 * 3 * 2 * 2).reshape(3, 3, 2, 2)
LAYERS = {
    "conv": lambda x: layers.conv(x, KERNEL),
    "conv_transpose": lambda x: layers.conv_transpose(x, KERNEL, stride=2, padding="SAME"),
    "max_pool": lambda x: layers.max_pool(x, 2),
    "avg_pool": lambda x: layers.avg_pool(x, 2),
    "global_avg_pool": layers.global_avg_pool,
}


def test_layers_and_their_gradients_are_exported_for_any_batch():
    def all_of_them(x):
        return {
            name: (layer(x), jax.grad(lambda x, f=layer: jnp.sum(f(x) ** 2))(x))
            for name, layer in LAYERS.items()
        }

    x = jax.ShapeDtypeStruct(export.symbolic_shape("b, 8, 8, 2"), jnp.float32)
    exported = export.export(jax.jit(all_of_them), platforms=PLATFORMS)(x)
    given = np.random.default_rng(0).normal(size=(3, 8, 8, 2)).astype(np.float32)
    found, expected = exported.call(given), jax.jit(all_of_them)(given)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
