"""Image folders: classes are folders; nothing is passed over in silence; faults are named."""

import numpy as np
import pytest
from PIL import Image

from cnnjax.data import DataError, load


def fault(folder, **options) -> str:
    with pytest.raises(DataError) as caught:
        load(f"folder:{folder}", **options)
    return str(caught.value)


def test_the_given_split_is_kept(split_folder):
    splits = load(f"folder:{split_folder}")
    assert splits.train.classes == ("ant", "bee")
    assert splits.train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert splits.test.labels.tolist() == [0, 0, 1, 1]
    pixels = np.asarray(Image.open(split_folder / "train" / "bee" / "2.png"))
    np.testing.assert_array_equal(splits.train.images[6], pixels)


def test_without_a_split_every_class_gives_a_fifth_to_the_test(image_folder):
    splits = load(f"folder:{image_folder}", seed=1)
    assert np.bincount(splits.train.labels).tolist() == [8, 8, 8]
    assert np.bincount(splits.test.labels).tolist() == [2, 2, 2]
    other = load(f"folder:{image_folder}", seed=2)
    assert not np.array_equal(splits.test.images, other.test.images)


def test_hidden_files_and_litter_are_ignored(split_folder):
    before = load(f"folder:{split_folder}").train.images
    (split_folder / "train" / "ant" / ".DS_Store").write_bytes(b"x")
    (split_folder / "train" / "ant" / "Thumbs.db").write_bytes(b"x")
    (split_folder / "train" / ".git").mkdir()
    (split_folder / "train" / "README.txt").write_text("about")
    np.testing.assert_array_equal(load(f"folder:{split_folder}").train.images, before)


def test_a_limit_opens_only_the_images_it_takes(image_folder):
    splits = load(f"folder:{image_folder}", limit=3)
    kept = {image.tobytes() for split in (splits.train, splits.test) for image in split.images}
    for path in image_folder.glob("*/*.png"):
        if np.asarray(Image.open(path)).tobytes() not in kept:
            path.write_bytes(b"damaged")
    np.testing.assert_array_equal(
        load(f"folder:{image_folder}", limit=3).train.images, splits.train.images
    )
    assert "not an image that can be read, but a text file" in fault(image_folder)


def test_images_of_different_sizes_are_named_unless_a_size_is_given(image_folder):
    Image.new("RGB", (9, 7)).save(image_folder / "bee" / "3.png")
    message = fault(image_folder)
    assert "has 6x8 pixels" in message
    assert f"{image_folder / 'bee' / '3.png'} has 7x9" in message
    assert "give a size" in message
    assert load(f"folder:{image_folder}", size=(4, 5)).train.images.shape[1:] == (4, 5, 3)


def test_a_class_named_train_is_a_class(image_folder):
    (image_folder / "ant").rename(image_folder / "train")
    assert load(f"folder:{image_folder}").train.classes == ("bee", "cat", "train")


def _remove(path):
    for member in path.iterdir():
        member.unlink()


BREAKS = {
    "an empty class": (
        lambda root: _remove(root / "bee"),
        "bee: the class folder has no images",
    ),
    "a text file among the images": (
        lambda root: (root / "ant" / "notes.txt").write_text("x"),
        "notes.txt: not an image that can be read, but a text file; move it out",
    ),
    "text that is called an image": (
        lambda root: (root / "ant" / "3.png").write_text("<html>not found</html>"),
        "3.png: not an image that can be read, but an HTML page",
    ),
    "an image of no bytes": (
        lambda root: (root / "ant" / "3.png").write_bytes(b""),
        "3.png: the file is empty",
    ),
    "an image cut short": (
        lambda root: (root / "ant" / "3.png").write_bytes(
            (root / "ant" / "3.png").read_bytes()[:-20]
        ),
        "3.png: damaged image",
    ),
    "a folder in a class": (
        lambda root: (root / "ant" / "more").mkdir(),
        "more: a folder inside the class folder",
    ),
    "a dangling link": (
        lambda root: (root / "ant" / "link.png").symlink_to(root / "gone.png"),
        "link.png: ",
    ),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_the_fault_is_named(image_folder, kind):
    change, words = BREAKS[kind]
    change(image_folder)
    assert words in fault(image_folder)


@pytest.mark.parametrize("size", [None, (5, 5)])
@pytest.mark.parametrize("cut", [False, True])
def test_all_damaged_images_are_named_in_one_line(image_folder, size, cut):
    damaged = [image_folder / "ant" / "3.png", image_folder / "bee" / "0.png"]
    for path in damaged:  # cut off behind its size, and before it
        path.write_bytes(path.read_bytes()[: -20 if cut else 12])
    with pytest.raises(DataError) as caught:
        load(f"folder:{image_folder}", size=size)
    message = str(caught.value)
    assert message.startswith("2 images cannot be used: ")
    assert all(f"{path}: damaged image" in message for path in damaged)
    assert "\n" not in message
    assert "more" not in message


def test_of_many_damaged_images_ten_are_named_and_the_others_counted(image_folder):
    files = sorted(image_folder.glob("*/*.png"))
    for path in files:
        path.write_bytes(b"")
    message = fault(image_folder)
    assert message.startswith(f"{len(files)} images cannot be used: ")
    assert message.count(": the file is empty") == 10
    assert message.endswith(f"; and {len(files) - 10} more")


def test_a_folder_without_classes_says_what_is_expected(tmp_path):
    assert f"{tmp_path}: has no class folders; expected {tmp_path}/CLASS/" in fault(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert "is not a folder" in fault(tmp_path / "a.png")


def test_a_class_folder_given_for_the_whole_names_the_folder_above_it(image_folder):
    message = fault(image_folder / "ant")
    assert "it holds images itself" in message
    assert message.endswith(f"give the folder above it, {image_folder}")


def test_a_class_that_only_the_test_split_has_is_named(split_folder):
    (split_folder / "test" / "bee").rename(split_folder / "test" / "wasp")
    message = fault(split_folder)
    assert "test: has the class wasp, of which there are no training images" in message


@pytest.mark.parametrize(("there", "missing"), [("train", "test"), ("test", "train")])
def test_half_a_split_is_called_by_its_name(split_folder, there, missing):
    (split_folder / missing).rename(split_folder / ".away")
    assert f"or is {split_folder / missing} missing?" in fault(split_folder)


def test_the_real_fruits_have_the_published_counts(real_data):
    splits = load(f"folder:{real_data / 'fruits10'}")
    assert splits.train.images.shape == (1500, 100, 100, 3)
    assert splits.test.images.shape == (500, 100, 100, 3)
    assert set(np.bincount(splits.train.labels)) == {150}
    assert set(np.bincount(splits.test.labels)) == {50}
    assert "kiwi" in splits.train.classes
