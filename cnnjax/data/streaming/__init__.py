"""Data larger than memory: images that are read when a batch needs them (see ../README.md)."""

from cnnjax.data.streaming.files import ImageFiles
from cnnjax.data.streaming.images import Images, Source
from cnnjax.data.streaming.pool import Pool
from cnnjax.data.streaming.reader import Reader
from cnnjax.data.streaming.sources import reading, streamed

__all__ = ["ImageFiles", "Images", "Pool", "Reader", "Source", "reading", "streamed"]
