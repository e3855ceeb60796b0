"""Laws that every picture obeys, checked for each through one table.

What a picture looks like is judged by eye; here: it is a valid PNG of a sensible size, it is the
same for the same arrays, it shows what it was given (other arrays, other pixels), it leaves nothing
behind when it fails, and it says clearly what is wrong with its arguments.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnjax import pictures
from cnnjax.geometry import ReceptiveField
from cnnjax.notices import Notice

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(size=(5, 5, 3, 32))
GREY_KERNEL = RNG.normal(size=(3, 3, 1, 6))
IMAGE = RNG.integers(0, 256, (20, 20, 3)).astype(np.uint8)
IMAGES = RNG.random((7, 12, 12, 3))
MAPS = {"conv1": RNG.normal(size=(20, 20, 8)), "relu1": RNG.random((20, 20, 8)), "flat": np.ones(5)}
FIELDS = (ReceptiveField().then(3, padding=1),) * 2
FOUND = pictures.strongest(lambda x: x.repeat(12, -1), IMAGES, FIELDS, top=4)
NAMES = ("$\\frac{$", "a" * 250, "$x_$^ 100 % \\n")
THIRTY = [f"class {i}" for i in range(30)]


def row(epoch, **columns):
    return {"epoch": epoch, "loss": 1 / epoch, "accuracy": 1 - 0.5 / epoch, **columns}


# name -> (draw(path), draw the same picture of other data(path))
PICTURES = {
    "learning_curves": (
        lambda path: pictures.learning_curves([row(1), row(2), row(3)], path),
        lambda path: pictures.learning_curves([row(1), row(3)], path),
    ),
    "learning_curves, one epoch": (
        lambda path: pictures.learning_curves([row(1, test_loss=0.4)], path),
        lambda path: pictures.learning_curves([row(1, test_loss=0.8)], path),
    ),
    "kernels": (
        lambda path: pictures.kernels(KERNEL, 2 * KERNEL, path),
        lambda path: pictures.kernels(KERNEL, 3 * KERNEL, path),
    ),
    "kernels of a grey image": (
        lambda path: pictures.kernels(GREY_KERNEL, -GREY_KERNEL, path),
        lambda path: pictures.kernels(GREY_KERNEL, GREY_KERNEL, path),
    ),
    "feature_maps": (
        lambda path: pictures.feature_maps(IMAGE, MAPS, path, probabilities={"a": 0.9, "b": 0.1}),
        lambda path: pictures.feature_maps(255 - IMAGE, MAPS, path, probabilities={"a": 1.0}),
    ),
    "feature_maps of many layers": (
        lambda path: pictures.feature_maps(
            IMAGE, {f"conv{i}": MAPS["conv1"] + i for i in range(20)}, path
        ),
        lambda path: pictures.feature_maps(
            IMAGE, {f"conv{i}": MAPS["conv1"] - i for i in range(20)}, path
        ),
    ),
    "best_patches": (
        lambda path: pictures.best_patches(FOUND, path),
        lambda path: pictures.best_patches(FOUND, path, kernel=RNG.normal(size=(3, 3, 3, 36))),
    ),
    "confusion": (
        lambda path: pictures.confusion([[9, 1], [0, 10]], ("line", "curve"), path),
        lambda path: pictures.confusion([[9, 1], [1, 9]], ("line", "curve"), path),
    ),
    "confusion of names that mean something to a typesetter": (
        lambda path: pictures.confusion(np.eye(3, dtype=int), NAMES, path, title=NAMES[0]),
        lambda path: pictures.confusion(np.eye(3, dtype=int), NAMES[::-1], path),
    ),
    "confusion of many classes": (
        lambda path: pictures.confusion(np.eye(30, dtype=int), THIRTY, path),
        lambda path: pictures.confusion(np.roll(np.eye(30, dtype=int), 1, 0), THIRTY, path),
    ),
}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("draw", [pair[0] for pair in PICTURES.values()], ids=PICTURES)
def test_is_a_png_of_sensible_size_alone_in_its_new_folder(draw, tmp_path):
    path = tmp_path / "new" / "folder" / "picture.png"
    draw(path)
    height, width, _ = pixels(path).shape
    assert 300 <= width <= 3000
    assert 250 <= height <= 4000
    assert [file.name for file in path.parent.iterdir()] == ["picture.png"]


@pytest.mark.parametrize(("draw", "other"), PICTURES.values(), ids=PICTURES)
def test_shows_its_data(draw, other, tmp_path):
    draw(tmp_path / "first.png")
    draw(tmp_path / "again.png")
    other(tmp_path / "other.png")
    first, again, changed = (pixels(tmp_path / f"{n}.png") for n in ("first", "again", "other"))
    np.testing.assert_array_equal(first, again)
    assert first.shape != changed.shape or (first != changed).any()


def test_replaces_an_older_picture(tmp_path):
    path = tmp_path / "confusion.png"
    path.write_text("older")
    pictures.confusion([[1]], ("only",), path)
    assert pixels(path).size > 0


def test_a_failed_write_leaves_the_older_picture_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "confusion.png"
    path.write_text("older")

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    with pytest.raises(OSError, match="no space left"):
        pictures.confusion([[1]], ("only",), path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


FAULTS = {
    "no epochs": (lambda p: pictures.learning_curves([], p), "history has no epochs"),
    "kernels of two shapes": (
        lambda p: pictures.kernels(KERNEL, KERNEL[..., :4], p),
        r"before \(5, 5, 3, 32\) and after \(5, 5, 3, 4\)",
    ),
    "no 2-D kernel": (lambda p: pictures.kernels(KERNEL[0], KERNEL[0], p), r"\(kh, kw, C, O\)"),
    "no spatial map": (lambda p: pictures.feature_maps(IMAGE, {"flat": np.ones(3)}, p), "flat"),
    "image of five channels": (
        lambda p: pictures.feature_maps(np.ones((4, 4, 5)), MAPS, p),
        r"given \(4, 4, 5\)",
    ),
    "matrix for other classes": (
        lambda p: pictures.confusion(np.eye(3), ("a", "b"), p),
        r"2 classes need a \(2, 2\) matrix, given \(3, 3\)",
    ),
    "negative counts": (lambda p: pictures.confusion([[-1]], ("a",), p), "negative"),
    "kernel of another layer": (
        lambda p: pictures.best_patches(FOUND, p, kernel=KERNEL),
        "36 kernels were searched",
    ),
}


def test_bars_take_names_of_any_kind(tmp_path):
    pictures.feature_maps(IMAGE, MAPS, tmp_path / "a.png", probabilities=dict.fromkeys(NAMES, 1))
    assert max(pixels(tmp_path / "a.png").shape) <= 3000


def test_characters_that_no_font_has_are_one_notice(tmp_path):
    with pytest.warns(Notice, match="no font here has some of its characters") as caught:
        pictures.confusion(np.eye(2, dtype=int), ("\U00012000", "\U00012001"), tmp_path / "a.png")
    assert len(caught) == 1


@pytest.mark.parametrize("sign", [1, -1], ids=["active", "silent"])
def test_the_word_silent_is_explained_where_it_stands(sign, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        "cnnjax.pictures.style.headline", lambda figure, title, caption: said.append(caption)
    )
    found = pictures.strongest(lambda x: sign * x, IMAGES + 0.1, FIELDS, top=2)
    pictures.best_patches(found, tmp_path / "a.png")
    assert ("Silent: no patch makes it positive." in said[0]) == (sign < 0)


@pytest.mark.parametrize(("draw", "message"), FAULTS.values(), ids=FAULTS)
def test_bad_arguments_are_named_and_nothing_is_written(draw, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw(tmp_path / "picture.png")
    assert list(tmp_path.iterdir()) == []


def test_a_colour_is_linear_in_its_weight_around_grey():
    from cnnjax.pictures.first_kernels import kernel_tiles

    small, large = kernel_tiles(KERNEL, 4.0), kernel_tiles(2 * KERNEL, 4.0)
    for one, two in zip(small, large, strict=True):
        np.testing.assert_allclose(two - 0.5, np.clip(2 * (one - 0.5), -0.5, 0.5))
