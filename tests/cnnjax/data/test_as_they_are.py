"""Folders as people have them: names, litter, what is no file at all, and classes with gaps."""

import os
import socket

import numpy as np
import pytest
from PIL import Image

from cnnjax.data import DataError, load
from cnnjax.notices import Notice
from tests.cnnjax.data.conftest import write_images


def fault(folder, **options) -> str:
    with pytest.raises(DataError) as caught:
        load(f"folder:{folder}", **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Test"),
        ("train", "val"),
        ("TRAINING", "validation"),
        ("training", "Testing"),
        ("train", "valid"),
    ],
)
def test_splits_go_by_any_of_their_names(split_folder, train, test):
    before = load(f"folder:{split_folder}")
    (split_folder / "train").rename(split_folder / train)
    (split_folder / "test").rename(split_folder / test)
    after = load(f"folder:{split_folder}")
    np.testing.assert_array_equal(before.train.images, after.train.images)
    np.testing.assert_array_equal(before.test.images, after.test.images)


def test_the_test_split_is_preferred_and_what_is_left_alone_is_named(split_folder, rng):
    for name in ("val", "extra"):
        write_images(split_folder / name / "ant", 3, rng)
    with pytest.warns(Notice, match="trains on train/ and tests on test/; left alone: extra, val"):
        assert len(load(f"folder:{split_folder}").test) == 4


def test_two_folders_that_could_be_meant_are_an_error(split_folder):
    (split_folder / "Train").mkdir()
    assert "which one is meant" in fault(split_folder)


LITTER = ["__MACOSX", "@eaDir", ".DS_Store", "#recycle", "$RECYCLE.BIN", ".ipynb_checkpoints"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_litter_is_ignored_at_every_level(split_folder, rng, kind):
    before = load(f"folder:{split_folder}").train.images
    for place in (split_folder, split_folder / "train", split_folder / "train" / "ant"):
        for name in [*LITTER, "Thumbs.db", "ehthumbs.db", "Icon\r", "desktop.ini"]:
            if kind == "file":
                (place / name).write_bytes(b"x")
            else:
                write_images(place / name, 1, rng)
    np.testing.assert_array_equal(load(f"folder:{split_folder}").train.images, before)


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def listening(path):
    place = os.open(path.parent, os.O_RDONLY)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"/proc/self/fd/{place}/{path.name}")
    os.close(place)


@pytest.mark.parametrize("make", [pipe, device, listening])
def test_what_is_no_file_is_skipped_with_a_notice_and_never_opened(image_folder, make):
    make(image_folder / "ant" / "z.jpg")
    with pytest.warns(Notice, match=r"z\.jpg: skipped, it is a (named pipe|device|socket)"):
        assert len(load(f"folder:{image_folder}").train) == 24


NAMES = {
    "not UTF-8": (b"caf\xe9", "caf\\xe9"),
    "a newline": (b"cat\ndog", "cat\\ndog"),
    "an escape code": (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    "a change of direction": ("a\u202eb".encode(), "a\\u202eb"),
    "two ways to write é": ("cafe\u0301".encode(), "caf\u00e9"),
    "words of Korean": ("고양이".encode(), "고양이"),
    "a leading dash": (b"--help", "--help"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_escaped(image_folder, name):
    raw, shown = NAMES[name]
    os.rename(os.fsencode(image_folder / "ant"), os.path.join(os.fsencode(image_folder), raw))
    splits = load(f"folder:{image_folder}")
    assert shown in splits.train.classes
    assert all(one.isprintable() for one in splits.train.classes)
    "".join(splits.train.classes).encode()
    folder = os.path.join(os.fsencode(image_folder), raw)
    with open(os.path.join(folder, b"0.png"), "wb") as file:
        file.write(b"damaged")
    assert "0.png: not an image" in fault(image_folder)


def test_two_names_that_are_shown_alike_are_an_error(image_folder):
    (image_folder / "ant").rename(image_folder / "a\nb")
    (image_folder / "bee").rename(image_folder / "a\\nb")
    assert "two class folders have the same name" in fault(image_folder)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("fixture", ["image_folder", "split_folder"])
def test_a_wrapping_folder_is_looked_into_with_a_notice(request, tmp_path, fixture, depth):
    inner = request.getfixturevalue(fixture)
    before = load(f"folder:{inner}").train.images
    outer = tmp_path / "outer"
    place = outer.joinpath(*["deep"] * (depth - 1))
    place.mkdir(parents=True)
    (place / "__MACOSX").mkdir()
    inner.rename(place / inner.name)
    with pytest.warns(Notice, match=rf"outer: reads .*{inner.name}/, the only folder in it"):
        after = load(f"folder:{outer}").train.images
    np.testing.assert_array_equal(before, after)


def test_images_outside_the_classes_are_named(image_folder):
    Image.new("RGB", (8, 6)).save(image_folder / "lost.png")
    with pytest.warns(Notice, match=r"1 images lie outside .* lost\.png"):
        load(f"folder:{image_folder}")


def test_a_class_with_one_image_trains_and_is_named(image_folder):
    for number in range(1, 10):
        (image_folder / "bee" / f"{number}.png").unlink()
    with pytest.warns(Notice, match="tiny-photos: no test image is of the class 'bee'"):
        splits = load(f"folder:{image_folder}")
    assert np.bincount(splits.train.labels).tolist() == [8, 1, 8]


@pytest.mark.parametrize("gone", ["folder", "images"])
def test_a_test_split_without_a_class_is_named(split_folder, gone):
    for path in (split_folder / "test" / "bee").iterdir():
        path.unlink()
    if gone == "folder":
        (split_folder / "test" / "bee").rmdir()
    with pytest.warns(Notice, match="tiny-split: no test image is of the class 'bee'"):
        splits = load(f"folder:{split_folder}")
    assert splits.test.classes == ("ant", "bee")
    assert splits.test.labels.tolist() == [0, 0]


def test_nothing_to_test_with_is_an_error(tmp_path, rng):
    for name in ("ant", "bee"):
        write_images(tmp_path / name, 1, rng)
    assert "no class has more than one image" in fault(tmp_path)


@pytest.mark.parametrize("make", [lambda p: p / ("x" * 300), lambda p: p.joinpath(*["y"] * 3000)])
def test_an_over_long_path_is_one_line(tmp_path, make):
    message = fault(make(tmp_path))
    assert "cannot be read (File name too long)" in message
    assert len(message) < 500


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("place", ["", "ant"])
def test_a_folder_that_may_not_be_read_is_named(image_folder, place):
    (image_folder / place).chmod(0)
    try:
        assert "cannot be read (Permission denied)" in fault(image_folder)
    finally:
        (image_folder / place).chmod(0o700)


def test_links_in_a_circle_are_one_line(image_folder):
    (image_folder / "ant" / "loop.png").symlink_to(image_folder / "ant" / "loop.png")
    assert "loop.png: cannot be read (Too many levels of symbolic links)" in fault(image_folder)
