"""A measured claim: headline, picture, what was found, the figures and how to measure again."""

from __future__ import annotations

import base64
from pathlib import Path

from verify.claims.claim import Claim, Measured
from verify.report.markup import Markup, prose, tag
from verify.report.words import t

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SUPPORT = {True: "supported", False: "contradicted", None: "undecided"}


def section(claim: Claim, measured: Measured | None) -> Markup | None:
    """The section; a sentence where the experiment has not been run; None where there is none."""
    if claim.measured is None and measured is None:
        return None
    if measured is None:
        return tag(
            "section", tag("h3", t("measured")), tag("p", t("not-measured")), class_="measured"
        )
    return tag(
        "section",
        tag("p", t("measured"), class_="label"),
        tag("h3", prose(measured.headline), lang="en"),
        tag("p", support(measured)),
        _picture(measured),
        tag("p", prose(measured.found), lang="en"),
        _table(measured),
        tag("p", tag("span", t("again"), class_="label"), tag("code", measured.command)),
        class_="measured",
    )


def support(measured: Measured) -> Markup:
    """What the experiment says about the note's sentence."""
    key = _SUPPORT[measured.supported]
    return tag("span", t(key), class_=f"chip {key}")


def _picture(measured: Measured) -> Markup:
    try:
        content = Path(measured.picture).read_bytes()
    except OSError:
        content = b""
    if not content.startswith(_SIGNATURE):
        return tag("p", t("no-picture"), ": ", tag("code", measured.picture), class_="note")
    # Width and height of the header, so that the page does not jump while it loads.
    width, height = (int.from_bytes(content[k : k + 4], "big") for k in (16, 20))
    return tag(
        "img",
        src="data:image/png;base64," + base64.b64encode(content).decode(),
        alt=measured.headline,
        width=width,
        height=height,
    )


def _table(measured: Measured) -> Markup | None:
    if not measured.figures:
        return None
    head = tag("tr", (tag("th", prose(name), scope="col") for name in measured.columns))
    body = (
        tag("tr", tag("th", prose(row[0]), scope="row"), (tag("td", prose(v)) for v in row[1:]))
        for row in measured.figures
    )
    table = tag("table", tag("thead", head), tag("tbody", body), lang="en")
    return tag(
        "div", table, class_="scroll", tabindex=0, role="region", aria_label=measured.headline
    )
