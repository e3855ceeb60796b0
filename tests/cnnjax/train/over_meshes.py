"""`fit` over meshes of four devices: the same training, whatever their axes are.

    python tests/cnnjax/train/over_meshes.py [few]

Started by `test_meshes.py`.
"""

import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest
import toy
from jax.sharding import AxisType, PartitionSpec

from cnnjax.train import TrainConfig, evaluate, fit
from cnnjax.train.mesh import automatic, placement, spread

SETTINGS = {"optimizer": "sgd", "learning_rate": 0.05, "batch_size": 16, "epochs": 2}
EXPLICIT, AUTO = AxisType.Explicit, AxisType.Auto


def meshes():
    """By name: sizes and names of the axes, and of what kind they are."""
    for kinds in ((EXPLICIT, EXPLICIT), (AUTO, AUTO), (EXPLICIT, AUTO)):
        name = "+".join(k.name for k in kinds)
        yield f"data, model: {name}", jax.make_mesh((2, 2), ("data", "model"), axis_types=kinds)
    yield "model, data", jax.make_mesh((2, 2), ("model", "data"))
    yield "data", jax.make_mesh((4,), ("data",))
    yield "one other", jax.make_mesh((2, 2), ("data", "x"))


def trained(mesh, model, accumulate=1, **options):
    config = TrainConfig(**SETTINGS, accumulate=accumulate)
    return fit(model, toy.splits(), config, mesh=mesh, progress=False, **options)


def compare(name, found, expected):
    for a, b in zip(*map(jax.tree.leaves, (found.params, expected.params)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5, err_msg=name)
    assert found.evaluation.confusion.tolist() == expected.evaluation.confusion.tolist(), name
    assert abs(found.evaluation.loss - expected.evaluation.loss) < 1e-4, name


def main(few):
    one = jax.make_mesh((1,), ("data",))
    expected = trained(one, toy.plain())
    mesh = jax.make_mesh((2, 2), ("data", "model"))
    with jax.set_mesh(mesh):
        compare("a mesh that is set", trained(mesh, toy.plain()), expected)
    # What is split lies in parts on the devices; and evaluation takes the same mesh.
    lying = spread(expected.params, automatic(mesh, "test"))
    kernel = jax.tree.leaves(lying)[1]
    assert kernel.sharding.spec[-1] == "model", kernel.sharding
    assert kernel.addressable_shards[0].data.size == kernel.size // 2
    alone = evaluate(
        toy.plain(), lying, toy.splits().test, expected.preprocessing, mesh=mesh, batch_size=10
    )
    assert alone.confusion.tolist() == expected.evaluation.confusion.tolist()
    everywhere = placement(expected.params, jax.make_mesh((4,), ("data",)))
    assert {s.spec for s in jax.tree.leaves(everywhere)} == {PartitionSpec()}
    refusals()
    if not few:
        others(mesh, expected)
        compare("batch norm", trained(mesh, toy.normed()), trained(one, toy.normed()))
    print("all meshes agree")


def refusals():
    for axes, batch, message in (
        (("x", "model"), 16, "an axis 'data'"),
        (("data", "model"), 15, "does not divide over 2 devices"),
    ):
        config = TrainConfig(**{**SETTINGS, "batch_size": batch})
        mesh = jax.make_mesh((2, 2), axes)
        with pytest.raises(ValueError, match=message):
            fit(toy.plain(), toy.splits(), config, mesh=mesh, progress=False)
    test, mesh = toy.splits().test, jax.make_mesh((4,), ("x",))
    with pytest.raises(ValueError, match="evaluate: mesh needs an axis 'data'"):
        evaluate(toy.plain(), None, test, None, mesh=mesh)


def others(mesh, expected):
    for name, other in meshes():
        compare(name, trained(other, toy.plain()), expected)
    compare("micro-batches", trained(mesh, toy.plain(), accumulate=2), expected)
    for kind in (EXPLICIT, AUTO):
        with jax.set_mesh(jax.make_mesh((2, 2), ("data", "model"), axis_types=(kind, kind))):
            other = jax.make_mesh((4,), ("data",))
            compare("another is set", trained(other, toy.plain()), expected)
    # A checkpoint of four devices, and one that is read again over them.
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        trained(mesh, toy.plain(), out=out)
        compare("resumed", trained(mesh, toy.plain(), out=out, resume=True), expected)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] == ["few"]))
