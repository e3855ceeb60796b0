"""`load`: one call for every source, the same for the same arguments, clear about what exists."""

import numpy as np
import pytest

from cnnjax.data import DataError, Dataset, Splits, load
from cnnjax.data.dataset import balanced


@pytest.fixture(params=["patterns", "digits", "idx", "cifar10", "folder", "split folder"])
def spec(request):
    folders = {
        "idx": "idx_folder",
        "cifar10": "cifar_folder",
        "folder": "image_folder",
        "split folder": "split_folder",
    }
    kind = request.param
    if kind == "digits":
        pytest.importorskip("sklearn")
    if kind not in folders:
        return kind
    return f"{kind.split()[-1]}:{request.getfixturevalue(folders[kind])}"


def small(spec, **options):
    return load(spec, **{"limit": 40, "size": (12, 16), **options})


def test_every_source_gives_the_promised_types(spec):
    splits = small(spec)
    for split in (splits.train, splits.test):
        assert split.images.dtype == np.uint8
        assert split.images.shape[1:3] == (12, 16)
        assert split.images.shape[3] in (1, 3)
        assert split.labels.dtype == np.int32
        assert split.labels.min() >= 0
        assert split.labels.max() < len(split.classes)
    assert splits.train.classes == splits.test.classes
    assert splits.train.name != splits.test.name


def test_the_same_arguments_give_the_same_images(spec):
    first, second = small(spec, seed=3), small(spec, seed=3)
    for split in ("train", "test"):
        np.testing.assert_array_equal(getattr(first, split).images, getattr(second, split).images)
        np.testing.assert_array_equal(getattr(first, split).labels, getattr(second, split).labels)


def test_a_limit_caps_each_split_and_spreads_over_the_classes(spec):
    whole, part = small(spec, limit=40), small(spec, limit=6)
    for all_of_it, some in ((whole.train, part.train), (whole.test, part.test)):
        assert len(some) == min(6, len(all_of_it))
        counts = np.bincount(some.labels, minlength=len(some.classes))
        assert counts.max() - counts.min() <= 1


def test_a_limit_takes_all_of_a_class_that_has_few_images():
    labels = [0] * 20 + [1] * 3 + [2]
    for seed in range(5):
        chosen = balanced(labels, 10, seed)
        assert np.bincount(np.array(labels)[chosen]).tolist() == [6, 3, 1]
        assert np.all(np.diff(chosen) > 0)
    assert balanced(labels, None, 0).tolist() == list(range(24))


def test_a_smaller_limit_takes_a_subset(spec):
    def pictures(limit):
        return {image.tobytes() for image in small(spec, limit=limit).train.images}

    assert pictures(4) < pictures(7)


def test_no_training_image_is_in_the_test_split(spec):
    splits = small(spec, limit=None if spec != "patterns" else 200)
    train = {image.tobytes() for image in splits.train.images}
    assert not any(image.tobytes() in train for image in splits.test.images)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("mnist", "unknown data 'mnist'; there are patterns, digits, idx:DIR, cifar10:DIR, cifar1"),
        ("npz", "'npz' lacks its file; write 'npz:FILE'"),
        ("npz:/no/such", "/no/such: cannot be read (No such file"),
        ("csv:/no/such", "/no/such: does not exist"),
        ("cifar100:/no/such", "/no/such: does not exist"),
        ("", "unknown data ''"),
        ("tests", "csv:FILE; for what is there, write 'folder:tests'"),
        ("patterns:here", "patterns takes no folder"),
        ("idx", "'idx' lacks its folder; write 'idx:DIR'"),
        ("folder:", "'folder:' lacks its folder"),
        ("folder:/no/such", "/no/such: does not exist"),
        ("idx:/no/such", "/no/such: does not exist"),
        ("cifar10:/no/such", "/no/such: does not exist"),
    ],
)
def test_an_unknown_source_is_answered_with_what_exists(spec, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").mkdir()
    with pytest.raises(DataError) as caught:
        load(spec)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"limit": 0}, "limit must be 1 or more, got 0"),
        ({"size": (0, 5)}, "size must be (height, width), both 1 or more, got (0, 5)"),
        ({"size": (5,)}, "size must be (height, width)"),
        ({"size": 64}, "size must be (height, width), both 1 or more, got 64"),
    ],
)
def test_senseless_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match="load: ") as caught:
        load("patterns", **options)
    assert words in str(caught.value)


IMAGES, LABELS = np.zeros((2, 3, 4, 1), np.uint8), np.array([0, 1], np.int32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": IMAGES.astype(np.float32)}, "uint8 and not empty, got (2, 3, 4, 1) float32"),
        ({"images": IMAGES[..., 0]}, "must be (N, H, W, C)"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "not empty"),
        ({"images": np.zeros((2, 3, 4, 2), np.uint8)}, "2 channels, expected 1 or 3"),
        (
            {"labels": LABELS[:1]},
            "labels must be (2,) int32, or (2, 3, 4) for a class a pixel, got (1,)",
        ),
        ({"labels": LABELS.astype(np.int64)}, "got (2,) int64"),
        ({"labels": LABELS + 1}, "labels lie in 1..2, 2 classes allow 0..1"),
        ({"labels": LABELS - 1}, "labels lie in -1..0"),
        ({"classes": ("a", "a")}, "class names repeat"),
    ],
)
def test_a_dataset_whose_parts_do_not_fit_cannot_be_made(change, words):
    parts = {"images": IMAGES, "labels": LABELS, "classes": ("a", "b"), "name": "tiny"}
    Dataset(**parts)
    with pytest.raises(DataError) as caught:
        Dataset(**{**parts, **change})
    assert words in str(caught.value)
    assert str(caught.value).startswith("tiny: ")


def test_splits_that_differ_in_classes_or_shape_cannot_be_made():
    train = Dataset(IMAGES, LABELS, ("a", "b"), "here")
    with pytest.raises(DataError, match=r"here has the classes .* there has"):
        Splits(train, Dataset(IMAGES, LABELS, ("b", "a"), "there"))
    with pytest.raises(DataError, match=r"here has images \(3, 4, 1\), there has"):
        Splits(train, Dataset(IMAGES[:, :2], LABELS, ("a", "b"), "there"))
