"""Where an equation is from: the user's lines, the scopes, and the calls around it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import jax

_JAX_FOLDER = os.path.dirname(os.path.abspath(jax.__file__))
# Lines of its files are not the user's, but for the claims: functions that are asked about.
_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_CLAIMS = os.path.join(_HOUSE, "claims") + os.sep


class Frame(NamedTuple):
    """A line that was running when an equation was made."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line} ({self.function})"


class _Line(Protocol):
    """The same, as JAX has it."""

    file_name: str
    line_num: int
    function_name: str


@dataclass(frozen=True, eq=False)
class Origin:
    """Of one equation, and of the call that it was in before that was inlined."""

    _info: object  # what JAX keeps beside an equation
    caller: Origin | None = None

    @property
    def scope(self) -> str:
        """The `jax.named_scope`s within the call, as JAX prints them: "" where there are none;
        under `vmap` or `grad` they read `vmap(conv1)`."""
        return str(getattr(self._info, "name_stack", ""))

    def frames(self) -> Iterator[Frame]:
        """The lines from the innermost to the outermost."""
        for frame in _frames(self._info):
            yield Frame(frame.file_name, frame.line_num, frame.function_name)

    def outwards(self) -> Iterator[Origin]:
        """This one, that of the call around it, and so on."""
        origin: Origin | None = self
        while origin is not None:
            yield origin
            origin = origin.caller


@functools.cache
def of_jax(file: str) -> bool:
    """Whether a frame's file is one of JAX's, or none."""
    return file.startswith((_JAX_FOLDER, "<"))


@functools.cache
def _users(file: str) -> bool:
    ours = file.startswith(_HOUSE) and not file.startswith(_CLAIMS)
    return not (ours or of_jax(file))


def user_line(info: object) -> str:
    """The innermost line outside JAX and `verify`, as text; "" if there is none."""
    for frame in _frames(info):
        if _users(frame.file_name):
            return str(Frame(frame.file_name, frame.line_num, frame.function_name))
    return ""


def _frames(info: object) -> Sequence[_Line]:
    traceback = getattr(info, "traceback", None)
    return getattr(traceback, "frames", ()) or ()
