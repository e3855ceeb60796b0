"""IDX files: read back exactly; whatever is wrong with one, the error names it."""

import gzip

import numpy as np
import pytest

from cnnjax.data import DataError, load
from cnnjax.data.idx import read_file
from cnnjax.notices import Notice

FILES = {
    "train-images-idx3-ubyte": 3,
    "train-labels-idx1-ubyte": 1,
    "t10k-images-idx3-ubyte": 3,
    "t10k-labels-idx1-ubyte": 1,
}


def fault(folder) -> str:
    with pytest.raises(DataError) as caught:
        load(f"idx:{folder}")
    return str(caught.value)


def test_what_was_written_is_read(idx_folder):
    splits = load(f"idx:{idx_folder}")
    content = (idx_folder / "train-images-idx3-ubyte").read_bytes()
    assert splits.train.images.shape == (20, 5, 4, 1)
    assert splits.train.images.tobytes() == content[16:]
    assert splits.test.labels.tolist() == list(range(10))
    assert splits.train.classes == tuple("0123456789")


@pytest.mark.parametrize("rename", [str, lambda n: n + ".gz", lambda n: n.replace("-idx", ".idx")])
@pytest.mark.parametrize("zipped", [False, True])
def test_gzip_is_told_by_content_and_both_spellings_are_found(idx_folder, rename, zipped):
    expected = load(f"idx:{idx_folder}").train.images
    for name in FILES:
        content = (idx_folder / name).read_bytes()
        (idx_folder / name).unlink()
        (idx_folder / rename(name)).write_bytes(gzip.compress(content) if zipped else content)
    np.testing.assert_array_equal(load(f"idx:{idx_folder}").train.images, expected)


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_an_error_that_names_the_file(idx_folder, name):
    content = (idx_folder / name).read_bytes()
    for length in range(len(content)):
        (idx_folder / name).write_bytes(content[:length])
        with pytest.raises(DataError, match=name):
            read_file(idx_folder / name, FILES[name])
    (idx_folder / name).write_bytes(content[:-1])
    assert name in fault(idx_folder)


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_of_a_header_is_an_error(idx_folder, name):
    content = (idx_folder / name).read_bytes()
    for bit in range(8 * (4 + 4 * FILES[name])):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (idx_folder / name).write_bytes(flipped)
        with pytest.raises(DataError, match=name):
            read_file(idx_folder / name, FILES[name])


@pytest.mark.parametrize("cut", ["truncated", "flipped"])
def test_damaged_gzip_is_an_error_or_changes_nothing(idx_folder, cut):
    path = idx_folder / "t10k-images-idx3-ubyte"
    expected = read_file(path, 3)
    content = gzip.compress(path.read_bytes(), mtime=0)
    harmless = 0
    for place in range(len(content)):
        damaged = bytearray(content)
        if cut == "truncated":
            del damaged[place:]
        else:
            damaged[place] ^= 0x40
        path.write_bytes(damaged)
        try:
            found = read_file(path, 3)
        except DataError as error:
            assert path.name in str(error)  # noqa: PT017 - some damage is harmless
        else:
            harmless += 1
            np.testing.assert_array_equal(found, expected)
    # Only the time stamp, flags and system of gzip's own header (10 bytes) may change freely.
    assert harmless <= (0 if cut == "truncated" else 8)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("train-images-idx3-ubyte", lambda c: b"", "the file is empty"),
        (
            "train-images-idx3-ubyte",
            lambda c: c + b"\0",
            "promises 400 bytes of data, it holds mor",
        ),
        ("train-images-idx3-ubyte", lambda c: b"<html>" + c, "not an IDX file"),
        ("train-images-idx3-ubyte", lambda c: c[:2] + b"\x0d" + c[3:], "elements of type 0x0d"),
        ("train-images-idx3-ubyte", lambda c: c[:3] + b"\x01" + c[4:], "1 dimensions, expected 3"),
        ("train-images-idx3-ubyte", lambda c: c[:4] + bytes(12), "there is nothing in it"),
        ("train-images-idx3-ubyte", lambda c: c[:4] + b"\xff" * 12, "promises 7922816"),
        ("train-labels-idx1-ubyte", lambda c: c[:7] + b"\x13" + c[9:], "19 labels for the 20 imag"),
        ("train-labels-idx1-ubyte", lambda c: c[:-1] + b"\xc8", "label 200 occurs (index 19) but"),
        ("t10k-labels-idx1-ubyte", lambda c: c[:8] + b"\x0b" + c[9:], "label 11 at index 0"),
        ("t10k-images-idx3-ubyte", lambda c: c[:11] + b"\4\0\0\0\5" + c[16:], "images of (4, 5)"),
        ("t10k-labels-idx1-ubyte", lambda c: gzip.compress(c)[:-4], "gzip data is cut short"),
        ("t10k-labels-idx1-ubyte", lambda c: gzip.compress(c) + b"!", "gzip data is damaged"),
    ],
)
def test_the_fault_is_named(idx_folder, name, change, words):
    path = idx_folder / name
    path.write_bytes(change(path.read_bytes()))
    message = fault(idx_folder)
    assert str(path) in message
    assert words in message


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(idx_folder, name):
    (idx_folder / name).unlink()
    assert f"lacks {name}" in fault(idx_folder)


