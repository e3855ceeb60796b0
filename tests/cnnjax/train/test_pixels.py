"""A class a pixel: `fit` learns it, labels move with what they name, counts are of pixels."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import data, layers, models
from cnnjax.checkpoint import CheckpointError, load_model
from cnnjax.data import DataError, Dataset, Splits, streamed
from cnnjax.losses import balanced_weights, cross_entropy
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import TrainConfig, augment, augment_pixels, evaluate, fit
from cnnjax.train.callbacks import JsonLines
from cnnjax.train.state import initial_state

SIDE = 8
KEY = jax.random.key(3)
CLASSES = ("background", "disc")
CONFIG = TrainConfig(epochs=3, batch_size=16, learning_rate=3e-2, checkpoint_steps=1)


def discs(count, seed, name="discs"):
    """Noise with one brighter disc, whose pixels are of the second class."""
    rng = np.random.default_rng(seed)
    row, column = rng.uniform(2, SIDE - 2, (2, count, 1, 1))
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = (y - row) ** 2 + (x - column) ** 2 <= 6
    images = rng.integers(0, 100, (count, SIDE, SIDE)) + 150 * inside
    return Dataset(images[..., None].astype(np.uint8), inside.astype(np.int32), CLASSES, name)


SPLITS = Splits(discs(64, 0, "discs train"), discs(21, 1, "discs test"))


def model():
    """Two convolutions: the smallest network that answers pixel by pixel."""

    def init(key):
        first, second = jax.random.split(key)
        return {
            "conv1": {"kernel": 0.3 * jax.random.normal(first, (3, 3, 1, 4)), "bias": jnp.zeros(4)},
            "conv2": {"kernel": jax.random.normal(second, (1, 1, 4, 2)), "bias": jnp.zeros(2)},
        }

    def forward(params, x, *, key, record):
        return layers.conv(layers.relu(layers.conv(x, **params["conv1"])), **params["conv2"]), {}

    config = {"classes": 2, "image": (SIDE, SIDE, 1)}
    return models.from_forward("pixels", config, init, forward, per_pixel=True)


def fitted(config=CONFIG, splits=SPLITS, **given):
    return fit(model(), splits, config, progress=False, **given)


UNET = models.unet(2, image=(SIDE, SIDE, 1), width=2, depth=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unet")
    result = fit(UNET, SPLITS, replace(CONFIG, epochs=20), progress=False, out=folder)
    saved = load_model(folder / "model.safetensors")
    assert saved.model.per_pixel
    assert saved.classes == CLASSES
    return result


def test_fit_learns_which_pixels_are_bright(trained):
    assert trained.evaluation.accuracy > 0.95
    assert trained.evaluation.mean_iou > 0.85
    last = trained.history[-1]
    assert last["test_accuracy"] == trained.evaluation.accuracy
    assert last["test_mean_iou"] == trained.evaluation.mean_iou
    assert 0.5 < last["accuracy"] <= 1  # a share of pixels, not of images
    assert "test mean iou" in trained._repr_html_()


@pytest.mark.parametrize("batch_size", [1, 8, 21, 100])
def test_evaluation_is_a_recount_of_the_pixels(trained, batch_size):
    test, preprocessing = SPLITS.test, trained.preprocessing
    logits = np.asarray(UNET.apply(trained.params, preprocessing(test.images)))
    found = evaluate(UNET, trained.params, test, preprocessing, batch_size=batch_size)
    confusion = np.zeros((2, 2), np.int64)
    np.add.at(confusion, (test.labels, logits.argmax(-1)), 1)
    assert found.confusion.tolist() == confusion.tolist()
    assert found.confusion.sum() == test.labels.size
    assert found.accuracy == np.trace(confusion) / test.labels.size
    loss = cross_entropy(jnp.asarray(logits), jnp.asarray(test.labels)).mean()
    np.testing.assert_allclose(found.loss, loss, rtol=1e-5)
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    assert found.mean_iou == (np.diag(confusion) / union).mean()


def test_one_step_is_the_mean_over_all_pixels():
    config = replace(
        CONFIG, epochs=1, batch_size=64, optimizer="sgd", momentum=0.0, learning_rate=0.1,
        schedule="constant",
    )  # fmt: skip
    found = fitted(config)
    net, x = model(), found.preprocessing(SPLITS.train.images)
    state = initial_state(net, config, 1)

    def loss(trained):
        return cross_entropy(net.apply(trained, x), jnp.asarray(SPLITS.train.labels)).mean()

    value, slope = jax.value_and_grad(loss)(state.trained)
    np.testing.assert_allclose(found.history[0]["loss"], value, rtol=1e-5)
    for path, leaf in jax.tree_util.tree_leaves_with_path(slope):
        before, after = (functools.reduce(lambda t, k: t[k.key], path, tree)
                         for tree in (state.trained, found.params))  # fmt: skip
        np.testing.assert_allclose(after, before - 0.1 * leaf, atol=1e-5)


def test_micro_batches_take_their_share_of_the_labels():
    whole, parts = (fitted(replace(CONFIG, epochs=1, accumulate=k)) for k in (1, 2))
    assert abs(whole.history[0]["loss"] - parts.history[0]["loss"]) < 1e-5
    assert whole.history[0]["accuracy"] == parts.history[0]["accuracy"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_resumed_run_is_the_run_that_was_not_stopped(tmp_path, stream):
    splits = SPLITS
    if stream:
        splits = Splits(*(in_a_stream(part) for part in (SPLITS.train, SPLITS.test)))
    config = replace(CONFIG, augment="flip+crop", epochs=2)
    expected = fitted(config)

    def stop(row):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        fitted(config, splits, out=tmp_path, callbacks=[stop])
    found = fitted(config, splits, out=tmp_path, resume=True)
    for a, b in zip(*map(jax.tree.leaves, (found.params, expected.params)), strict=True):
        np.testing.assert_array_equal(a, b)


def in_a_stream(part):
    one = np.zeros(len(part), np.int32)
    images = streamed(part.images, labels=one, classes=CLASSES, name=part.name, processes=False)
    return Dataset(images.images, part.labels, CLASSES, part.name)


def test_other_labels_are_another_run(tmp_path):
    fitted(replace(CONFIG, epochs=1), out=tmp_path)
    train = SPLITS.train
    other = Dataset(train.images, 1 - train.labels, CLASSES, train.name)
    with pytest.raises(CheckpointError, match=r"data\.train\.labels_crc32"):
        fitted(replace(CONFIG, epochs=1), Splits(other, SPLITS.test), out=tmp_path, resume=True)


# --- what moves a pixel moves its label ---------------------------------------------------------


def coded(count=60):
    """Images in which a pixel's value is its label."""
    labels = np.random.default_rng(0).integers(0, 256, (count, 6, 8)).astype(np.int32)
    return jnp.asarray(labels[..., None].astype(np.uint8)), jnp.asarray(labels)


