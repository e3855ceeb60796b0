"""One PNG or JPEG file to an array, or an error that names the file and the fault.

What is asked of a file, because Pillow alone lets it pass: its whole content is there and a PNG's
checksums hold; 16-bit grey is scaled (not clipped to white); a transparent pixel shows white and
not whatever colour hides below it; a photograph is turned the way its camera says it was held. A
JPEG has no checksums: a flipped bit inside its data can go unseen.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from cnnjax.data.dataset import DataError

FORMATS = ("PNG", "JPEG")
SUFFIXES = (".png", ".jpg", ".jpeg")
# The last chunk with its checksum, which Pillow does not ask for.
PNG_END = b"IEND\xaeB`\x82"
CHANNEL_MODES = {1: "L", 3: "RGB"}

# What Pillow raises on files that are damaged, made up to exhaust memory, or no image at all.
_FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    TypeError,
    KeyError,
    MemoryError,
    OverflowError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def read_image(
    path: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3
) -> np.ndarray:
    """The image at `path` as (H, W, channels) uint8; `channels` 3 is RGB, 1 is grey.

    `size` = (height, width) resizes with Pillow's bilinear filter; the aspect ratio is not kept.

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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                kind = opened.format
                # A PNG's checksums; afterwards the image has to be opened anew.
                opened.verify()
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                opened.load()
                picture = _plain(ImageOps.exif_transpose(opened)).convert(CHANNEL_MODES[channels])
    except _FAULTS as fault:
        raise DataError(f"{path}: {_describe(fault, content)}") from fault
    if kind == "PNG" and PNG_END not in content:
        raise DataError(f"{path}: the PNG image is cut short, its last bytes are missing")
    if size is not None and picture.size != (size[1], size[0]):
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(picture.height, picture.width, channels)


def image_size(path: str | Path) -> tuple[int, int]:
    """(height, width) of the image at `path` as `read_image` gives it, from its header alone."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as opened:
                # Orientations 5 to 8 are turned by a quarter.
                turned = opened.getexif().get(0x0112, 1) >= 5
                width, height = opened.size
                return (width, height) if turned else (height, width)
    except _FAULTS as fault:
        raise DataError(f"{path}: {_describe(fault, _bytes(path))}") from fault


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from fault


def _describe(fault: BaseException, content: bytes) -> str:
    if not content:
        return "the file is empty"
    if isinstance(fault, Image.UnidentifiedImageError):
        return "no PNG or JPEG image (or its header is damaged)"
    if isinstance(fault, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"refused, {fault}"
    return f"damaged image ({fault})"


def _plain(picture: Image.Image) -> Image.Image:
    """The picture without the modes that a plain conversion would get wrong."""
    if picture.mode.startswith("I"):
        # 16-bit grey: 65535 is white. 257 maps 0..65535 onto 0..255 exactly.
        wide = np.asarray(picture).astype(np.int64)
        return Image.fromarray(((wide.clip(0, 65535) + 128) // 257).astype(np.uint8))
    if "A" in picture.mode or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture
