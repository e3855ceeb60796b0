"""Laws that every model obeys, run on a small version of each."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.convert.leaves import flatten
from cnnjax.models import BATCH_STATS, MODELS, NAMES, build

# A version of every model that is small enough to test; images are not square on purpose.
SMALL = {
    "notes": {"classes": 3, "image": (13, 9, 2), "widths": (3, 4), "kernel": 3},
    "lenet": {"classes": 3, "image": (20, 14, 1)},
    "vgg11": {"classes": 3, "image": (32, 64, 2), "head": 6, "width": 2},
    "resnet18": {"classes": 3, "image": (12, 18, 2), "width": 3},
    "resnet18-imagenet": {"classes": 3, "image": (30, 46, 2), "width": 3, "stem": "imagenet"},
    "unet": {"classes": 3, "image": (9, 6, 2), "width": 2, "depth": 2},
}
# Their parts obey the laws above, and compiling them takes long: their forms are looked at, and
# their numbers compared with PyTorch's (tests/cnnjax/convert/test_published.py).
RELATIVES = {
    "vgg16": {"classes": 3, "image": (32, 64, 2), "head": 6, "width": 2},
    "resnet34": {"classes": 3, "image": (12, 18, 2), "width": 3},
    "resnet50": {"classes": 3, "image": (12, 18, 2), "width": 3},
    "mobilenet_v2": {"classes": 3, "image": (12, 18, 2), "width": 0.1},
    "convnext": {"classes": 3, "image": (12, 18, 2), "depths": (1, 2), "widths": (3, 4)},
}


VARIANTS = list(SMALL)
# The stem changes shapes, not what gradients or dtypes do: once is enough for the slower laws.
ONCE = [name for name in VARIANTS if name != "resnet18-imagenet"]

# Programs here run once on tiny arrays: what counts is how fast they compile.
jit = functools.partial(
    jax.jit,
    compiler_options={
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
    },
)


def small(variant):
    return build(variant.split("-")[0], **(SMALL | RELATIVES)[variant])


def some_params(model, seed=0, dtype=np.float32):
    """Parameters as after training: nothing is left at zero or one. NumPy, as it is quicker."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        noise = rng.standard_normal(leaf.shape)
        kind = path[-1].key
        if kind == "kernel":
            noise *= np.sqrt(2 / (leaf.size // leaf.shape[-1]))
        elif kind in ("scale", "var"):
            noise = 1 + 0.2 * np.abs(noise)
        else:
            noise *= 0.2
        return jnp.asarray(noise.astype(dtype))

    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree_util.tree_map_with_path(draw, shapes)


def images(model, *batch, seed=2, dtype=np.float32):
    values = np.random.default_rng(seed).standard_normal((*batch, *model.image))
    return jnp.asarray(values.astype(dtype))


def close(a, b, tolerance=2e-5):
    a, b = (np.asarray(v, np.float64) for v in (a, b))
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(np.abs(b).max(), 1.0))


def pixels(model):
    return model.image[:2] if model.per_pixel else ()


def each(variants):
    return pytest.mark.parametrize("model", [small(v) for v in variants], ids=variants)


def test_every_model_has_a_small_version():
    assert {name.split("-")[0] for name in SMALL | RELATIVES} == set(NAMES) <= set(MODELS)


@each([*VARIANTS, *RELATIVES])
def test_the_name_and_the_json_config_rebuild_the_model(model):
    again = build(model.name, **json.loads(json.dumps(dict(model.config))))
    assert (again.name, again.image, again.classes) == (model.name, model.image, model.classes)
    assert again.config == model.config
    one, two = (flatten(jax.eval_shape(m.init, jax.random.key(0))) for m in (model, again))
    assert {p: leaf.shape for p, leaf in one.items()} == {p: leaf.shape for p, leaf in two.items()}


@each(ONCE)
def test_init_is_float32_and_follows_the_key(model):
    init = jit(model.init)
    first, same, other = (flatten(init(jax.random.key(seed))) for seed in (0, 0, 1))
    assert {leaf.dtype for leaf in first.values()} == {jnp.dtype("float32")}
    heads = set()
    for path, leaf in first.items():
        np.testing.assert_array_equal(leaf, same[path])
        if path[-1] == "kernel":
            assert not np.array_equal(leaf, other[path]), path
            # Up to its variance no draw is that of another layer.
            heads.add(round(float(leaf.ravel()[0] / leaf.ravel()[1]), 6))
    assert len(heads) == sum(path[-1] == "kernel" for path in first)


@each(VARIANTS)
def test_leading_batch_axes_are_any_number(model):
    params, x = some_params(model), images(model, 2, 3)
    logits = jit(model.apply)(params, x)
    assert logits.shape == (2, 3, *pixels(model), model.classes)
    assert np.std(logits) > 0.01
    flat = logits.reshape(6, *logits.shape[2:])
    close(jit(model.apply)(params, x.reshape(6, *model.image)), flat)
    close(jit(model.apply)(params, x[1, 2]), logits[1, 2])


@each(ONCE)
def test_the_dtype_of_x_is_the_dtype_of_the_computation(model):
    params = some_params(model)
    with jax.enable_x64(True):
        x = images(model, 2, dtype=np.float64)
        exact = jit(model.apply)(jax.tree.map(lambda p: p.astype(jnp.float64), params), x)
        for dtype, tolerance in (("bfloat16", 0.1), ("float32", 2e-5), ("float64", 1e-12)):
            maps = jit(model.features)(params, x.astype(dtype))
            assert {y.dtype for y in maps.values()} == {jnp.dtype(dtype)}
            close(next(reversed(maps.values())), exact, tolerance)


@each([*ONCE, *RELATIVES])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_nothing_promotes_dtypes_or_ranks_silently(model, dtype):
    params = some_params(model)
    x = jax.ShapeDtypeStruct((2, *model.image), dtype)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        logits, stats = jax.eval_shape(model.apply_train, params, x, jax.random.key(0))
        assert jax.eval_shape(model.apply, params, x).dtype == logits.dtype == dtype
    # Running statistics stay in float32, whatever the computation.
    assert {leaf.dtype for leaf in jax.tree.leaves(stats)} <= {jnp.dtype("float32")}


@each(ONCE)
def test_vmap_and_scan_give_the_same_logits(model):
    params, x = some_params(model), images(model, 3)
    logits = jit(model.apply)(params, x)
    close(jit(jax.vmap(model.apply, (None, 0)))(params, x), logits)

    def scanned(params, x):
        return jax.lax.scan(lambda carry, one: (carry, model.apply(params, one)), 0, x)[1]

    close(jit(scanned)(params, x), logits)
    # Several sets of parameters at once, as for an ensemble.
    other = some_params(model, seed=1)
    both = jit(jax.vmap(model.apply, (0, None)))(
        jax.tree.map(lambda *leaves: jnp.stack(leaves), params, other), x
    )
    close(both[0], logits)
    close(both[1], jit(model.apply)(other, x))


@pytest.mark.parametrize("name", ["notes", "lenet"])
def test_without_jit_the_logits_are_the_same(name):
    model = small(name)
    params, x = some_params(model), images(model, 2)
    close(model.apply(params, x), jit(model.apply)(params, x))
    close(model.apply(params, np.asarray(x)), model.apply(params, x), 0)


@each(VARIANTS)
def test_features_come_in_order_and_end_with_the_logits(model):
    params, x = some_params(model), images(model, 2)
    maps = jit(model.features)(params, x)
    names = list(maps)
    # The order of the layers in the parameters, where a map has the name of a layer.
    assert names[0] in ("conv1", "stem", "inc")
    convs = [name for name in names if name.startswith("conv")]
    assert convs == sorted(convs)
    close(maps[names[-1]], jit(model.apply)(params, x))
    sizes = [y.shape[-3:-1] for y in maps.values() if y.ndim == 4]
    if not model.per_pixel:  # there they grow again
        assert sizes == sorted(sizes, reverse=True)


@each(ONCE)
def test_the_gradient_reaches_every_parameter_and_is_the_slope_of_the_loss(model):
    with jax.enable_x64(True):
        params, x = some_params(model, dtype=np.float64), images(model, 4, dtype=np.float64)
        direction = some_params(model, seed=7, dtype=np.float64)

        def loss(params, x):
            logits, _ = model.apply_train(params, x, jax.random.key(3))
            return jnp.sum(jnp.sin(logits))

        in_params, in_x = jit(jax.grad(loss, (0, 1)))(params, x)
        step = 1e-7
        ahead, behind = (
            jit(loss)(jax.tree.map(lambda p, d: p + t * d, params, direction), x)  # noqa: B023
            for t in (step, -step)
        )
        along = sum(
            float((g * d).sum())
            for g, d in zip(jax.tree.leaves(in_params), jax.tree.leaves(direction), strict=True)
        )
        assert along == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-4)
    assert np.any(in_x)
    for path, leaf in flatten(in_params).items():
        if path[0] == BATCH_STATS:  # training mode does not read them
            assert not np.any(leaf), path
        else:
            assert np.all(np.isfinite(leaf)), path
            assert np.any(leaf), path


