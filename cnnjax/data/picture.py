"""One image file to an array, or an error that names the file and the fault.

PNG, JPEG, WebP, GIF (its first frame), BMP, TIFF (its first page), PPM and AVIF, told by their
content, not by their name. What is asked of a file, because Pillow alone lets it pass: its whole
content is there and a PNG's checksums hold; 16-bit grey is scaled (not clipped to white); a
transparent pixel shows white and not whatever colour hides below it; a photograph is turned the
way its camera says it was held. The other formats have no checksums: a flipped bit inside their
data can go unseen. Colour profiles are not applied.
"""

import io
import logging
import os
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, features

from cnnjax.data import png
from cnnjax.data.errors import DataError
from cnnjax.data.formats import FORMATS, START, is_image, what

MAX_PIXELS = 89_478_485
"""The largest image that is decoded unless told otherwise: a quarter of a gigabyte as RGB."""

CHANNEL_MODES = {1: "L", 3: "RGB"}
_LARGEST_FILE = 1 << 31
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
# A build of Pillow may lack these two; naming one that it lacks is an error there.
_FORMATS = tuple(f for f in FORMATS if f not in ("WEBP", "AVIF") or features.check(f.lower()))
logging.getLogger("PIL").addHandler(logging.NullHandler())  # its errors are raised as well
_no_limit = threading.Lock()  # Pillow's own limit is a global


def read_image(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int = 3,
    max_pixels: int | None = None,
) -> np.ndarray:
    """The image at `path` as (H, W, channels) uint8; `channels` 3 is RGB, 1 is grey.

    `size` = (height, width) resizes with Pillow's bilinear filter; the aspect ratio is not kept.
    An image of more than `max_pixels` (`MAX_PIXELS`) is not decoded.

    Raises:
        DataError: names the file that is missing, damaged, cut short, too large or no image.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (30, 20), 255).save(f"{folder}/white.png")
    ...     read_image(f"{folder}/white.png", size=(10, 15)).shape
    (10, 15, 3)
    """
    if channels not in CHANNEL_MODES:
        raise ValueError(f"read_image: channels must be 1 or 3, got {channels}")
    content = _bytes(path)
    with _opened(path, content, max_pixels or MAX_PIXELS) as opened:
        opened.load()
        turn = _TURNS.get(_orientation(opened))
        plain = _plain(opened, png.bit_depth(content))
        picture = (plain if turn is None else plain.transpose(turn)).convert(
            CHANNEL_MODES[channels]
        )
        if size is not None and picture.size != (size[1], size[0]):
            picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
        return np.asarray(picture).reshape(picture.height, picture.width, channels)


def image_size(path: str | Path, *, max_pixels: int | None = None) -> tuple[int, int]:
    """(height, width) of the image at `path` as `read_image` gives it, without its pixels."""
    with _opened(path, _bytes(path), max_pixels or MAX_PIXELS) as opened:
        width, height = opened.size
        # Orientations 5 to 8 are turned by a quarter.
        return (width, height) if _orientation(opened) >= 5 else (height, width)


@contextmanager
def _opened(path: str | Path, content: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The image, not yet decoded; whatever Pillow raises inside is a DataError."""
    try:
        with warnings.catch_warnings(), ExitStack() as quiet:
            warnings.simplefilter("ignore")
            if content.startswith(png.MAGIC):
                content = png.essential(content)
            if content.startswith((b"II", b"MM")):
                quiet.enter_context(_silent_stderr())
            try:
                small = Image.open(io.BytesIO(content), formats=_FORMATS)
            except Image.DecompressionBombError:
                with _large(content) as large:
                    _check_pixels(path, large, max_pixels)
                    yield large
            else:
                with small:
                    _check_pixels(path, small, max_pixels)
                    yield small
    except DataError:
        raise
    except MemoryError as fault:
        raise DataError(f"{path}: there is not enough memory to decode it") from fault
    except Exception as fault:  # Pillow raises what its decoders happen to: struct.error, KeyError
        raise DataError(f"{path}: {_describe(fault, content)}") from fault


@contextmanager
def _large(content: bytes) -> Iterator[Image.Image]:
    """The image, without Pillow's limit, for as long as it is used; one at a time."""
    with _no_limit:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                yield opened
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Without what libtiff, a library in C, prints of a damaged file beside its error."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        os.close(nothing)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _check_pixels(path: str | Path, opened: Image.Image, most: int) -> None:
    width, height = opened.size
    if width * height > most:
        raise DataError(
            f"{path}: refused, it has {width * height:,} pixels ({height}x{width}), more than "
            f"{most:,}: a file can be made to exhaust the memory; --max-pixels {width * height} "
            f"(max_pixels={width * height}) reads it"
        )


def _orientation(opened: Image.Image) -> int:
    """1 to 8 as in EXIF; 1, upright, where the file says nothing or nonsense."""
    if opened.format == "TIFF":  # Pillow turns these itself, and their size
        return 1
    try:
        said = opened.getexif().get(_ORIENTATION, 1)
    except Exception:  # metadata is no part of the image
        return 1
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


def _bytes(path: str | Path) -> bytes:
    """The whole of a regular file; a pipe or a device, which may have no end, is never opened."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            raise DataError(f"{path}: no regular file, but {special(found.st_mode)}")
        if found.st_size > _LARGEST_FILE:
            raise DataError(f"{path}: {found.st_size:,} bytes are too many for an image")
        return Path(path).read_bytes()
    except OSError as fault:
        name = str(path) if len(str(path)) <= 300 else str(path)[:297] + "..."
        raise DataError(f"{name}: cannot be read ({fault.strerror or fault})") from fault
    except MemoryError as fault:
        raise DataError(f"{path}: there is not enough memory to read it") from fault


def special(mode: int) -> str:
    """What a file that is no regular one is, from its `st_mode`."""
    kinds = {
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
        stat.S_IFDIR: "a folder",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def _describe(fault: BaseException, content: bytes) -> str:
    if not content:
        return "the file is empty"
    if isinstance(fault, Image.UnidentifiedImageError):
        if is_image(content[:START]):
            return f"damaged image (it begins as {what(content[:START])})"
        return f"not an image that can be read, but {what(content[:START])}"
    return f"damaged image ({fault})"


def _plain(picture: Image.Image, depth: int) -> Image.Image:
    """The picture without the modes that a plain conversion would get wrong."""
    see_through = picture.info.get("transparency")
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    if picture.mode.startswith("I"):
        # 16-bit grey: 65535 is white. 257 maps 0..65535 onto 0..255 exactly.
        wide = np.asarray(picture).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError("its pixels are 32-bit numbers; save it with 8 or 16 bits")
        narrow = ((wide + 128) // 257).astype(np.uint8)
        if isinstance(see_through, int):
            narrow[wide == see_through] = 255
        return Image.fromarray(narrow)
    if picture.format == "PNG" and picture.mode in ("1", "L") and isinstance(see_through, int):
        grey = np.array(picture.convert("L"))
        # The value counts in the file's own depth; Pillow widens the pixels to 0..255.
        grey[grey == see_through * 255 // (2**depth - 1)] = 255
        return Image.fromarray(grey)
    if picture.format == "PNG" and picture.mode == "RGB" and isinstance(see_through, tuple):
        colour = np.array(picture)
        # Of 16 bits Pillow keeps the upper 8.
        hidden = np.array(see_through) >> (8 if depth == 16 else 0)
        colour[(colour == hidden).all(-1)] = 255
        return Image.fromarray(colour)
    if picture.mode in _TRANSPARENT or see_through is not None:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture
