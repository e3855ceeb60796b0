"""Arrays in shards (Orbax) that are not those of the run: what differs is named."""

import jax
import jax.numpy as jnp
import optax
import pytest
from jax.sharding import Mesh

from cnnjax.checkpoint import CheckpointError, read, write
from cnnjax.train import TrainConfig, data_mesh, fit, shards

pytest.importorskip("orbax.checkpoint")

KIND = "training checkpoint"
TREE = {"params": {"w": jnp.ones((3, 4))}, "opt_state": {"mu": jnp.ones(2)}}


def one() -> Mesh:
    return data_mesh(jax.devices()[:1])


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (
            {"params": TREE["params"], "opt_state": {"nu": jnp.ones(2)}},
            r"another optimizer: its state .*missing opt_state\.nu; unexpected opt_state\.mu",
        ),
        (
            {"params": TREE["params"], "opt_state": {}},
            r"another optimizer: .*unexpected opt_state\.mu",
        ),
        (
            {**TREE, "params": {"w": jnp.ones((3, 5))}},
            r"another run: .*params\.w is float32\[3, 4\], expected float32\[3, 5\]",
        ),
        (  # which Orbax would convert
            {**TREE, "params": {"w": jnp.ones((3, 4), jnp.int32)}},
            r"params\.w is float32\[3, 4\], expected int32\[3, 4\]",
        ),
    ],
)
def test_each_array_that_differs_is_named(tmp_path, template, words):
    name = shards.save(tmp_path, TREE)
    with pytest.raises(CheckpointError, match=words) as raised:
        shards.restore(tmp_path, name, template, one())
    assert "\n" not in str(raised.value)
    jax.tree.map(lambda a, b: (a == b).all(), shards.restore(tmp_path, name, TREE, one()), TREE)


def test_an_optimizer_of_another_structure_is_named_where_programs_cannot_be_compared(
    toy, tmp_path
):
    config = TrainConfig(epochs=1, batch_size=16)
    given = {"out": tmp_path, "progress": False, "mesh": one(), "checkpoints": "orbax"}
    fit(toy.plain(), toy.splits(), config, **given, optimizer=optax.sgd(1e-3, momentum=0.9))
    path = tmp_path / "checkpoint.safetensors"
    arrays, record = read(path, KIND)
    record["made_with"]["jax"] = "0.0.1"
    write(path, arrays, record, KIND)
    with (
        pytest.raises(CheckpointError, match=r"another optimizer: its state.*opt_state.*trace"),
        pytest.warns(UserWarning, match="jax was"),
    ):
        fit(
            toy.plain(), toy.splits(), config, **given, optimizer=optax.adam(1e-3), resume=True
        )  # fmt: skip
