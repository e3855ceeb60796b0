"""CIFAR: planes become channels; whatever is wrong with a file, the error names it.

The python version is a pickle, which is a program: nothing in it is run.
"""

import os
import pickle

import numpy as np
import pytest

from cnnjax.data import DataError, load
from cnnjax.data.cifar import CLASSES, RECORD, read_file
from cnnjax.notices import Notice

NAMES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def fault(folder) -> str:
    with pytest.raises(DataError) as caught:
        load(f"cifar10:{folder}")
    return str(caught.value)


def test_planes_become_channels_in_file_order(cifar_folder):
    splits = load(f"cifar10:{cifar_folder}")
    assert splits.train.images.shape == (50, 32, 32, 3)
    assert splits.test.images.shape == (10, 32, 32, 3)
    assert splits.train.classes[3] == "cat"
    content = (cifar_folder / "data_batch_2.bin").read_bytes()
    for channel in range(3):
        for row, column in ((0, 0), (3, 31), (31, 7)):
            byte = content[4 * RECORD + 1 + 1024 * channel + 32 * row + column]
            assert splits.train.images[14, row, column, channel] == byte


def test_the_unpacked_archive_is_found(cifar_folder):
    inner = cifar_folder / "cifar-10-batches-bin"
    inner.mkdir()
    for name in NAMES:
        (cifar_folder / name).rename(inner / name)
    assert len(load(f"cifar10:{cifar_folder}").train) == 50


def test_every_length_that_is_not_whole_records_is_an_error(cifar_folder):
    path = cifar_folder / "test_batch.bin"
    content = path.read_bytes()[: 2 * RECORD]
    for length in [*range(0, 2 * RECORD, 97), RECORD - 1, RECORD + 1, 2 * RECORD - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"test_batch.bin"):
            read_file(path)
    path.write_bytes(content)
    assert len(read_file(path)[0]) == 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: b"", "the file is empty"),
        (lambda c: c[:-1], "not whole records of 3073 (3072 left over)"),
        (lambda c: c + b"\0", "(1 left over)"),
        (lambda c: c[:RECORD] + b"\x0a" + c[RECORD + 1 :], "label 10 in record 1, expected 0 to 9"),
    ],
)
def test_the_fault_is_named(cifar_folder, name, change, words):
    path = cifar_folder / name
    path.write_bytes(change(path.read_bytes()))
    message = fault(cifar_folder)
    assert str(path) in message
    assert words in message


def test_missing_files_are_all_named(cifar_folder):
    (cifar_folder / "data_batch_3.bin").unlink()
    (cifar_folder / "test_batch.bin").unlink()
    assert fault(cifar_folder).endswith("lacks data_batch_3.bin, test_batch.bin")


def test_class_names_come_from_batches_meta(cifar_folder):
    meta = cifar_folder / "batches.meta.txt"
    meta.write_text("".join(f"kind {i}\n" for i in range(10)) + "\n")
    assert load(f"cifar10:{cifar_folder}").test.classes[9] == "kind 9"
    for content in (b"a\nb\n", b"same\n" * 10):
        meta.write_bytes(content)
        assert "batches.meta.txt: expected 10 different class names" in fault(cifar_folder)
    meta.write_bytes(b"\xff\xfe")
    assert "batches.meta.txt: not UTF-8" in fault(cifar_folder)


def test_resizing_keeps_a_flat_colour(cifar_folder):
    path = cifar_folder / "test_batch.bin"
    record = np.zeros((10, RECORD), np.uint8)
    record[:, 0] = np.arange(10)
    record[:, 1 : 1 + 1024] = 200
    path.write_bytes(record.tobytes())
    image = load(f"cifar10:{cifar_folder}", size=(10, 20)).test.images[0]
    assert image.shape == (10, 20, 3)
    assert (image == [200, 0, 0]).all()


