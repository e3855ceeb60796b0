"""Arrays of NumPy in one file: the forms that sets come in; every fault names the array."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from cnnjax.data import DataError, load
from cnnjax.notices import Notice

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 6, 5), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 4
PICKLED = np.array([1, "a"] * 10, object)
COLOUR = RNG.integers(0, 256, (20, 6, 5, 3), dtype=np.uint8)


def keras(images=IMAGES, labels=LABELS):
    return {"x_train": images, "y_train": labels, "x_test": images[:8], "y_test": labels[:8]}


def saved(path, arrays, save=np.savez_compressed):
    save(path / "set.npz", **arrays)
    return f"npz:{path / 'set.npz'}"


def fault(spec) -> str:
    with pytest.raises(DataError) as caught:
        load(spec)
    assert "set.npz" in str(caught.value)
    return str(caught.value)


SETS = {
    "Keras": (keras(), IMAGES[..., None]),
    "MedMNIST": (
        {
            "train_images": COLOUR, "train_labels": LABELS[:, None], "val_images": COLOUR[:4],
            "val_labels": LABELS[:4, None], "test_images": COLOUR[:8],
            "test_labels": LABELS[:8, None],
        },
        COLOUR,
    ),
    "channels first": (keras(COLOUR.transpose(0, 3, 1, 2)), COLOUR),
    "numbers from 0 to 1": (keras((COLOUR / 255).astype(np.float32)), COLOUR),
    "wide whole numbers": (keras(COLOUR.astype(np.int64)), COLOUR),
    "one hot": (keras(labels=np.eye(4)[LABELS]), IMAGES[..., None]),
    "labels from 1 on": (keras(labels=LABELS.astype(np.int64) + 1), IMAGES[..., None]),
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_sets_are_read_as_they_are(tmp_path, name, save):
    arrays, images = SETS[name]
    splits = load(saved(tmp_path, arrays, save))
    np.testing.assert_array_equal(splits.train.images, images)
    np.testing.assert_array_equal(splits.test.images, images[:8])
    assert splits.train.labels.tolist() == LABELS.tolist()
    first = int("from 1" in name)
    assert splits.train.classes == tuple(str(i + first) for i in range(4))


def test_arrays_without_a_split_are_split_by_the_seed(tmp_path):
    spec = saved(tmp_path, {"images": IMAGES, "labels": LABELS, "classes": np.array(list("wxyz"))})
    splits = load(spec)
    assert splits.train.classes == ("w", "x", "y", "z")
    assert np.bincount(splits.train.labels).tolist() == [4, 4, 4, 4]
    assert not np.array_equal(load(spec, seed=1).test.images, splits.test.images)


def test_a_class_without_images_is_named(tmp_path):
    names = np.array(["w", "x", "y", "z", "none of it"])
    with pytest.warns(Notice, match="no (training|test) image is of the class 'none of it'"):
        load(saved(tmp_path, keras() | {"class_names": names}))


FAULTS = {
    "no arrays that are known": ({"a": IMAGES}, "has a; expected x_train, y_train"),
    "labels of another number": (keras() | {"y_train": LABELS[:-1]}, "19 y_train for 20 x_train"),
    "images of two dimensions": (keras(IMAGES.reshape(20, 30)), "x_train (20, 30) uint8: expected"),
    "four channels": (keras(np.zeros((20, 6, 5, 4), np.uint8)), "expected 1 or 3 channels"),
    "negative pixels": (keras(COLOUR.astype(int) - 9), "expected 0 to 255"),
    "pixels that are no numbers": (keras(np.full((20, 6, 5), np.nan)), "expected 0 to 255"),
    "texts for pixels": (keras(np.full((20, 6, 5), "a")), "expected numbers"),
    "labels between classes": (keras(labels=LABELS + 0.5), "expected whole numbers"),
    "two classes at once": (keras(labels=np.ones((20, 4))), "expected one class an image"),
    "a gap in the labels": (keras(labels=LABELS * 2), "label 6 occurs but 1 does not"),
    "too few names": (keras() | {"classes": np.array(["w"])}, "classes names 1 classes"),
    "pickled labels": (keras() | {"y_train": PICKLED}, "y_train is damaged (Object arrays"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_fault_is_named(tmp_path, kind):
    arrays, words = FAULTS[kind]
    assert words in fault(saved(tmp_path, arrays))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"x,y\n1,2\n", "no NumPy archive, but a text file"),
        (b"\x93NUMPY\x01\0", "no NumPy archive, but a NumPy array"),
        (pickle.dumps({}), "no NumPy archive, but a Python pickle"),
    ],
)
def test_another_file_is_named_for_what_it_is(tmp_path, content, words):
    (tmp_path / "set.npz").write_bytes(content)
    assert words in fault(f"npz:{tmp_path / 'set.npz'}")


def test_damage_is_an_error_or_changes_nothing(tmp_path):
    spec = saved(tmp_path, keras())
    path, whole = tmp_path / "set.npz", load(spec)
    content = path.read_bytes()
    for place in range(0, len(content), 11):
        for damaged in (content[:place], _flipped(content, place)):
            path.write_bytes(damaged)
            try:
                np.testing.assert_array_equal(load(spec).train.images, whole.train.images)
            except DataError as error:
                assert "set.npz" in str(error)  # noqa: PT017 - dates may be anything


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


def test_an_array_that_promises_more_than_memory_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    )
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:
        for name in keras():
            archive.writestr(f"{name}.npy", header.getvalue())
    assert "x_train" in fault(f"npz:{tmp_path / 'set.npz'}")