@pytest.mark.parametrize("kind", ["none", "flip", "crop", "cutout", "crop+flip+cutout"])
def test_images_are_those_of_the_augmentation_without_labels(kind):
    images, labels = coded()
    changed, _ = augment_pixels.augment(KEY, images, labels, kind, crop=0.3, side=3, fill=9)
    expected = augment.augment(KEY, images, kind, crop=0.3, side=3, fill=9)
    np.testing.assert_array_equal(changed, expected)


def test_a_mirrored_image_has_its_labels_mirrored():
    images, labels = coded()
    changed, moved = augment_pixels.augment(KEY, images, labels, "flip")
    np.testing.assert_array_equal(changed[..., 0], moved)
    kept = (moved == labels).all((1, 2))
    assert 15 < int(kept.sum()) < 45


def test_a_crop_has_the_labels_of_its_own_box():
    # One half is black and the other white, so that a pixel shows on which side it was.
    labels = jnp.zeros((60, 8, 8), jnp.int32).at[:, :, 4:].set(1)
    images = (255 * labels[..., None]).astype(jnp.uint8)
    changed, moved = augment_pixels.augment(KEY, images, labels, "crop+flip", crop=0.2)
    white = (changed[..., 0] > 127).astype(jnp.int32)
    clear = (changed[..., 0] < 100) | (changed[..., 0] > 155)
    assert bool((white == moved)[clear].all())
    assert float(clear.mean()) > 0.85
    assert bool((moved != labels).any())


def test_a_crop_makes_up_no_label():
    labels = jnp.zeros((60, 8, 8), jnp.int32).at[:, :, 4:].set(7)
    images = jnp.zeros((60, 8, 8, 1), jnp.uint8)
    _, moved = augment_pixels.random_resized_crop(KEY, images, labels, 0.1)
    assert np.unique(moved).tolist() == [0, 7]


def test_what_is_cut_out_keeps_its_labels():
    images, labels = coded()
    changed, moved = augment_pixels.augment(KEY, images, labels, "cutout", side=4)
    np.testing.assert_array_equal(moved, labels)
    assert bool((changed != images).any())


# --- functions of the user's own, and what is refused -------------------------------------------


