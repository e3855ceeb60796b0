"""The chunks of a PNG file: all of them whole, and only those that decide what is seen.

Colour profiles, texts and animations say nothing about the pixels that are read here; Pillow
inflates the first two and refuses a sound image where they are large. What is dropped is checked
first: every chunk has a checksum (PNG specification, 3rd edition, section 5.3).
"""

from __future__ import annotations

import zlib

__all__ = ["MAGIC", "bit_depth", "essential"]

MAGIC = b"\x89PNG\r\n\x1a\n"
# Beside the critical ones: transparency, and how the camera was held.
_KEPT = (b"tRNS", b"eXIf")
# Texts in which programs hide the same: XMP, and EXIF of before there was a chunk for it.
_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0")
_LONGEST_TEXT = 1 << 18


def essential(content: bytes) -> bytes:
    """The file without what does not matter for its pixels.

    Raises:
        ValueError: a chunk that is damaged or cut short.
    """
    kept, place = [MAGIC], len(MAGIC)
    while True:
        if place + 12 > len(content):
            raise ValueError("the PNG is cut short")
        length = int.from_bytes(content[place : place + 4], "big")
        kind, end = content[place + 4 : place + 8], place + 12 + length
        if end > len(content):
            raise ValueError("the PNG is cut short, or the length of a chunk is wrong")
        if zlib.crc32(content[place + 4 : end - 4]) != int.from_bytes(
            content[end - 4 : end], "big"
        ):
            raise ValueError(f"checksum of the chunk {kind.decode('latin-1')!r} at byte {place}")
        critical = not kind[0] & 0x20
        text = content.startswith(_TEXTS, place + 8) and length <= _LONGEST_TEXT
        if critical or kind in _KEPT or text:
            kept.append(content[place:end])
        if kind == b"IEND":
            return b"".join(kept)
        place = end


def bit_depth(content: bytes) -> int:
    """Bits a sample, from the header."""
    return content[24] if len(content) > 24 else 8
