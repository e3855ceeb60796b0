"""Parameters to Flax linen and nnx and back: the same logits from the real Flax modules."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("flax", reason="Flax is not installed (extra `flax`)")

from flax import linen as nn
from flax import nnx

from cnnjax.convert import ConversionError, from_linen, from_nnx, to_linen, to_nnx
from cnnjax.convert import linen as linen_twins
from cnnjax.convert import nnx as nnx_twins
from cnnjax.convert.leaves import flatten
from cnnjax.models import BATCH_STATS, build

CONFIGS = {
    "notes": {"classes": 3, "image": (13, 24, 2), "widths": (3, 4), "kernel": 3},
    "notes-even-kernel": {"classes": 3, "image": (13, 24, 2), "widths": (3, 4, 5), "kernel": 4},
    "lenet": {"classes": 3, "image": (20, 28, 1)},
    "vgg11": {"classes": 3, "image": (32, 64, 2), "head": 6, "width": 2},
    "resnet18": {"classes": 3, "image": (13, 18, 2), "width": 3},
    "resnet18-imagenet": {"classes": 3, "image": (64, 32, 2), "width": 3, "stem": "imagenet"},
    "resnet50": {"classes": 3, "image": (13, 18, 2), "width": 2},
    "mobilenet_v2": {"classes": 3, "image": (13, 18, 2), "width": 0.25},
    "mobilenet_v2-imagenet": {
        "classes": 3, "image": (37, 18, 2), "width": 0.25, "stem": "imagenet",
    },
    "convnext": {
        "classes": 3, "image": (13, 22, 2), "depths": (1, 2), "widths": (4, 6), "patch": 3,
    },
    # Odd sizes all the way down: what grows again lacks a row or a column.
    "unet": {"classes": 3, "image": (15, 22, 2), "width": 2, "depth": 3},
}  # fmt: skip
RELATIVES = {"vgg16": {"classes": 3, "image": (32, 64, 2), "head": 6, "width": 2}}
RELATIVES |= {"resnet34": CONFIGS["resnet18"]}
KINDS = {"linen": (to_linen, from_linen), "nnx": (to_nnx, from_nnx)}


def model_of(variant):
    return build(variant.split("-")[0], **(CONFIGS | RELATIVES)[variant])


def some_params(model, dtype=np.float32):
    """Random everywhere, biases and statistics too: nothing that is forgotten goes unseen."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        noise = rng.standard_normal(leaf.shape)
        if path[-1].key == "kernel":
            noise *= np.sqrt(2 / (leaf.size // leaf.shape[-1]))
        elif path[-1].key == "var":
            noise = 0.5 + np.abs(noise)
        return jnp.asarray(noise.astype(dtype))

    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree_util.tree_map_with_path(draw, shapes)


def images(model, count=2):
    return jnp.asarray(np.random.default_rng(1).standard_normal((count, *model.image)))


# Programs here run once on tiny arrays: what counts is how fast they compile.
jit = functools.partial(
    jax.jit,
    compiler_options={
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
    },
)


def logits_of(kind, model, converted, x):
    if kind == "linen":
        return jit(linen_twins.module(model).apply)(converted, x)
    graph, state = nnx.split(converted)
    return jit(lambda state, x: nnx.merge(graph, state)(x))(state, x)


@pytest.mark.parametrize("variant", CONFIGS)
@pytest.mark.parametrize("kind", KINDS)
def test_flax_computes_the_same_logits(kind, variant):
    model = model_of(variant)
    to, _ = KINDS[kind]
    # In float64 equal programs agree far below anything a wrong name or layout could leave.
    with jax.enable_x64(True):
        params, x = some_params(model, np.float64), images(model)
        logits = np.asarray(jit(model.apply)(params, x))
        found = np.asarray(logits_of(kind, model, to(model, params), x))
    assert found.dtype == logits.dtype == np.float64
    assert np.std(logits) > 0.01
    np.testing.assert_allclose(found, logits, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("variant", CONFIGS)
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_again_is_exact(kind, variant):
    model = model_of(variant)
    to, back = KINDS[kind]
    params = some_params(model)
    again = back(model, to(model, params))
    assert jax.tree.structure(again) == jax.tree.structure(params)
    for path, leaf in flatten(params).items():
        np.testing.assert_array_equal(flatten(again)[path], leaf)
        assert flatten(again)[path].dtype == leaf.dtype


@pytest.mark.parametrize("variant", [*CONFIGS, *RELATIVES])
def test_what_linen_initialises_has_the_names_and_shapes_of_the_model(variant):
    model = model_of(variant)
    twin = linen_twins.module(model)
    x = jnp.zeros((1, *model.image))
    variables = jax.eval_shape(twin.init, jax.random.key(0), x)
    found = {path: leaf.shape for path, leaf in flatten(from_linen(model, variables)).items()}
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert found == {path: leaf.shape for path, leaf in flatten(params).items()}


@pytest.mark.parametrize("variant", [*CONFIGS, *RELATIVES])
def test_what_nnx_initialises_has_the_names_and_shapes_of_the_model(variant):
    model = model_of(variant)
    twin = nnx.eval_shape(lambda: nnx_twins.module(model))
    found = {path: leaf.shape for path, leaf in flatten(from_nnx(model, twin)).items()}
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert found == {path: leaf.shape for path, leaf in flatten(params).items()}


@pytest.mark.parametrize("variant", ["notes"])
def test_what_nnx_initialises_computes_the_same_logits_here(variant):
    model = model_of(variant)
    twin = nnx_twins.module(model, seed=3)
    twin.eval()
    x = images(model).astype(np.float32)
    for given in (twin, nnx.state(twin, nnx.Any(nnx.Param, nnx.BatchStat))):
        params = from_nnx(model, given)
        logits = jit(model.apply)(params, x)
        np.testing.assert_allclose(logits_of("nnx", model, twin, x), logits, rtol=1e-4, atol=1e-5)


STATISTICS = {
    "resnet18": {"layer1": (13, 18), "layer2": (7, 9), "layer3": (4, 5), "layer4": (2, 3)},
    "unet": {"down1": (7, 11), "down2": (3, 5), "down3": (1, 2), "up1": (3, 5), "up2": (7, 11)},
}
"""The maps whose statistics are kept, where they are not as large as the image."""


@pytest.mark.parametrize("variant", STATISTICS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_step_gives_the_same_logits_and_statistics(kind, variant):
    model = model_of(variant)
    with jax.enable_x64(True):
        params, x = some_params(model, np.float64), images(model, 4)
        logits, stats = jit(model.apply_train)(params, x, jax.random.key(0))
        if kind == "linen":
            twin = linen_twins.module(model)
            step = functools.partial(twin.apply, train=True, mutable=BATCH_STATS)
            found, updated = jit(step)(to_linen(model, params), x)
            found_stats = updated[BATCH_STATS]
        else:
            nnx_twin = to_nnx(model, params)
            nnx_twin.train()
            graph, state = nnx.split(nnx_twin)

            def step(state, x):
                twin = nnx.merge(graph, state)
                return twin(x), nnx.state(twin)

            found, state = jit(step)(state, x)
            found_stats = from_nnx(model, nnx.merge(graph, state))[BATCH_STATS]
        found, logits, old, new, found_stats = jax.tree.map(
            np.asarray, (found, logits, params[BATCH_STATS], stats, found_stats)
        )
    np.testing.assert_allclose(found, logits, rtol=1e-8, atol=1e-9)
    old, new, found_stats = flatten(old), flatten(new), flatten(found_stats)
    cells = STATISTICS[variant]
    for path, ours in new.items():
        if path[-1] == "mean":
            np.testing.assert_allclose(found_stats[path], ours, rtol=1e-9, atol=1e-10)
            continue
        # Flax keeps the biased variance: the batch's share differs by n / (n - 1).
        share = (ours - 0.9 * old[path]) / (found_stats[path] - 0.9 * old[path])
        n = 4 * np.prod(cells.get(path[0], model.image[:2]))
        np.testing.assert_allclose(share, n / (n - 1), rtol=1e-6)


RANDOM = {
    "vgg11": {"head": 32},
    "mobilenet_v2": {"dropout": 0.5},
    "convnext": {"drop": 0.9, "depths": (2, 3)},
}


@pytest.mark.parametrize("name", RANDOM)
def test_dropout_of_the_twins_is_on_in_training_only(name):
    model = build(name, **{**CONFIGS[name], **RANDOM[name]})
    params, x = some_params(model), images(model).astype(np.float32)
    variables, twin = to_linen(model, params), linen_twins.module(model)
    rngs = {"dropout": jax.random.key(0)}
    plain = jit(model.apply)(params, x)
    mutable = [BATCH_STATS]
    dropped, _ = jit(functools.partial(twin.apply, train=True, mutable=mutable))(
        variables, x, rngs=rngs
    )
    assert not np.allclose(dropped, plain, atol=0.01)
    nnx_twin = to_nnx(model, params)
    nnx_twin.train()
    assert not np.allclose(logits_of("nnx", model, nnx_twin, x), plain, atol=0.01)
    nnx_twin.eval()
    np.testing.assert_allclose(logits_of("nnx", model, nnx_twin, x), plain, rtol=1e-4, atol=1e-5)


def test_a_module_of_ones_own_converts_if_it_uses_the_names():
    class Mine(nn.Module):
        @nn.compact
        def __call__(self, x):
            for i in (1, 2):
                x = nn.max_pool(nn.relu(nn.Conv(2 + i, (3, 3), name=f"conv{i}")(x)), (2, 2), (2, 2))
            return nn.Dense(3, name="dense")(x.reshape(x.shape[0], -1))

    model = model_of("notes")
    x = images(model).astype(np.float32)
    variables = Mine().init(jax.random.key(0), x)
    logits = model.apply(from_linen(model, variables), x)
    np.testing.assert_allclose(Mine().apply(variables, x), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_all_wrong_names_and_shapes_are_listed_at_once(kind):
    model = model_of("resnet18")
    to, back = KINDS[kind]
    params = some_params(model)
    params["bn2"] = params.pop("bn1")
    params["dense"]["bias"] = jnp.zeros(4)
    faults = (
        "missing bn1.scale (3,)",
        "missing bn1.bias (3,)",
        "unknown bn2.scale",
        "unknown bn2.bias",
        "dense.bias has shape (4,), expected (3,)",
    )
    with pytest.raises(ConversionError) as caught:
        to(model, params)
    assert str(caught.value).startswith(f"to_{kind}: not the parameters of resnet18")
    assert all(fault in str(caught.value) for fault in faults)
    with pytest.raises(ConversionError, match=f"from_{kind}: .*resnet18"):
        back(model, to(model_of("notes"), some_params(model_of("notes"))))


def test_linen_variables_without_params_are_refused():
    with pytest.raises(ConversionError, match=r"need the collection 'params', there are \['conv1'"):
        from_linen(model_of("notes"), some_params(model_of("notes")))
