"""Images as they are: formats, sizes, metadata and depths that people's files have."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from cnnjax.data import DataError, load, memory, read_image
from cnnjax.data.picture import image_size

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PIXELS)
LOSSLESS = {
    "PNG": {}, "BMP": {}, "TIFF": {}, "PPM": {}, "TIFF lzw": {"compression": "tiff_lzw"},
    "WEBP": {"lossless": True},
}  # fmt: skip
LOSSY = {"JPEG": {}, "GIF": {}, "WEBP lossy": {}, "AVIF": {}}


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    kind = kind.split()[0]
    if kind in ("AVIF", "WEBP") and not features.check(kind.lower()):
        pytest.skip(f"this Pillow has no {kind}")
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", [*LOSSLESS, *LOSSY])
def test_every_format_is_read_whatever_its_name_says(tmp_path, kind):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(PICTURE, kind, **LOSSLESS.get(kind, {})))
    assert image_size(path) == (9, 11)
    found = read_image(path)
    assert found.shape == (9, 11, 3)
    if kind in LOSSLESS:
        np.testing.assert_array_equal(found, PIXELS)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "TIFF lzw", "WEBP", "PPM", "AVIF"])
def test_a_file_cut_short_is_an_error_or_loses_nothing(tmp_path, kind, capfd):
    content = encoded(PICTURE, kind, **LOSSLESS.get(kind, {}))
    path = tmp_path / "cut.img"
    path.write_bytes(content)
    whole, refused = read_image(path), 0
    for length in range(0, len(content), 3):
        path.write_bytes(content[:length])
        try:
            np.testing.assert_array_equal(read_image(path), whole)
        except DataError as error:
            assert "cut.img: " in str(error)  # noqa: PT017 - a trailer may be missing
            refused += 1
    assert refused >= len(content) // 3 - 3
    assert capfd.readouterr().err == ""  # libtiff would print


def test_the_first_frame_of_an_animation_counts(tmp_path):
    red, blue = (Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 0, 255)))
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        path = tmp_path / f"a.{kind.lower()}"
        path.write_bytes(encoded(red, kind, save_all=True, append_images=[blue]))
        assert read_image(path)[0, 0, 0] > 200
        assert read_image(path)[0, 0, 2] < 60


def chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def with_chunk(content: bytes, kind: bytes, data: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return content[:33] + chunk(kind, data) + content[33:]


LARGE = bytes(3 << 20)
METADATA = {
    "a large colour profile": (b"iCCP", b"profile\0\0" + zlib.compress(LARGE)),
    "a large compressed text": (b"zTXt", b"comment\0\0" + zlib.compress(LARGE)),
    "a large international text": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LARGE),
    "a plain text": (b"tEXt", b"comment\0" + LARGE),
    "a colour profile that is none": (b"iCCP", b"profile\0\0nonsense"),
    "EXIF that is none": (b"eXIf", b"nonsense"),
    "a frame control of an animation": (b"acTL", struct.pack(">II", 9, 0)),
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_does_not_make_a_sound_png_unreadable(tmp_path, name):
    path = tmp_path / "a.png"
    path.write_bytes(with_chunk(encoded(PICTURE, "PNG"), *METADATA[name]))
    np.testing.assert_array_equal(read_image(path), PIXELS)
    assert image_size(path) == (9, 11)


def oriented(kind: str, value) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return encoded(PICTURE, kind, exif=exif.tobytes())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("value", [0, 1, 3, 6, 8, 9, 65535])
def test_both_that_look_at_the_orientation_agree_and_ignore_nonsense(tmp_path, kind, value):
    path = tmp_path / "a.img"
    path.write_bytes(oriented(kind, value))
    assert image_size(path) == ((11, 9) if value in (6, 8) else (9, 11))
    assert read_image(path).shape[:2] == image_size(path)
    if kind != "JPEG" and kind != "WEBP":
        turned = {3: np.rot90(PIXELS, 2), 6: np.rot90(PIXELS, -1), 8: np.rot90(PIXELS)}
        np.testing.assert_array_equal(read_image(path), turned.get(value, PIXELS))


def png(depth: int, colours: int, row: bytes, transparent: bytes) -> bytes:
    """One row of two pixels."""
    header = struct.pack(">IIBBBBB", 2, 1, depth, colours, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tRNS", transparent)
        + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    )  # fmt: skip


TRANSPARENT = {  # depth, colour type, a shown and a hidden pixel, the hidden value, the shown one
    "1 bit": (1, 0, b"\x40", b"\0\1", [0] * 3),
    "2 bits": (2, 0, b"\x10", b"\0\1", [0] * 3),
    "4 bits": (4, 0, b"\x35", b"\0\5", [51] * 3),
    "8 bits": (8, 0, b"\x07\x09", b"\0\x09", [7] * 3),
    "16 bits": (16, 0, struct.pack(">HH", 257 * 8, 257 * 8 + 1), struct.pack(">H", 2057), [8] * 3),
    "8 bits of colour": (8, 2, bytes([1, 2, 3, 4, 5, 6]), bytes([0, 4, 0, 5, 0, 6]), [1, 2, 3]),
    "16 bits of colour": (
        16, 2, bytes([1, 0, 2, 0, 3, 0, 4, 9, 5, 9, 6, 9]), bytes([4, 9, 5, 9, 6, 9]), [1, 2, 3],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSPARENT)
def test_the_transparent_value_is_white_at_every_depth(tmp_path, name):
    depth, colours, row, hidden, seen = TRANSPARENT[name]
    path = tmp_path / "a.png"
    path.write_bytes(png(depth, colours, row, hidden))
    assert read_image(path).tolist() == [[seen, [255] * 3]]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"%PDF-1.4", "a PDF document"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photograph (save it as JPEG)"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"PK\x03\x04\x14\0", "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer to a file kept elsewhere"),
        (b"just words", "a text file"),
        (b"\x00\x01\x02\x03", "something of no known format"),
    ],
)
def test_what_is_no_image_is_named_for_what_it_is(tmp_path, start, words):
    path = tmp_path / "a.jpg"
    path.write_bytes(start)
    with pytest.raises(DataError, match=r"a\.jpg: not an image that can be read, but ") as caught:
        read_image(path)
    assert words in str(caught.value)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_known_white_are_refused_and_not_clipped(tmp_path, mode):
    path = tmp_path / "a.tif"
    values = np.full((2, 2), 70000, {"F": np.float32, "I": np.int32}[mode])
    path.write_bytes(encoded(Image.fromarray(values), "TIFF"))
    with pytest.raises(DataError, match="save it with 8 or 16 bits"):
        read_image(path)


def test_images_beyond_memory_are_refused_with_the_figure(image_folder, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 4000)
    monkeypatch.setattr("cnnjax.data.dataset.available", memory.available)
    with pytest.raises(DataError, match=r"30 images of 6x8 pixels need .*--size 224"):
        load(f"folder:{image_folder}")
    assert len(load(f"folder:{image_folder}", size=(4, 4)).train) == 24
    with pytest.raises(DataError, match=r"6,000 images of 100x100 pixels need 0\.2 GB"):
        load("patterns")


def test_what_is_free_is_the_least_of_all_limits(monkeypatch):
    for one, two, least in ([7], [9], 7), ([], [5], 5):
        monkeypatch.setattr(memory, "_of_the_machine", lambda found=one: found)
        monkeypatch.setattr(memory, "_of_the_group", lambda found=two: found)
        assert memory.available() == least


NEW = ("memory.max", "memory.current", "inactive_file")
OLD = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


@pytest.mark.parametrize(
    ("own", "names", "groups", "free"),
    [
        # A job of a cluster: the limit is on its own group, or on one around it.
        ("0::/slurm/job", NEW, {"slurm": ("max", 9, 0), "slurm/job": (900, 300, 0)}, [600]),
        ("0::/slurm/job", NEW, {"slurm": (900, 500, 0), "slurm/job": ("max", 300, 0)}, [400]),
        ("0::/a/b", NEW, {"a": (900, 500, 0), "a/b": (800, 300, 0)}, [500, 400]),
        ("3:cpu,memory:/a", OLD, {"memory/a": (900, 300, 0), "a": (1, 1, 0)}, [600]),
        # A container that knows its group by the name of the host.
        ("0::/docker/1f", NEW, {"": (900, 300, 0)}, [600]),
        ("4:memory:/docker/1f\n0::/", OLD, {"memory": (900, 300, 0)}, [600]),
        # Cached files make room; a text that is no number is none.
        ("0::/a", NEW, {"a": (900, 700, 600)}, [800]),
        ("4:memory:/a", OLD, {"memory/a": (900, 700, 600)}, [800]),
        ("0::/a", NEW, {"a": ("x", 700, 600)}, []),
        ("0::/a", NEW, {}, []),
    ],
)
def test_the_limits_of_all_control_groups_are_found(
    tmp_path, monkeypatch, own, names, groups, free
):
    monkeypatch.setattr(memory, "_OWN", tmp_path / "own")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "groups")
    (tmp_path / "own").write_text(f"1:cpuset:/\n{own}\n")
    limit, use, cached = names
    for name, (most, used, files) in groups.items():
        folder = tmp_path / "groups" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / limit).write_text(f"{most}\n")
        (folder / use).write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\n{cached} {files}\n")
    assert memory._of_the_group() == free


def test_a_photograph_above_the_limit_is_read_where_it_is_asked_for(image_folder):
    with pytest.raises(DataError, match=r"more than 40: .* --max-pixels 48"):
        load(f"folder:{image_folder}", max_pixels=40)
    assert load(f"folder:{image_folder}", max_pixels=48).train.images.shape == (24, 6, 8, 3)


def test_a_class_folder_may_hold_every_format(tmp_path):
    for kind, ending in (
        ("JPEG", "jfif"), ("WEBP", "webp"), ("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tif"),
        ("PNG", "JPG"), ("PPM", "ppm"), ("PNG", "without an ending"),
    ):  # fmt: skip
        for name in ("ant", "bee"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{kind}.{ending}".removesuffix(".without an ending")).write_bytes(
                encoded(PICTURE, kind)
            )
    splits = load(f"folder:{tmp_path}")
    assert len(splits.train) + len(splits.test) == 16
