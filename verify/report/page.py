"""Puts the page together and writes it: one file with everything in it, nothing fetched.

The page's own security policy forbids requests and allows only its own script and style, so that
a name from a claim can do no harm even if it were not escaped.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from verify.claims.claim import Settled, Size
from verify.report import claim, summary
from verify.report.markup import Markup, tag
from verify.report.words import WORDS, t


def write(settled: Sequence[Settled], path: Path, *, size: Size = "small") -> None:
    """Writes the report of some settled claims as one self-contained HTML page.

    settled: what `verify.claims.run.settle` came to. path: the file; it is replaced only when the
    page is complete. size: which sizes the run covered, for the summary.

    Raises OSError if the file cannot be written.

    >>> from verify.claims import Claim, Settled
    >>> claim = Claim("one", "하나", "One.", "f(x) = g(x)", "It holds.")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write([Settled(claim, ())], Path(folder, "report.html"))
    ...     Path(folder, "report.html").read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    text = page(settled, size=size, now=datetime.now().astimezone())
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        umask = os.umask(0)  # mkstemp's file is for its owner only; a report is for sharing
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def page(settled: Sequence[Settled], *, size: Size, now: datetime) -> str:
    """The whole page as text."""
    style = Markup(_resource("figure.css") + _resource("report.css"))
    script = _resource("report.js")
    kinds = [claim.kinds(one) for one in settled]
    return "<!doctype html>\n" + tag(
        "html",
        _head(style, script),
        tag(
            "body",
            tag("a", t("skip"), href="#page:claims", class_="skip"),
            summary.languages(),
            summary.header(settled, size, now),
            summary.contents(settled, kinds),
            tag(
                "main",
                summary.filters(settled),
                tag("p", t("nothing"), class_="nothing"),
                (claim.section(one, number) for number, one in enumerate(settled, 1)),
                id="page:claims",
                tabindex=-1,
                data_has=" ".join(sorted({kind for one in kinds for kind in one.split()})),
            ),
            tag("script", script),
        ),
        lang="en",
    )


def _head(style: Markup, script: Markup) -> Markup:
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    )
    title, korean = WORDS["title"]
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title, data_ko=korean),
        tag("style", style),
    )


def _resource(name: str) -> Markup:
    """A file beside this one. Style and script are raw text to HTML: they are not escaped."""
    return Markup(files(__package__).joinpath(name).read_text(encoding="utf-8"))


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
