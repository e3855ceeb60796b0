"""The top of the page: counts, time, versions, filters, how to read, and the list of contents."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from verify.claims.claim import Settled, Size
from verify.report.facts import SYMBOLS, chip, duration
from verify.report.markup import Markup, anchor, join, prose, tag
from verify.report.words import t


@dataclass(frozen=True)
class Totals:
    """What the run came to."""

    claims: int
    variants: int
    proved: int
    refuted: int
    unknown: int
    unexpected: int  # variants
    inexact: int  # sweeps whose rule does not separate all cells
    seconds: float


def totals(settled: Sequence[Settled]) -> Totals:
    outcomes = [outcome for one in settled for outcome in one.outcomes]
    sweeps = [one.sweep for one in settled if one.sweep is not None]
    counts = Counter(outcome.verdict.status for outcome in outcomes)
    return Totals(
        claims=len(settled),
        variants=len(outcomes),
        proved=counts["proved"],
        refuted=counts["refuted"],
        unknown=counts["unknown"],
        unexpected=sum(not outcome.as_expected for outcome in outcomes),
        inexact=sum(not sweep.exact for sweep in sweeps),
        seconds=sum(outcome.seconds for outcome in outcomes)
        + sum(cell.verdict.seconds for sweep in sweeps for cell in sweep.cells),
    )


def header(settled: Sequence[Settled], size: Size, now: datetime) -> Markup:
    """Title, summary, and what it was made with."""
    total = totals(settled)
    return tag(
        "header",
        tag("p", tag("code", "verify notes"), class_="over"),
        tag("h1", t("title")),
        tag("p", t("lead"), class_="lead"),
        tag("h2", t("summary"), class_="hidden"),
        _outcome(total),
        _bar(total),
        tag(
            "dl",
            _tile("claims", str(total.claims)),
            _tile("variants", str(total.variants)),
            *(
                _tile(status, str(getattr(total, status)))
                for status in SYMBOLS
                if status != "unknown" or total.unknown
            ),
            _tile("unexpected", str(total.unexpected)),
            _tile("total-time", duration(total.seconds)),
            class_="tiles",
        ),
        tag(
            "dl",
            _fact(
                "date",
                tag(
                    "time",
                    f"{now:%Y-%m-%d %H:%M %Z}".strip(),
                    datetime=now.isoformat(timespec="seconds"),
                ),
            ),
            _fact("size", t(f"size-{size}")),
            _fact("versions", ", ".join(versions())),
            _fact("machine", f"{platform.machine()}, {os.cpu_count()} CPU"),
            class_="facts",
        ),
        _how_to_read(),
    )


def filters(settled: Sequence[Settled]) -> Markup:
    """Which variants are shown. Radio buttons, so that they work without JavaScript."""
    total = totals(settled)
    choices = [
        ("all", "", total.variants),
        ("proved", SYMBOLS["proved"], total.proved),
        ("refuted", SYMBOLS["refuted"], total.refuted),
        *([("unknown", SYMBOLS["unknown"], total.unknown)] if total.unknown else []),
        ("unexpected", "!", total.unexpected),
    ]
    return tag(
        "fieldset",
        tag("legend", t("show"), class_="hidden"),
        (
            tag(
                "label",
                tag("input", type="radio", name="show", value=value, checked=value == "all"),
                tag(
                    "span",
                    tag("span", mark, aria_hidden="true", class_="sign") if mark else None,
                    t(value),
                    " ",
                    tag("b", str(count)),
                ),
            )
            for value, mark, count in choices
        ),
        class_="switch show",
    )


def languages() -> Markup:
    """The language of the page's own words."""
    choices = (("en", "English"), ("ko", "한국어"))
    return tag(
        "fieldset",
        tag("legend", t("language"), class_="hidden"),
        (
            tag(
                "label",
                tag("input", type="radio", name="language", value=code, checked=code == "en"),
                tag("span", name, lang=code),
            )
            for code, name in choices
        ),
        class_="switch language",
    )


def contents(settled: Sequence[Settled], kinds: Sequence[str]) -> Markup:
    """One line a claim, with a sign for each of its variants."""
    return tag(
        "nav",
        tag("h2", t("contents"), id="page:contents"),
        tag("ol", (_line(one, kind) for one, kind in zip(settled, kinds, strict=True))),
        aria_labelledby="page:contents",
        class_="contents",
    )


def versions() -> list[str]:
    """Of everything that a verdict may depend on."""
    found = [f"Python {platform.python_version()}"]
    for package in ("cnnjax", "jax", "jaxlib", "numpy"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _line(one: Settled, kind: str) -> Markup:
    signs = [
        tag(
            "span",
            SYMBOLS[outcome.verdict.status] if outcome.as_expected else "!",
            class_=outcome.verdict.status if outcome.as_expected else "unexpected",
        )
        for outcome in one.outcomes
    ]
    if one.claim.measured is not None or one.measured is not None:
        signs.append(tag("span", "≈", class_="experiment"))
    return tag(
        "li",
        tag(
            "a",
            tag("span", one.claim.id, class_="id"),
            " ",
            tag("span", prose(one.claim.english), class_="sentence"),
            href=f"#{anchor(one.claim.id)}",
            lang="en",
        ),
        tag("span", signs, class_="signs", aria_hidden="true"),
        data_has=kind,
    )


def _outcome(total: Totals) -> Markup:
    if not total.unexpected and not total.inexact:
        return tag(
            "p", tag("span", "✓", aria_hidden="true"), " ", t("all-expected"), class_="outcome good"
        )
    parts = []
    if total.unexpected:
        parts.append(t("n-verdicts", n=total.unexpected))
    if total.inexact:
        parts.append(t("n-sweeps", n=total.inexact))
    what = join(part if k == 0 else [", ", part] for k, part in enumerate(parts))
    return tag(
        "p",
        tag("span", "!", aria_hidden="true"),
        " ",
        t("not-expected"),
        " ",
        what,
        class_="outcome bad",
    )


def _bar(total: Totals) -> Markup | None:
    """The share of each verdict, as a bar. The numbers below say the same."""
    if not total.variants:
        return None
    parts, x = [], 0.0
    for status in SYMBOLS:
        width = 100 * getattr(total, status) / total.variants
        if width:
            parts.append(
                tag("rect", x=f"{x:.3f}", y=0, width=f"{width:.3f}", height=2, class_=status)
            )
        x += width
    return tag(
        "svg",
        parts,
        class_="bar",
        viewBox="0 0 100 2",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def _tile(key: str, content: Markup | str) -> Markup:
    return tag("div", tag("dt", t(key)), tag("dd", content), class_=key)


def _fact(key: str, content: Markup | str) -> Markup:
    return tag("div", tag("dt", t(key)), tag("dd", content))


def _how_to_read() -> Markup:
    chips: dict[str, Markup] = {status: chip(status) for status in SYMBOLS}
    chips["unexpected"] = tag("span", "! ", t("unexpected"), class_="chip unexpected")
    return tag(
        "details",
        tag("summary", t("how-to-read")),
        tag(
            "dl",
            (
                tag("div", tag("dt", mark), tag("dd", t(f"read-{key}")))
                for key, mark in chips.items()
            ),
            class_="reading",
        ),
    )
