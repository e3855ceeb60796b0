"""One image file: every mode becomes RGB or grey as it looks; damage never passes unseen."""

import io

import numpy as np
import pytest
from PIL import Image

from cnnjax.data import DataError, read_image
from cnnjax.data.picture import image_size


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def palette_with_hole() -> Image.Image:
    picture = Image.new("P", (1, 1), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    picture.info["transparency"] = 1
    return picture


# What a picture of one pixel looks like: over white where it is transparent.
MODES = {
    "black and white": (Image.new("1", (1, 1), 1), (255, 255, 255)),
    "grey": (Image.new("L", (1, 1), 77), (77, 77, 77)),
    "grey and alpha": (Image.new("LA", (1, 1), (0, 51)), (204, 204, 204)),
    "16-bit grey, white": (Image.fromarray(np.full((1, 1), 65535, np.uint16)), (255, 255, 255)),
    "16-bit grey, middle": (Image.fromarray(np.full((1, 1), 257 * 90, np.uint16)), (90, 90, 90)),
    "colour": (Image.new("RGB", (1, 1), (1, 2, 3)), (1, 2, 3)),
    "opaque": (Image.new("RGBA", (1, 1), (1, 2, 3, 255)), (1, 2, 3)),
    "transparent": (Image.new("RGBA", (1, 1), (1, 2, 3, 0)), (255, 255, 255)),
    "palette": (Image.new("RGB", (1, 1), (10, 20, 30)).quantize(2), (10, 20, 30)),
    "palette with a transparent entry": (palette_with_hole(), (255, 255, 255)),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_the_colour_it_shows(tmp_path, mode):
    picture, expected = MODES[mode]
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture, "PNG"))
    assert tuple(read_image(path)[0, 0]) == expected
    if len(set(expected)) == 1:
        assert tuple(read_image(path, channels=1)[0, 0]) == expected[:1]


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK")])
def test_jpegs_of_every_kind_are_rgb(tmp_path, kind, mode):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(Image.new(mode, (16, 8)), kind))
    assert read_image(path).shape == (8, 16, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_camera_was_held(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(Image.new("RGB", (16, 8)), "JPEG", exif=exif))
    shape = (16, 8) if orientation >= 5 else (8, 16)
    assert read_image(path).shape == (*shape, 3)
    assert image_size(path) == shape


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8))
FILES = {
    "png": encoded(PICTURE, "PNG"),
    "palette png": encoded(PICTURE.quantize(8), "PNG"),
    "jpeg": encoded(PICTURE, "JPEG"),
    "progressive jpeg": encoded(PICTURE, "JPEG", progressive=True),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_truncation_is_an_error_that_names_the_file(tmp_path, kind):
    path = tmp_path / "cut.img"
    path.write_bytes(FILES[kind])
    read_image(path)
    for length in range(len(FILES[kind])):
        path.write_bytes(FILES[kind][:length])
        with pytest.raises(DataError, match=r"cut\.img: "):
            read_image(path)


@pytest.mark.parametrize("kind", [kind for kind in FILES if "png" in kind])
def test_every_flipped_byte_of_a_png_is_an_error_or_changes_nothing(tmp_path, kind):
    path = tmp_path / "flipped.png"
    path.write_bytes(FILES[kind])
    expected = read_image(path)
    errors = 0
    for place in range(len(FILES[kind])):
        flipped = bytearray(FILES[kind])
        flipped[place] ^= 0x11
        path.write_bytes(flipped)
        try:
            np.testing.assert_array_equal(read_image(path), expected)
        except DataError:
            errors += 1
    # The four bytes that may change freely are the length of the last, empty chunk.
    assert errors >= len(FILES[kind]) - 4


def test_an_image_of_more_pixels_than_allowed_is_refused_with_the_figure(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(FILES["png"])
    read_image(path, max_pixels=99)
    for ask in (read_image, image_size):
        with pytest.raises(DataError, match=r"bomb\.png: refused, it has 99 pixels \(9x11\), more"):
            ask(path, max_pixels=98)


@pytest.mark.parametrize("limit", [60, 30])  # Pillow warns above its limit, raises above twice it
def test_the_limit_of_the_library_is_the_one_that_counts(tmp_path, monkeypatch, limit):
    path = tmp_path / "large.png"
    path.write_bytes(FILES["png"])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    np.testing.assert_array_equal(read_image(path, max_pixels=99), np.asarray(PICTURE))
    assert limit == Image.MAX_IMAGE_PIXELS  # as it was, also after an error
    with pytest.raises(DataError, match="more than 98"):
        read_image(path, max_pixels=98)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_random_bytes_are_an_error(tmp_path, rng):
    path = tmp_path / "a.img"
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", FILES["png"][:60]):
        for _ in range(100):
            path.write_bytes(start + rng.bytes(int(rng.integers(1, 100))))
            with pytest.raises(DataError, match=r"a\.img"):
                read_image(path)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png: cannot be read \(No such file"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(DataError, match="cannot be read"):
        read_image(tmp_path)


def test_channels_other_than_grey_and_rgb_are_refused(tmp_path):
    with pytest.raises(ValueError, match="channels must be 1 or 3, got 4"):
        read_image(tmp_path, channels=4)