@each(ONCE)
def test_training_mode_returns_the_statistics_in_the_form_of_the_parameters(model):
    params, x = some_params(model), images(model, 4)
    logits, stats = jit(model.apply_train)(params, x, jax.random.key(0))
    assert logits.shape == (4, *pixels(model), model.classes)
    old = params.get(BATCH_STATS, {})
    assert jax.tree.structure(stats) == jax.tree.structure(old)
    for path, leaf in flatten(stats).items():
        assert np.all(leaf != flatten(old)[path]), path


def test_training_many_times_on_one_batch_brings_inference_to_its_statistics():
    # Running statistics converge to the batch's, so inference becomes training mode.
    model = small("resnet18")
    params, x = some_params(model), images(model, 8)

    @jit
    def settle(stats):
        def step(stats, _):
            return model.apply_train({**params, BATCH_STATS: stats}, x, jax.random.key(0))[1], None

        return jax.lax.scan(step, stats, length=150)[0]

    stats = settle(params[BATCH_STATS])
    trained, _ = jit(model.apply_train)(params, x, jax.random.key(0))
    # Not equal: the running variance is the unbiased one; n is at least 8 * 2 * 3 here.
    close(jit(model.apply)({**params, BATCH_STATS: stats}, x), trained, 0.05)
    assert not np.allclose(jit(model.apply)(params, x), trained, atol=0.05)