def test_functions_of_ones_own_are_given_pixels(tmp_path):
    seen = []

    def own(key, images, labels):
        seen.append((images.shape, labels.shape))
        return augment_pixels.flip(key, images, labels)

    def loss(logits, labels):
        assert logits.shape == (*labels.shape, 2)
        return 2 * cross_entropy(logits, labels)

    config, rows = replace(CONFIG, epochs=1), tmp_path / "rows.jsonl"
    found = fitted(
        config, augment=own, loss=loss, out=tmp_path / "run", callbacks=[JsonLines(rows)]
    )
    assert set(seen) == {((16, SIDE, SIDE, 1), (16, SIDE, SIDE))}
    assert found.history[0]["loss"] > 0
    assert "test_mean_iou" in rows.read_text("utf-8")


def test_class_weights_are_those_of_the_pixels():
    share = SPLITS.train.labels.mean()
    np.testing.assert_allclose(
        balanced_weights(SPLITS.train.labels, 2), [0.5 / (1 - share), 0.5 / share]
    )
    found, plain = (fitted(replace(CONFIG, class_weights=w)) for w in ("balanced", "none"))
    # Weighted, fewer of the rare pixels are missed.
    assert found.evaluation.confusion[1, 0] < plain.evaluation.confusion[1, 0]


REFUSED = {
    "shift": ({"augment": "shift+flip"}, {}, "shift brings black in"),
    "mixup": ({"mixup": 0.2}, {}, "config.mixup mixes images of one label each"),
    "mix": ({}, {"mix": augment.mixup}, "fit: mix mixes images of one label each"),
    "augmentation of images": (
        {}, {"augment": augment.flip}, r"augment must be a function of \(key, images, labels\)",
    ),
    "augmentation without labels": (
        {}, {"augment": lambda key, images, labels: images}, "must return images and labels",
    ),
    "augmentation of other labels": (
        {}, {"augment": lambda key, images, labels: (images, labels[:, 1:])},
        "augment must return the labels",
    ),
    "loss of images": (
        {}, {"loss": lambda x, y: cross_entropy(x, y).mean((1, 2))}, "a number a pixel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_pixels_is_refused(name):
    changes, given, message = REFUSED[name]
    kind = TypeError if "must be a function" in message else ValueError
    with pytest.raises(kind, match=message):
        fitted(replace(CONFIG, **changes), **given)


def test_labels_have_to_be_what_the_model_gives():
    whole = Dataset(
        SPLITS.train.images, SPLITS.train.labels[:, 0, 0], CLASSES, "discs of one label"
    )
    with pytest.raises(ValueError, match="pixels gives logits for each pixel, the labels of discs"):
        fitted(splits=Splits(whole, whole))
    lenet = models.notes_cnn(2, widths=(4,), kernel=3, image=(SIDE, SIDE, 1))
    with pytest.raises(ValueError, match=r"logits for the image, the labels .* are one a pixel"):
        fit(lenet, SPLITS, CONFIG, progress=False)
    preprocessing = Preprocessing.fit(SPLITS.train.images)
    with pytest.raises(ValueError, match=r"evaluate: .* are one a pixel"):
        evaluate(lenet, lenet.init(KEY), SPLITS.test, preprocessing)
    with pytest.raises(
        DataError, match=r"discs train has a label a pixel, discs of one .* an image"
    ):
        Splits(SPLITS.train, whole)
    with pytest.raises(
        DataError, match=r"labels must be \(64,\) int32, or \(64, 8, 8\) for a class"
    ):
        Dataset(SPLITS.train.images, SPLITS.train.labels[:, 1:], CLASSES, "cut")
    flat = Dataset(SPLITS.train.images, 0 * SPLITS.train.labels, CLASSES, "flat")
    with pytest.raises(ValueError, match="every pixel is of the class 'background'"):
        fitted(splits=Splits(flat, flat))


def test_arrays_of_a_file_may_label_pixels(tmp_path):
    path = tmp_path / "masks.npz"
    part = SPLITS.train
    np.savez(path, images=part.images, labels=part.labels == 1, classes=np.array(CLASSES))
    found = data.load(f"npz:{path}")
    assert (len(found.train), found.train.per_pixel) == (51, True)
    assert found.train.classes == CLASSES
    again = {
        image.tobytes(): labels for image, labels in zip(part.images, part.labels, strict=True)
    }
    for image, labels in zip(found.test.images, found.test.labels, strict=True):
        np.testing.assert_array_equal(labels, again[image.tobytes()])
    larger = data.load(f"npz:{path}", size=(16, 24), limit=5).train
    assert larger.labels.shape == (5, 16, 24)
    assert larger.images[larger.labels == 1].mean() > larger.images[larger.labels == 0].mean() + 80
