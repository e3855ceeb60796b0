"""What a file is, told by its first bytes and not by its name."""

from __future__ import annotations

import re

__all__ = ["FORMATS", "START", "SUFFIXES", "is_image", "what"]

# Pillow's names of the formats that are read, and the endings that files of them have.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif",
)  # fmt: skip

START = 64  # bytes that are enough to tell

# In the order they are tried; an image that is read comes with its format.
_IMAGES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM............[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "PPM": rb"P[1-6][\s#]",
    "AVIF": rb"....ftypavi[fs]",
}
_OTHERS = {
    "a HEIC photograph (save it as JPEG)": rb"....ftyp(hei|hev|mif1|msf1)",
    "a video": rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ",
    "a PDF document": rb"%PDF",
    "an SVG drawing": rb"\s*(<\?xml[^>]*>\s*)?<svg",
    "an HTML page": rb"(?i)\s*<(!doctype html|html|head|body)",
    "a Photoshop document": rb"8BPS",
    "a JPEG 2000 image (save it as PNG)": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "a JPEG XL image (save it as PNG)": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "an icon": rb"\0\0\x01\0",
    "a zip archive": rb"PK\x03\x04",
    "a gzip archive": rb"\x1f\x8b",
    "a tar archive": rb".{257}ustar",
    "a NumPy array": rb"\x93NUMPY",
    "a Python pickle": rb"\x80[\x02-\x05]",
    "an HDF5 file": rb"\x89HDF",
    "a pointer to a file kept elsewhere (git lfs pull fetches it)": rb"version https://git-lfs",
}


def is_image(start: bytes) -> bool:
    """Whether a file that starts so is an image of a format that is read.

    >>> is_image(b"GIF89a"), is_image(b"hello")
    (True, False)
    """
    return _first(_IMAGES, start) is not None


def what(start: bytes) -> str:
    """What a file that starts so is, in words.

    >>> what(b"%PDF-1.7"), what(b"name,label"), what(b"")
    ('a PDF document', 'a text file', 'an empty file')
    """
    if not start:
        return "an empty file"
    if known := _first(_IMAGES, start):
        return f"a {known} image"
    if known := _first(_OTHERS, start):
        return known
    text = re.fullmatch(rb"[\t\n\r\x20-\x7e\x80-\xff]+", start)
    return "a text file" if text else "something of no known format"


def _first(patterns: dict[str, bytes], start: bytes) -> str | None:
    found = (name for name, pattern in patterns.items() if re.match(pattern, start, re.DOTALL))
    return next(found, None)