def test_dropout_follows_the_key_and_only_in_training():
    config = {**SMALL["vgg11"], "head": 32}
    model, without = build("vgg11", **config), build("vgg11", **{**config, "dropout": 0.0})
    params, x = some_params(model), images(model, 2)
    train = jit(model.apply_train)
    one, same, other = (train(params, x, jax.random.key(k))[0] for k in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    inference = jit(model.apply)(params, x)
    close(jit(without.apply_train)(params, x, jax.random.key(1))[0], inference)
    assert not np.allclose(one, inference, atol=0.01)


@pytest.mark.parametrize("name", ["notes", "lenet"])
def test_without_dropout_and_norm_training_is_inference(name):
    model = small(name)
    params, x = some_params(model), images(model, 2)
    logits, stats = jit(model.apply_train)(params, x, jax.random.key(0))
    np.testing.assert_array_equal(logits, jit(model.apply)(params, x))
    assert stats == {}


def test_batch_norm_in_training_does_not_look_at_the_running_statistics():
    model = small("resnet18")
    params, x = some_params(model), images(model, 4)
    shifted = {**params, BATCH_STATS: some_params(model, seed=5)[BATCH_STATS]}
    train, infer = jit(model.apply_train), jit(model.apply)
    key = jax.random.key(0)
    np.testing.assert_array_equal(train(params, x, key)[0], train(shifted, x, key)[0])
    assert not np.allclose(infer(params, x), infer(shifted, x), atol=1e-3)
