"""Streamed images are those that would be in memory, whoever reads them, and faults have names."""

import os
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnnjax.data as data_package
from cnnjax.data import DataError, load, streamed
from cnnjax.data.streaming import Images, Pool, Reader, reading
from cnnjax.data.streaming.reader import AHEAD_BYTES
from cnnjax.notices import Notice

ARRAY = np.random.default_rng(0).integers(0, 256, (50, 4, 5, 3), dtype=np.uint8)


class Pairs:
    """Pairs of image and label, as PyTorch's data sets are."""

    def __init__(self, change=None, at=3):
        self.change, self.at = change, at

    def __len__(self):
        return 20

    def __getitem__(self, index):
        pair = (ARRAY[index], index % 3)
        return self.change(*pair) if self.change and index == self.at else pair


def fail(*_):
    raise KeyError("gone")


@pytest.mark.parametrize(
    "key", [0, 7, -1, np.int64(3), slice(2, 9), slice(None, None, 7), [4, 4, 0], np.array([49])]
)
def test_streamed_images_are_taken_like_an_arrays(key):
    images = streamed(ARRAY, labels=np.arange(50) % 2).images
    assert (images.shape, images.dtype, images.nbytes) == (ARRAY.shape, ARRAY.dtype, ARRAY.nbytes)
    np.testing.assert_array_equal(images[key], ARRAY[key])


@pytest.mark.parametrize("key", [50, -51, [[1]], None])
def test_what_is_no_place_among_the_images_is_an_index_error(key):
    with pytest.raises(IndexError):
        streamed(ARRAY, labels=np.zeros(50, int)).images[key]


def test_labels_and_classes_come_from_the_source_the_pairs_or_the_caller():
    data = streamed(Pairs())
    assert data.labels.tolist() == [i % 3 for i in range(20)]
    assert data.classes == ("0", "1", "2")
    source = Pairs()
    source.labels, source.classes = [0] * 20, ("a", "b")
    assert streamed(source).classes == ("a", "b")
    assert not streamed(source).labels.any()
    assert streamed(source, labels=[1] * 20, classes="cd").classes == ("c", "d")
    grey = streamed(ARRAY[..., 0], labels=np.zeros(50, int), classes="x")
    assert grey.images[2:4].shape == (2, 4, 5, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x / 255, y), r"element 3 is float64 \(4, 5, 3\), expected uint8"),
        (lambda x, y: (x[:3], y), r"element 3 is uint8 \(3, 5, 3\), expected uint8 \(4, 5, 3\)"),
        (lambda x, y: (x, 0.5), "label of element 3 is no whole number"),
        (lambda x, y: x, r"element 3 is no pair \(image, label\); give `labels`"),
        (lambda x, y: (x, -1), r"labels lie in -1\.\.2"),
        (fail, "element 3 cannot be read .KeyError: 'gone'"),
    ],
)
def test_a_faulty_element_is_named(change, message):
    with pytest.raises(DataError, match=message):
        streamed(Pairs(change), name="mine").images[:]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": ARRAY[:0], "labels": []}, "the source is empty"),
        ({"source": ARRAY.astype(float), "labels": [0] * 50}, "element 0 is float64"),
        ({"source": ARRAY, "labels": [0] * 49}, r"labels must be \(50,\) whole numbers"),
        ({"source": ARRAY, "labels": [0.5] * 50}, "whole numbers, got .* float64"),
        ({"source": ARRAY, "labels": [0] * 50, "workers": 0}, "workers must be 1 or more"),
    ],
)
def test_a_source_that_does_not_fit_is_refused_at_once(given, message):
    with pytest.raises(ValueError, match=message):
        streamed(**given)


@pytest.mark.parametrize("processes", [False, True])
@pytest.mark.parametrize("workers", [1, 3])
def test_batches_are_the_same_whoever_reads_them_and_whatever_was_planned(processes, workers):
    data = streamed(ARRAY, labels=np.zeros(50, int), workers=workers, processes=processes)
    order = np.random.default_rng(1).permutation(50)[:48].reshape(6, 8)
    with reading(data):
        reader = Reader(data.images)
        reader.plan(order)
        for row in order[:2]:
            np.testing.assert_array_equal(reader.take(row), ARRAY[row])
        np.testing.assert_array_equal(reader.take(order[5]), ARRAY[order[5]])  # not the next one
        np.testing.assert_array_equal(reader.take(order[2]), ARRAY[order[2]])
        reader.plan(order[4:])
        np.testing.assert_array_equal(reader.take(order[4]), ARRAY[order[4]])
        np.testing.assert_array_equal(reader.take(order[0][:3]), ARRAY[order[0][:3]])


