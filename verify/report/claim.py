"""One claim on the page: the note's sentence, its reading, the conclusion, and what settles it."""

from __future__ import annotations

from collections import Counter

from verify.claims.claim import Settled
from verify.report import measured, source, sweep
from verify.report.facts import SYMBOLS, chip
from verify.report.markup import Markup, anchor, prose, tag
from verify.report.variant import article
from verify.report.words import t

_SHORT = 12  # lines of a formal statement: a longer one is folded


def section(settled: Settled, number: int) -> Markup:
    """The claim's section; `#id` leads to it."""
    claim = settled.claim
    here = anchor(claim.id)
    return tag(
        "section",
        tag(
            "h2",
            tag("span", f"{number:02d}", class_="number"),
            tag("span", prose(claim.english), lang="en"),
            tag("a", claim.id, href=f"#{here}", class_="name", lang="en"),
        ),
        tag("blockquote", claim.korean, lang="ko"),
        tag("p", signs, class_="chips") if (signs := chips(settled)) else None,
        tag(
            "p",
            tag("span", t("conclusion"), class_="label"),
            tag("span", prose(claim.conclusion), lang="en"),
            class_="conclusion",
        ),
        tag(
            "details",
            tag("summary", t("formally")),
            tag("pre", tag("code", source.highlight(claim.statement)), tabindex=0, lang="en"),
            open=claim.statement.count("\n") < _SHORT,
        ),
        (article(claim, outcome) for outcome in settled.outcomes),
        None if settled.sweep is None else sweep.section(settled.sweep),
        measured.section(claim, settled.measured),
        id=here,
        class_="claim",
        data_has=kinds(settled),
    )


def chips(settled: Settled) -> list[Markup]:
    """How many variants came out how, and what sweep and experiment say."""
    counts = Counter(outcome.verdict.status for outcome in settled.outcomes)
    found = [chip(status, counts[status]) for status in SYMBOLS if counts[status]]
    if not settled.as_expected:
        surprises = tag(
            "span",
            tag("span", "!", aria_hidden="true"),
            " ",
            t("unexpected"),
            class_="chip unexpected",
        )
        found.append(surprises)
    if settled.measured is not None:
        found.append(
            tag(
                "span", t("measured"), ": ", measured.support(settled.measured), class_="experiment"
            )
        )
    return found


def kinds(settled: Settled) -> str:
    """What the filters look for: "proved refuted"."""
    found = {outcome.verdict.status for outcome in settled.outcomes}
    shown = [status for status in SYMBOLS if status in found]
    return " ".join(shown if settled.as_expected else [*shown, "unexpected"])