def test_a_folder_in_place_of_a_file_is_missing(idx_folder):
    (idx_folder / "t10k-labels-idx1-ubyte").unlink()
    (idx_folder / "t10k-labels-idx1-ubyte").mkdir()
    assert "lacks t10k-labels-idx1-ubyte" in fault(idx_folder)


def test_classes_txt_names_the_classes(idx_folder):
    names = [f"kind {i}" for i in range(12)]
    (idx_folder / "classes.txt").write_text("\n".join(names) + "\n")
    with pytest.warns(
        Notice, match="no (training|test) image is of the class.* 'kind 10', 'kind 11'"
    ):
        assert load(f"idx:{idx_folder}").train.classes == tuple(names)
    (idx_folder / "classes.txt").write_text("a\nb\n")
    assert "classes.txt names 2 classes" in fault(idx_folder)
    (idx_folder / "classes.txt").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in fault(idx_folder)


@pytest.mark.parametrize(
    ("name", "mean"), [("mnist", 0.1307), ("fashion-mnist", 0.2860)], ids=["mnist", "fashion"]
)
def test_the_real_files_have_the_published_counts_and_mean(real_data, name, mean):
    splits = load(f"idx:{real_data / name}")
    assert splits.train.images.shape == (60000, 28, 28, 1)
    assert splits.test.images.shape == (10000, 28, 28, 1)
    assert round(float(splits.train.images.mean()) / 255, 4) == mean
    if name == "fashion-mnist":
        assert set(np.bincount(splits.train.labels)) == {6000}


def renamed(folder, name):
    """The four files under names of `name`."""
    for old in FILES:
        (folder / old).rename(folder / name(old))


@pytest.mark.parametrize("where", ["MNIST/raw", "FashionMNIST/raw", "raw"])
def test_the_folders_of_torchvision_are_found(idx_folder, tmp_path, where):
    before = load(f"idx:{idx_folder}").train.images
    target = tmp_path / "root" / where
    target.parent.mkdir(parents=True)
    idx_folder.rename(target)
    np.testing.assert_array_equal(load(f"idx:{tmp_path / 'root'}").train.images, before)


def test_several_sets_in_one_folder_are_named(idx_folder, tmp_path):
    renamed(idx_folder, lambda old: f"one-{old}")
    assert load(f"idx:{idx_folder}").train.name == "one train"
    for path in list(idx_folder.iterdir()):
        (idx_folder / path.name.replace("one", "two")).write_bytes(path.read_bytes())
    message = fault(idx_folder)
    assert f"idx:{idx_folder / 'one'}, idx:{idx_folder / 'two'}" in message
    assert load(f"idx:{idx_folder / 'two'}").test.name == "two test"
    assert "three: does not exist" in fault(idx_folder / "three")


@pytest.mark.parametrize("mapping", [None, "1 65 97\n2 66 98\n3 67 99\n", "1 48\n2 49\n3 50\n"])
def test_emnist_is_turned_upright_and_counts_from_1(idx_folder, mapping):
    stored = read_file(idx_folder / "train-images-idx3-ubyte", 3)
    for split in ("train", "t10k"):
        path = idx_folder / f"{split}-labels-idx1-ubyte"
        content = path.read_bytes()
        labels = bytes(1 + i % 3 for i in range(len(content) - 8))
        path.write_bytes(content[:8] + labels)
    renamed(idx_folder, lambda old: "emnist-letters-" + old.replace("t10k", "test"))
    if mapping:
        (idx_folder / "emnist-letters-mapping.txt").write_text(mapping)
    splits = load(f"idx:{idx_folder}")
    np.testing.assert_array_equal(splits.train.images[..., 0], stored.transpose(0, 2, 1))
    assert splits.train.labels[:4].tolist() == [0, 1, 2, 0]
    names = {None: "1 2 3", "1 65 97": "Aa Bb Cc", "1 48": "0 1 2"}
    key = mapping and mapping.partition("\n")[0]
    assert splits.train.classes == tuple(names[key].split())


@pytest.mark.parametrize("text", ["1 a\n", "1 65\n3 66\n", "1\n", "", "1 99999999999\n"])
def test_a_mapping_that_is_none_is_named(idx_folder, text):
    renamed(idx_folder, lambda old: "emnist-x-" + old)
    (idx_folder / "emnist-x-mapping.txt").write_text(text)
    assert "emnist-x-mapping.txt: " in fault(idx_folder)
