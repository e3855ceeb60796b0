"""Fine-tuning: where a run starts, and what stays as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cnnjax import models
from cnnjax.checkpoint import CheckpointError, read
from cnnjax.losses import balanced_weights
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import TrainConfig, fit, initial_params
from cnnjax.train.functions import Functions
from cnnjax.train.start import checked, divide, fingerprint, merge
from cnnjax.train.state import params_of


def quick(**changes):
    return TrainConfig(**{"epochs": 1, "batch_size": 16, "learning_rate": 1e-2, **changes})


def identical(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


def test_params_are_where_the_run_starts_and_stay_whole(toy):
    model, splits = toy.plain(), toy.splits()
    other = initial_params(model, seed=1)
    still = fit(model, splits, quick(), optimizer=optax.sgd(0.0), params=other, progress=False)
    identical(still.params, jax.device_get(other))  # and `other` can still be read
    moved = fit(model, splits, quick(), params=other, progress=False)
    own = fit(model, splits, quick(), params=initial_params(model, 0), progress=False)
    assert (moved.params["conv1"]["kernel"] != own.params["conv1"]["kernel"]).any()
    identical(own.params, fit(model, splits, quick(), progress=False).params)


@pytest.mark.parametrize("frozen", [["conv", "bn.scale"], ["dense.kernel"]])
def test_frozen_layers_do_not_move_and_all_others_do(toy, frozen):
    model = toy.normed()
    config = quick(optimizer="adamw", weight_decay=0.1, ema=0.5)
    before = initial_params(model, 0)
    after = fit(model, toy.splits(), config, frozen=frozen, progress=False).params
    for path, leaf in jax.tree_util.tree_leaves_with_path(jax.device_get(before)):
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        now = after
        for key in path:
            now = now[key.key]
        still = any(name == f or name.startswith(f"{f}.") for f in frozen)
        assert (leaf == now).all() == still, name


def test_a_frozen_layer_is_not_in_the_optimiser_and_is_in_the_checkpoint(toy, tmp_path):
    fit(toy.plain(), toy.splits(), quick(), frozen=["conv1"], out=tmp_path, progress=False)
    tensors, record = read(tmp_path / "checkpoint.safetensors", "training checkpoint")
    assert "frozen.conv1.kernel" in tensors
    assert not [name for name in tensors if name.startswith("opt_state") and "conv1" in name]
    assert record["identity"]["given"] == {"frozen": ["conv1"]}


def test_what_a_run_started_from_is_compared_unless_it_is_left_out(toy, tmp_path):
    model, splits, params = toy.plain(), toy.splits(), initial_params(toy.plain(), 5)
    given = {"params": params, "frozen": ["conv1"], "out": tmp_path, "progress": False}
    path, config = tmp_path / "checkpoint.safetensors", quick(epochs=2)
    kept = []
    result = fit(
        model, splits, config, callbacks=[lambda row: kept.append(path.read_bytes())], **given
    )
    path.write_bytes(kept[0])  # as after the first epoch
    with pytest.raises(CheckpointError, match=r"given.params_crc32 was \d+, now \d+"):
        fit(model, splits, config, resume=True, **{**given, "params": initial_params(model, 6)})
    with pytest.raises(CheckpointError, match=r"given.frozen was \['conv1'\], now absent"):
        fit(model, splits, config, resume=True, **{**given, "frozen": []})
    again = fit(model, splits, config, resume=True, **{**given, "params": None})
    identical(result.params, again.params)
    # What it started from is known still.
    assert "params_crc32" in read(path, "training checkpoint")[1]["identity"]["given"]
    fit(model, splits, config, resume=True, **given)


def test_preprocessing_may_be_that_of_the_network_one_starts_from(toy):
    theirs = Preprocessing((0.5,), (0.25,))
    result = fit(toy.plain(), toy.splits(), quick(), preprocessing=theirs, progress=False)
    assert result.preprocessing == theirs
    three = Preprocessing((0.5,) * 3, (0.25,) * 3)
    with pytest.raises(ValueError, match="is for 3 channels, the images have 1"):
        fit(toy.plain(), toy.splits(), quick(), preprocessing=three, progress=False)


def test_dividing_and_merging_are_inverse(toy):
    params = {k: v for k, v in initial_params(toy.normed(), 0).items() if k != "batch_stats"}
    for frozen in ([], ["conv"], ["bn", "dense.bias"]):
        identical(merge(*divide(params, frozen)), params)


def test_params_of_another_form_are_named(toy):
    model = toy.plain()
    params = initial_params(model, 0)
    del params["conv1"]["bias"]
    params["dense"]["kernel"] = np.zeros((64, 3))
    params["more"] = {"bias": np.zeros(3)}
    message = (
        r"params are not those of notes: conv1.bias is missing; dense.kernel is \[64, 3\], "
        r"expected \[64, 4\]; more.bias is unknown .*models.with_head"
    )
    with pytest.raises(ValueError, match=message):
        checked(model, params)


def test_a_fingerprint_sees_values_and_names():
    params = {"a": {"kernel": np.ones(3, np.float32)}}
    assert fingerprint(params) == fingerprint(jax.tree.map(jnp.asarray, params))
    assert fingerprint(params) != fingerprint({"a": {"bias": np.ones(3, np.float32)}})
    assert fingerprint(params) != fingerprint({"a": {"kernel": np.ones((3, 1), np.float32)}})


# What the options of one step do, on the batch that two configurations share.


SGD = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1.0, "schedule": "constant"}


def test_clipping_shortens_the_step_and_keeps_its_direction(toy):
    def step(**changes):
        before, then = toy.after(quick(**SGD, **changes), steps=1)
        return np.concatenate(
            [
                np.ravel(a - b)
                for a, b in zip(*map(jax.tree.leaves, (then[0], before[0])), strict=True)
            ]
        )

    free, clipped, loose = step(), step(clip_norm=0.01), step(clip_norm=1e6)
    np.testing.assert_allclose(np.linalg.norm(clipped), 0.01, rtol=1e-3)
    np.testing.assert_allclose(clipped / 0.01, free / np.linalg.norm(free), atol=1e-4)
    np.testing.assert_allclose(loose, free, rtol=1e-4, atol=1e-7)
    assert np.linalg.norm(free) > 0.1


def test_the_average_follows_its_formula_and_is_what_the_model_is(toy):
    states = toy.after(quick(**SGD, ema=0.15), model=toy.normed())
    average = {"trained": states[0].trained, "batch_stats": states[0].batch_stats}
    for t, state in enumerate(states[1:]):
        rate = min(0.15, (1 + t) / (10 + t))  # 0.1, then 0.15
        new = {"trained": state.trained, "batch_stats": state.batch_stats}
        average = jax.tree.map(lambda a, b, r=rate: r * a + (1 - r) * b, average, new)
    found = params_of(states[-1])
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        {**average["trained"], "batch_stats": average["batch_stats"]},
        found,
    )
    assert (found["conv"]["kernel"] != states[-1].trained["conv"]["kernel"]).any()


def test_class_weights_weigh_the_gradient_of_each_class(toy):
    """The steps on single classes, times their weights, add up to the weighted step."""

    def change(*weights):
        functions = Functions(weights=weights)
        before, then = toy.after(quick(**SGD), steps=1, functions=functions)
        return jax.tree.map(np.subtract, then.trained, before.trained)

    first, rest = change(1.0, 0.0, 0.0, 0.0), change(0.0, 1.0, 1.0, 1.0)
    jax.tree.map(
        lambda both, a, b: np.testing.assert_allclose(both, 2 * a + 3 * b, rtol=1e-4, atol=1e-5),
        change(2.0, 3.0, 3.0, 3.0), first, rest,
    )  # fmt: skip


def test_balanced_weights_are_of_the_training_images(toy):
    splits = toy.splits()
    weights = balanced_weights(splits.train.labels, 4)
    counts = np.bincount(splits.train.labels)
    np.testing.assert_allclose(np.multiply(weights, counts), len(splits.train.labels) / 4)
    balanced = fit(toy.plain(), splits, quick(class_weights="balanced"), progress=False)
    given = fit(toy.plain(), splits, quick(class_weights=weights), progress=False)
    identical(balanced.params, given.params)


def test_mixing_is_part_of_the_step_and_micro_batches_do_not_change_it(toy):
    def thirds(key, images, labels):  # quicker to compile than draws from a Beta distribution
        share = jax.random.uniform(key, (len(images),), jnp.float32)
        return images // 3, labels[::-1], share

    functions = Functions(mix=thirds)
    mixed = toy.after(quick(**SGD), steps=1, functions=functions)[-1]
    parts = toy.after(quick(**SGD, accumulate=2), steps=1, functions=functions)[-1]
    plain = toy.after(quick(**SGD), steps=1)[-1]
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6),
        mixed.trained,
        parts.trained,
    )
    assert (plain.trained["dense"]["kernel"] != mixed.trained["dense"]["kernel"]).any()


def test_the_head_is_what_depends_on_the_classes():
    small = {"notes": {"widths": (2,)}, "vgg11": {"width": 2, "head": 4}, "resnet18": {"width": 2}}
    heads = {
        name: models.head(models.build(name, classes=3, image=(32, 32, 1), **small.get(name, {})))
        for name in models.NAMES
    }
    others = {"lenet": "dense3", "vgg11": "dense3", "vgg16": "dense3", "unet": "outc"}
    assert heads == {name: (others.get(name, "dense"),) for name in models.NAMES}


def some(model):
    """Parameters of a model's form, none of them as drawn."""
    form = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: np.full(leaf.shape, 0.5, leaf.dtype), form)


def test_another_head_keeps_the_body_and_draws_the_rest():
    # The body of the note's network is its convolutions: another size of image is no matter.
    old = models.notes_cnn(10, widths=(3,), image=(16, 16, 1))
    new = models.notes_cnn(4, widths=(3,), image=(8, 8, 1))
    params, key = some(old), jax.random.key(1)
    found = models.with_head(new, params, key)
    assert models.body(new) == ("conv1",)
    identical(found["conv1"], params["conv1"])
    identical(found["dense"], jax.jit(new.init)(key)["dense"])
    again = models.with_head(new, some(new), key, layers=["conv1"])
    assert (again["conv1"]["kernel"] != 0.5).all()
    assert (again["dense"]["kernel"] == 0.5).all()


def test_a_body_that_does_not_fit_is_named():
    params = some(models.lenet5(10, image=(32, 32, 1)))
    with pytest.raises(
        ValueError, match=r"not the body of lenet: dense1.kernel is \[576, 120\], exp"
    ):
        models.with_head(models.lenet5(3), params, jax.random.key(1))
    with pytest.raises(ValueError, match="'dense9' are not in lenet; there are conv1, conv2"):
        models.with_head(models.lenet5(3), params, jax.random.key(1), layers=["dense9"])
