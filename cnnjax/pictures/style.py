"""How every picture looks, and how it reaches the disk.

One sheet of paper a picture: `sheet(path, width, height)` yields a matplotlib `Figure` and writes
it as PNG when the block ends without an error. No pyplot: pictures have no global state, need no
display, and may be drawn from any thread that draws one at a time.

The file is written atomically: a reader (or a Ctrl-C) never meets half a picture.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from cnnjax.files import atomic
from cnnjax.notices import notice

TRAIN = "#2f6fb3"  # blue and orange stay apart for every common kind of colour blindness
TEST = "#d9642b"
INK = "#22262b"
MUTED = "#6b7480"
GRID = "#e3e7eb"
GAP = "#ffffff"
SEQUENTIAL = "magma"  # for maps that are nowhere negative
DIVERGING = "RdBu_r"  # for signed maps: white is zero
DPI = 150

# Class names may be Korean (folder names are): fonts that have Hangul, where one is installed.
_HANGUL = (
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
)


@functools.cache
def _families() -> tuple[str, ...]:
    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *(name for name in _HANGUL if name in installed))


@contextmanager
def sheet(path: str | os.PathLike[str], width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure of `width` x `height` inches; write it to `path` as PNG at the end.

    Folders on the way are created. Nothing is written when the block raises.
    """
    settings: dict[Any, Any] = {
        "font.family": list(_families()),
        "font.size": 9,
        "text.parse_math": False,  # a class may be called $x
        "text.color": INK,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "grid.color": GRID,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "legend.frameon": False,
    }
    with matplotlib.rc_context(settings):
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06)
        figure = Figure(figsize=(width, height), dpi=DPI, layout=layout, facecolor="white")
        FigureCanvasAgg(figure)
        yield figure
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary, _one_notice_of_missing_glyphs(path):
            figure.savefig(temporary, format="png", dpi=DPI)


@contextmanager
def _one_notice_of_missing_glyphs(path: str | os.PathLike[str]) -> Iterator[None]:
    """matplotlib warns of every character that no font has, with two lines each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    glyphs = [one for one in caught if str(one.message).startswith("Glyph ")]
    for other in caught:
        if other not in glyphs:
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    if glyphs:
        notice(f"{path}: no font here has some of its characters; they are drawn as boxes")


def short(text: str, most: int) -> str:
    """A name from anywhere, cut where it would push the picture off the sheet.

    >>> short("a class with a long name", 12)
    'a class wit…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def headline(figure: Figure, title: str, subtitle: str = "") -> None:
    """The title of a sheet, in the left upper corner, and a grey line that says how to read it."""
    figure.suptitle(
        short(title, 160),
        x=0.012,
        ha="left",
        fontsize=12,
        fontweight="bold",
        linespacing=1.5,
        color=INK,
    )
    if subtitle:
        # A figure has one suptitle; the subtitle is a second text that layout makes room for.
        figure.supxlabel(subtitle, x=0.012, ha="left", fontsize=8.5, color=MUTED)


def bare(axes: Axes) -> None:
    """Take ticks and frame away: for axes that hold an image."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
