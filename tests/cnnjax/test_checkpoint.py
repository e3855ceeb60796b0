"""Files that hold arrays: what goes in comes out, all of it or an error, never half."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors.numpy import save_file

from cnnjax.checkpoint import (
    CheckpointError,
    atomic,
    flatten,
    load_model,
    read,
    save_model,
    unflatten,
    write,
)
from cnnjax.models import build
from cnnjax.preprocessing import Preprocessing

# Small members of every family.
MODELS = {
    "notes": {"image": (8, 8, 3), "widths": (4, 6), "kernel": 3},
    "lenet": {"image": (28, 28, 1)},
    "vgg11": {"image": (32, 32, 3)},
    "resnet18": {"image": (16, 16, 3), "width": 4},
}


def identical(left, right):
    paths, others = jax.tree_util.tree_leaves_with_path(left), jax.tree.leaves(right)
    return len(paths) == len(others) and all(
        a.dtype == b.dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for (_, a), b in zip(paths, others, strict=True)
    )


@pytest.mark.parametrize(
    "transform",
    [
        optax.sgd(0.1),
        optax.sgd(0.1, momentum=0.9),
        optax.adam(0.1),
        optax.adamw(optax.cosine_decay_schedule(0.1, 10), mask={"a": True, "b": [False]}),
        optax.chain(optax.clip_by_global_norm(1.0), optax.lion(0.1)),
        optax.MultiSteps(optax.adam(0.1), 4).gradient_transformation(),
    ],
    ids=["sgd", "momentum", "adam", "adamw masked", "clip + lion", "multi-steps"],
)
def test_any_optax_state_survives_the_file(tmp_path, transform):
    params = {"a": jnp.arange(6.0).reshape(2, 3), "b": [jnp.array(2.5)]}
    state = transform.init(params)
    grads = jax.tree.map(jnp.ones_like, params)
    _, state = transform.update(grads, state, params)
    write(tmp_path / "state", (params, state), {"step": 3}, "test")
    tensors, record = read(tmp_path / "state", "test")
    assert record == {"step": 3}
    assert identical(unflatten((params, state), tensors, "state"), (params, state))


@pytest.mark.parametrize(
    "dtype", [jnp.float32, jnp.bfloat16, jnp.float16, jnp.int32, jnp.uint8, jnp.bool_]
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
def test_every_dtype_and_shape_survives_the_file(tmp_path, dtype, shape):
    tree = {"x": jnp.asarray(np.random.default_rng(0).integers(0, 2, shape), dtype)}
    write(tmp_path / "file", tree, {}, "test")
    tensors, _ = read(tmp_path / "file", "test")
    assert identical(unflatten(tree, tensors, "file"), tree)


def test_a_transposed_array_survives_the_file(tmp_path):
    tree = {"x": np.arange(6.0).reshape(2, 3).T}
    write(tmp_path / "file", tree, {}, "test")
    np.testing.assert_array_equal(read(tmp_path / "file", "test")[0]["x"], tree["x"])


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_comes_back_whole(tmp_path, name):
    model = build(name, classes=3, **MODELS[name])
    params = jax.jit(model.init)(jax.random.key(0))
    channels = model.image[-1]
    preprocessing = Preprocessing((0.1,) * channels, (1 / 3,) * channels)
    path = tmp_path / "model.safetensors"
    save_model(path, model, params, classes=("a", "b", "둘"), preprocessing=preprocessing)
    saved = load_model(path)
    assert identical(saved.params, params)
    assert (saved.model.name, dict(saved.model.config)) == (model.name, dict(model.config))
    assert saved.classes == ("a", "b", "둘")
    assert saved.preprocessing == preprocessing
    images = np.random.default_rng(0).integers(0, 256, (2, *model.image)).astype(np.uint8)
    x = saved.preprocessing(images)
    np.testing.assert_array_equal(saved.model.apply(saved.params, x), model.apply(params, x))


def test_class_names_must_match_the_model(tmp_path):
    model = build("notes", classes=3, **MODELS["notes"])
    with pytest.raises(ValueError, match="2 class names given, the model has 3 classes"):
        save_model(
            tmp_path / "x", model, {}, classes=("a", "b"), preprocessing=Preprocessing((0,), (1,))
        )


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:  # noqa: PT012
        temporary.write_text("half of the ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_data_is_on_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, n=name, f=original: (calls.append(n), f(*a))[1])
    write(tmp_path / "file", {"x": np.ones(1)}, {}, "test")
    assert calls == ["fsync", "replace", "fsync"]  # file, name, folder


def test_a_file_has_ordinary_permissions(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write(tmp_path / "file", {"x": np.ones(1)}, {}, "test")
    assert (tmp_path / "file").stat().st_mode == ordinary.stat().st_mode


def test_every_flipped_bit_and_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "file"
    write(path, {"x": np.arange(3.0), "n": np.int32(7)}, {"step": 12}, "test")
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in (0, 5):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            if _same_meaning(bytes(damaged), whole):
                continue
            path.write_bytes(damaged)
            with pytest.raises(CheckpointError, match="file: "):
                read(path, "test")
        path.write_bytes(whole[:position])
        with pytest.raises(CheckpointError, match="file: damaged"):
            read(path, "test")


def _same_meaning(damaged, whole):
    """Whether only padding or the spelling of the header changed (a space for a tab)."""
    try:
        size = int.from_bytes(damaged[:8], "little")
        return damaged[8 + size :] == whole[8 + size :] and json.loads(
            damaged[8 : 8 + size]
        ) == json.loads(whole[8 : 8 + size])
    except (ValueError, UnicodeDecodeError, OverflowError, MemoryError):
        return False


def test_files_of_another_kind_are_named(tmp_path):
    save_file({"x": np.ones(1)}, tmp_path / "foreign")
    write(tmp_path / "mine", {"x": np.ones(1)}, {}, "training checkpoint")
    with pytest.raises(CheckpointError, match="not a cnnjax model, but a safetensors file from"):
        load_model(tmp_path / "foreign")
    with pytest.raises(CheckpointError, match="not a cnnjax model, but a cnnjax training check"):
        load_model(tmp_path / "mine")
    with pytest.raises(FileNotFoundError, match="none: no such file"):
        load_model(tmp_path / "none")
    (tmp_path / "run.json").write_text('{\n "data": {}}')
    with pytest.raises(CheckpointError, match=r"run\.json: a JSON file, not a cnnjax model"):
        load_model(tmp_path / "run.json")
    write(tmp_path / "model.safetensors", {"x": np.ones(1)}, {}, "model")
    with pytest.raises(IsADirectoryError, match=r"a folder .*; in it there are model\.safetensors"):
        load_model(tmp_path)


def test_arrays_that_do_not_fit_are_named():
    template = {"a": jnp.ones((2, 3)), "b": jnp.ones(1), "d": jnp.ones(1)}
    tensors = flatten({"a": jnp.ones((3, 2)), "c": jnp.ones(1), "d": jnp.ones(1, jnp.int32)})
    with pytest.raises(CheckpointError) as caught:
        unflatten(template, tensors, "FILE")
    message = str(caught.value)
    assert message.startswith("FILE: ")
    for part in (
        "missing b",
        "unexpected c",
        "a is float32[3, 2], expected float32[2, 3]",
        "d is int32[1], expected float32[1]",
    ):
        assert part in message


def test_names_that_collide_are_refused():
    with pytest.raises(ValueError, match="same dotted name"):
        flatten({"a.b": np.ones(1), "a": {"b": np.ones(1)}})


def test_a_model_this_version_cannot_build_is_an_error(tmp_path):
    record = {"model": "alexnet", "config": {"classes": 2}, "classes": [], "preprocessing": {}}
    write(tmp_path / "file", {"x": np.ones(1)}, record, "model")
    with pytest.raises(CheckpointError, match=r"cannot rebuild its model.*alexnet"):
        load_model(tmp_path / "file")