def test_what_is_read_in_advance_is_bounded():
    asked = []

    class Large:
        def __len__(self):
            return 1000

        def __getitem__(self, index):
            asked.append(index)
            return np.broadcast_to(np.uint8(index % 256), (1024, 1024, 1))

    data = streamed(Large(), labels=np.zeros(1000, int), workers=2)
    asked.clear()
    with reading(data):
        reader = Reader(data.images)
        reader.plan(np.arange(1000).reshape(-1, 8))
        reader.take(np.arange(8))
    assert 8 <= len(asked) <= 8 + AHEAD_BYTES // 2**20


def test_a_folder_streamed_is_the_folder_loaded(image_folder):
    for given in ({}, {"size": (5, 4)}, {"limit": 7, "seed": 3}):
        whole = load(f"folder:{image_folder}", **given)
        lazy = load(f"folder:{image_folder}", stream=True, workers=2, **given)
        for a, b in ((whole.train, lazy.train), (whole.test, lazy.test)):
            assert (a.classes, a.name, a.streamed, b.streamed) == (b.classes, b.name, False, True)
            np.testing.assert_array_equal(a.labels, b.labels)
            np.testing.assert_array_equal(a.images, b.images[:])
    with reading(lazy.train, lazy.test):  # in processes
        for a, b in ((whole.train, lazy.train), (whole.test, lazy.test)):
            np.testing.assert_array_equal(Reader(b.images).take(np.arange(len(b))), a.images)


def test_a_table_can_be_streamed(image_folder):
    rows = [f"{p.parent.name}/{p.name},{p.parent.name}" for p in image_folder.rglob("*.png")]
    (image_folder / "t.csv").write_text("\n".join(["file,label", *rows]))
    whole, lazy = (load(f"csv:{image_folder}/t.csv", stream=s) for s in (False, True))
    np.testing.assert_array_equal(whole.test.images, lazy.test.images[:])
    assert lazy.test.streamed


@pytest.mark.parametrize("spec", ["patterns", "digits", "npz:x", "idx:x"])
def test_what_cannot_be_streamed_says_so(spec):
    with pytest.raises(
        DataError, match="is read into memory whole; what can be streamed is folder"
    ):
        load(spec, stream=True)


def test_images_that_fill_the_memory_are_streamed_with_a_notice(image_folder, monkeypatch):
    for free, expected in ((8 * 30 * 6 * 8 * 3, False), (None, False), (30 * 6 * 8 * 3, True)):
        monkeypatch.setattr("cnnjax.data.folder.available", lambda free=free: free)
        if expected:
            with pytest.warns(Notice, match=r"30 images of 6x8 pixels .* they are streamed"):
                assert load(f"folder:{image_folder}", stream=None).train.streamed
        else:
            assert not load(f"folder:{image_folder}", stream=None).train.streamed


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:40]), "cut short"),
        (lambda p: p.unlink(), "No such file"),
        (lambda p: Image.new("RGB", (3, 3)).save(p), r"3x3 pixels, the first image has 6x8"),
    ],
)
def test_a_file_that_is_damaged_later_is_named_by_the_process_that_meets_it(
    image_folder, damage, message
):
    data = load(f"folder:{image_folder}", stream=True, workers=1).train
    bad = data.images.source.files[5]
    damage(bad)
    with reading(data):
        reader = Reader(data.images)
        assert reader.take(np.arange(5)).shape == (5, 6, 8, 3)
        with pytest.raises(DataError, match=f"{bad.name}.*{message}"):
            reader.take(np.arange(3, 8))
        assert reader.take(np.arange(5)).shape == (5, 6, 8, 3)  # the process is still there


