"""Functions of the user's own that are not what was asked for: the argument, given, expected."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import dense, flatten
from cnnjax.data import DataError, Splits, streamed
from cnnjax.models import Model, dense_params, from_forward
from cnnjax.train import TrainConfig, augment, fit

KEY = jax.random.key(0)
IMAGES = jnp.zeros((4, 8, 8, 1), jnp.uint8)
LABELS = jnp.zeros(4, jnp.int32)

AUGMENT = {
    "compose of a name": (lambda: augment.compose("flip"), r"functions\[0\] must be .*got 'flip'"),
    "compose of a list": (
        lambda: augment.compose([augment.flip]),
        r"compose: functions\[0\] must be a function of \(key, images\), got 'list'",
    ),
    "compose of one argument": (
        lambda: augment.compose(augment.flip, lambda images: images),
        r"functions\[1\] must be a function of \(key, images\), got <lambda>\(images\)",
    ),
    "compose without an argument that it needs": (
        lambda: augment.compose(augment.shift),
        r"functions\[0\] must be .*got shift\(key.*pixels",
    ),
    "compose of nothing returned": (
        lambda: augment.compose(lambda key, images: None)(KEY, IMAGES),
        r"functions\[0\] \(<lambda>\) must return images .*uint8\[4, 8, 8, 1\], got NoneType",
    ),
    "compose of other sizes": (
        lambda: augment.compose(lambda key, images: images[:, ::2])(KEY, IMAGES),
        r"got uint8\[4, 4, 8, 1\]",
    ),
    "a seed for a key": (lambda: augment.flip(0, IMAGES), "flip: key must be a key.*got int"),
    "arguments swapped": (
        lambda: augment.flip(IMAGES, KEY), r"flip: key must be a key.*got uint8\[4, 8, 8, 1\]",
    ),
    "one image": (
        lambda: augment.flip(KEY, IMAGES[0]),
        r"flip: images must be an array \(B, H, W, C\), got uint8\[8, 8, 1\]",
    ),
    "a list of images": (lambda: augment.cutout(KEY, [1, 2]), r"cutout: images .*got list\(int"),
    "words for pixels": (
        lambda: augment.shift(KEY, IMAGES, "2"), "shift: pixels must be a whole number, got '2'",
    ),
    "negative pixels": (
        lambda: augment.shift(KEY, IMAGES, -1), "shift: pixels must be 0 or more, got -1",
    ),
    "half a side": (
        lambda: augment.cutout(KEY, IMAGES, side=1.5), "side must be a whole number, got 1.5",
    ),
    "words for an area": (
        lambda: augment.random_resized_crop(KEY, IMAGES, area="a"), "area must be a number",
    ),
    "words for alpha": (
        lambda: augment.mixup(KEY, IMAGES, LABELS, "a"), "mixup: alpha must be a number, got 'a'",
    ),
    "too few labels": (
        lambda: augment.mixup(KEY, IMAGES, LABELS[1:]),
        r"mixup: labels must be \(4,\) integers, got int32\[3\]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", AUGMENT)
def test_a_wrong_argument_of_an_augmentation_is_named(case):
    call, words = AUGMENT[case]
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_what_compose_is_made_for_is_not_refused():
    both = augment.compose(
        partial(augment.shift, pixels=1), augment.flip, lambda k, x: x.astype(jnp.float32)
    )
    assert both(KEY, IMAGES).shape == IMAGES.shape
    assert jax.jit(both)(jax.random.PRNGKey(0), np.asarray(IMAGES)).dtype == jnp.float32


@pytest.mark.parametrize(
    ("option", "function", "words"),
    [
        ("augment", lambda images: images, r"fit: augment .*\(key, images\), got <lambda>\(images"),
        ("loss", lambda logits: logits, r"fit: loss must be a function of \(logits, labels\)"),
        ("mix", lambda key, images: images, r"fit: mix must be .*\(key, images, labels\)"),
    ],
)
def test_a_function_of_other_arguments_is_named_by_fit(toy, option, function, words):
    config = TrainConfig(epochs=1, batch_size=16)
    with pytest.raises(TypeError, match=words):
        fit(toy.plain(), toy.splits(), config, progress=False, **{option: function})


def init(key):
    return {"dense": dense_params(key, 64, 4), "batch_stats": {"bn": {"mean": jnp.zeros(3)}}}


def logits_of(params, x):
    return dense(flatten(x), **params["dense"])


STATS = {"bn": {"mean": jnp.zeros(3)}}
RETURNED = {
    "the logits alone": (lambda y: y, r"must return \(logits, batch_stats\), .*got float32\[2, 4"),
    "nothing": (lambda y: None, r"must return \(logits, batch_stats\), .*got NoneType"),
    "three": (lambda y: (y, STATS, 1), r"\(logits, batch_stats\), .*got tuple\(float32.*dict, int"),
    "too few logits": (
        lambda y: (y[..., :2], STATS),
        r"must return logits \(\*batch, classes\), here \[2, 4\], got float32\[2, 2\]",
    ),
    "no batch": (lambda y: (y.sum(0), STATS), r"here \[2, 4\], got float32\[4\]"),
    "no statistics": (
        lambda y: (y, {}), r"statistics as params\['batch_stats'\].*'bn.mean': \(3,\).*got \{\}",
    ),
    "other statistics": (lambda y: (y, {"bn": {"mean": jnp.zeros(4)}}), r"got \{'bn.mean': \(4,\)"),
    "none for statistics": (lambda y: (y, None), "got NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("case", RETURNED)
def test_a_forward_pass_that_returns_something_else_is_named(toy, case):
    returned, words = RETURNED[case]
    config = {"classes": 4, "image": (8, 8, 1)}
    mine = from_forward(
        "mine", config, init, lambda params, x, *, key, record: returned(logits_of(params, x))
    )
    with pytest.raises(ValueError, match=f"mine: forward .*{words}"):
        mine.apply_train(init(KEY), jnp.zeros((2, 8, 8, 1)), KEY)
    # A `Model` that is put together by hand is looked at by `fit`.
    by_hand = Model(
        "by hand", config, (8, 8, 1), 4, init,
        apply=logits_of,
        apply_train=lambda params, x, key: returned(logits_of(params, x)),
        features=lambda params, x: {},
    )  # fmt: skip
    with pytest.raises(ValueError, match="fit: apply_train of model 'by hand' must return"):
        fit(by_hand, toy.splits(), TrainConfig(epochs=1, batch_size=2), progress=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ({"classes": 4, "image": (8, 8, 1)}, init, lambda params, x: x),
            r"forward must be .* of \(params, x, \*, key, record\), got <lambda>\(params, x",
        ),
        (
            ({"classes": 4, "image": (8, 8, 1)}, lambda: 1, None),
            r"init must be a function of \(key",
        ),
        (({"classes": 4}, init, None), "the config of 'mine' lacks 'image'"),
    ],
)
def test_what_a_model_is_made_of_is_checked_at_once(arguments, words):
    with pytest.raises((TypeError, ValueError), match=f"from_forward: {words}"):
        from_forward("mine", *arguments)


@pytest.mark.parametrize(
    ("labels", "given", "words"),
    [
        (np.arange(8) * 10**9, {}, "labels reach up to 7,000,000,000.*Give `classes`"),
        (np.arange(8) % 2, {"classes": (0, 1)}, r"a sequence of names.*got \(0, 1\)"),
    ],
)
def test_classes_of_a_source_are_names(labels, given, words):
    with pytest.raises(DataError, match=words):
        streamed(np.zeros((8, 4, 4, 1), np.uint8), labels=labels, **given)


def test_a_test_set_without_the_last_class_is_told_what_to_give():
    images = np.zeros((8, 4, 4, 1), np.uint8)
    train, test = (
        streamed(images, labels=np.arange(8) % n, name=name) for n, name in ((4, "a"), (3, "b"))
    )
    with pytest.raises(DataError, match="give `streamed` the same `classes` for both"):
        Splits(train, test)
