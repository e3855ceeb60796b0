"""CIFAR-10 binary: planes become channels; whatever is wrong with a file, the error names it."""

import numpy as np
import pytest

from cnnjax.data import DataError, load
from cnnjax.data.cifar10 import RECORD, read_file

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
    record = np.zeros(RECORD, np.uint8)
    record[1 : 1 + 1024] = 200
    path.write_bytes(record.tobytes())
    image = load(f"cifar10:{cifar_folder}", size=(10, 20)).test.images[0]
    assert image.shape == (10, 20, 3)
    assert (image == [200, 0, 0]).all()