def test_a_process_that_is_killed_is_one_clear_error():
    data = streamed(ARRAY, labels=np.zeros(50, int), workers=1, processes=True)
    with reading(data):
        reader = Reader(data.images)
        reader.take(np.arange(5))
        (child,) = data.images.pool._running._children
        os.kill(child._process.pid, signal.SIGKILL)
        with pytest.raises(DataError, match=r"process that reads images ended \(signal 9\)"):
            reader.take(np.arange(5))


def test_a_source_that_a_process_cannot_have_says_so():
    class Local(Pairs):
        pass

    data = streamed(Local(), workers=1, processes=True)
    with reading(data), pytest.raises(DataError, match="processes=False reads in threads"):
        Reader(data.images).take(np.arange(5))


def test_readers_end_with_their_context_and_begin_again():
    data = streamed(ARRAY, labels=np.zeros(50, int), workers=2, processes=True)
    before = threading.active_count()
    for _ in range(2):
        with reading(data), reading(data):
            reader = Reader(data.images)
            reader.plan(np.arange(48).reshape(6, 8))
            reader.take(np.arange(8))
            children = list(data.images.pool._running._children)
        assert children
        assert all(child._process.poll() is not None for child in children)
        assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="outside"):
        Reader(data.images).take(np.arange(5))


def test_leaving_does_not_wait_for_what_is_being_read():
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Pairs):
        labels = (0,) * 20

        def __getitem__(self, index):
            if index == 5:
                begun.set()
                go_on.wait(20)
            assert index <= 6, "read after the end"
            return ARRAY[index]

    data = streamed(Slow(), workers=1)
    with reading(data):
        Reader(data.images).plan([])
        future = data.images.pool.read(
            data.images, list(range(5, 20)), np.empty((15, 4, 5, 3), "u1")
        )
        begun.wait(20)
        threading.Timer(0.05, go_on.set).start()
    assert future.done()


def test_a_fingerprint_changes_with_names_sizes_times_and_order_and_reads_no_image(
    image_folder, monkeypatch
):
    def found(**given):
        with monkeypatch.context() as patched:
            patched.setattr("cnnjax.data.streaming.files.read_image", fail)
            data = load(f"folder:{image_folder}", stream=True, **given).train
            return str(data.images.fingerprint()), data.images.source.files

    first, files = found()
    assert found()[0] == first
    assert found(limit=20)[0] != first
    status = os.stat(files[0])
    os.utime(files[0], (status.st_mtime + 5, status.st_mtime + 5))
    later = found()[0]
    assert later != first
    os.utime(files[0], (status.st_mtime, status.st_mtime))
    assert found()[0] == first
    files[0].write_bytes(files[0].read_bytes() + b"\0")
    os.utime(files[0], (status.st_mtime, status.st_mtime))
    assert found()[0] != first
    moved = image_folder.rename(image_folder.with_name("elsewhere"))
    at_home = str(load(f"folder:{moved}", stream=True).train.images.fingerprint())
    moved.rename(image_folder)
    assert at_home == found()[0]


def test_a_fingerprint_of_any_source_looks_at_some_elements_or_asks_it():
    other = ARRAY.copy()
    other[0, 0, 0, 0] ^= 1
    prints = [Images(a, "x").fingerprint() for a in (ARRAY, ARRAY.copy(), other)]
    assert prints[0] == prints[1] != prints[2]
    source = Pairs()
    source.fingerprint = lambda: {"version": 3}
    assert Images(source, "x").fingerprint() == {"version": 3}


def test_a_memory_mapped_file_is_known_by_its_size_and_time(tmp_path):
    np.save(tmp_path / "a.npy", ARRAY)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert Images(mapped, "x").fingerprint().keys() == {"bytes", "modified", "some_crc32"}
    with Pool(1) as pool:
        out = np.empty((2, 4, 5, 3), np.uint8)
        pool.read(Images(mapped, "x", processes=True), [4, 1], out).result()
    np.testing.assert_array_equal(out, ARRAY[[4, 1]])


def test_the_source_in_the_readme_is_one():
    text = Path(data_package.__file__).with_name("README.md").read_text("utf-8")
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "streamed" in b]
    exec(block, {})