def batch(count=10, **more):
    """What a file of the python version holds; the originals have keys of bytes."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3072), dtype=np.uint8)
    return {b"batch_label": b"one", b"data": pixels, b"filenames": [b"a.png"] * count} | more


def write_ten(folder, protocol=2):
    folder.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        content = batch() | {b"labels": list(range(10))}
        (folder / name).write_bytes(pickle.dumps(content, protocol))
    names = {b"label_names": [name.encode() for name in CLASSES]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names, protocol))
    return folder


def write_hundred(folder, form):
    folder.mkdir()
    fine, coarse = [i % 100 for i in range(100)], [i % 20 for i in range(100)]
    for split in ("train", "test"):
        content = batch(100)
        if form == "python":
            content |= {b"fine_labels": fine, b"coarse_labels": coarse}
            (folder / split).write_bytes(pickle.dumps(content, 2))
        else:
            labels = np.array([coarse, fine], np.uint8).T
            records = np.concatenate([labels, content[b"data"]], axis=1)
            (folder / f"{split}.bin").write_bytes(records.tobytes())
    return folder


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_python_version_is_read(tmp_path, protocol, wrapped):
    folder = write_ten(tmp_path / "cifar-10-batches-py", protocol)
    splits = load(f"cifar10:{tmp_path if wrapped else folder}")
    pixels = batch()[b"data"]
    np.testing.assert_array_equal(
        splits.test.images, pixels.reshape(10, 3, 32, 32).transpose(0, 2, 3, 1)
    )
    assert splits.train.labels.tolist() == [*range(10)] * 5
    assert splits.train.classes == CLASSES


@pytest.mark.parametrize("form", ["python", "binary"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_the_hundred_fine_classes_are_read(tmp_path, form, wrapped):
    folder = write_hundred(tmp_path / f"cifar-100-{form}", form)
    splits = load(f"cifar100:{tmp_path if wrapped else folder}")
    assert splits.train.labels.tolist() == list(range(100))
    assert splits.train.images.shape == (100, 32, 32, 3)
    assert len(splits.train.classes) == 100
    names = [f"kind {i}" for i in range(100)]
    if form == "python":
        content = {b"fine_label_names": [name.encode() for name in names]}
        (folder / "meta").write_bytes(pickle.dumps(content, 2))
    else:
        (folder / "fine_label_names.txt").write_text("\n".join(names))
    assert load(f"cifar100:{folder}").test.classes == tuple(names)


class Calls:
    """Unpickled as usual, this calls what it is told to."""

    def __init__(self, call, *arguments):
        self.reduced = call, arguments

    def __reduce__(self):
        return self.reduced


HOSTILE = {
    "a command": lambda path: Calls(os.system, f"touch {path}"),
    "a file": lambda path: Calls(open, str(path), "w"),
    "code": lambda path: Calls(eval, f"open({str(path)!r}, 'w')"),
    "an attribute": lambda path: Calls(getattr, "text", "upper"),
    "a NumPy function": lambda path: Calls(np.save, str(path), 1),
    "an array of objects": lambda path: np.array([{}, []], object),
    "an array of texts": lambda path: np.array(["a", "b"]),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_in_a_pickle_is_run(tmp_path, kind, protocol):
    folder = write_ten(tmp_path / "set")
    content = batch() | {b"labels": HOSTILE[kind](tmp_path / "evil")}
    (folder / "data_batch_3").write_bytes(pickle.dumps(content, protocol))
    assert "data_batch_3: not a pickle of CIFAR (" in fault(folder)
    assert not (tmp_path / "evil").exists()


SHAPES = {
    "a list": ([1, 2], "it holds no dictionary"),
    "no data": ({b"labels": [1]}, "its data is no array of uint8"),
    "wide data": (batch() | {b"data": np.zeros((10, 9), np.uint8)}, "expected rows of 3072"),
    "data of floats": (batch() | {b"data": np.zeros((10, 3072))}, "no array of uint8"),
    "no labels": (batch(), "its labels are no list of whole numbers"),
    "labels of text": (batch() | {b"labels": ["a"] * 10}, "its labels are no list"),
    "a label too few": (batch() | {b"labels": [1] * 9}, "9 labels for 10 images"),
    "a label too large": (batch() | {b"labels": [10] * 10}, "label 10 in record 0"),
    "a label below none": (batch() | {b"labels": [-1] * 10}, "label -1 in record 0"),
    "a label beyond numbers": (batch() | {b"labels": [1 << 80] * 10}, "no class numbers"),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_a_pickle_of_another_form_is_named(tmp_path, kind):
    folder = write_ten(tmp_path / "set")
    content, words = SHAPES[kind]
    (folder / "data_batch_3").write_bytes(pickle.dumps(content, 2))
    assert words in fault(folder)
    assert "data_batch_3" in fault(folder)


def test_damage_to_a_pickle_is_an_error(tmp_path):
    folder = write_ten(tmp_path / "set")
    path = folder / "test_batch"
    content = path.read_bytes()
    for place in [*range(0, 200, 3), len(content) // 2, len(content) - 1]:
        path.write_bytes(content[:place])
        assert "test_batch" in fault(folder)
    for place in range(0, 200, 2):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x21]) + content[place + 1 :])
        try:
            load(f"cifar10:{folder}")
        except DataError as error:
            assert "test_batch" in str(error)  # noqa: PT017 - a pixel may be anything


def test_a_class_that_is_never_tested_is_named(cifar_folder):
    path = cifar_folder / "test_batch.bin"
    path.write_bytes(path.read_bytes()[: 9 * RECORD])
    with pytest.warns(Notice, match="tiny-cifar: no test image is of the class 'truck'"):
        load(f"cifar10:{cifar_folder}")
