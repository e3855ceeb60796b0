"""One variant on the page: what it says, expected and obtained, the facts of its verdict."""

from __future__ import annotations

from verify.claims.claim import Claim, Outcome, Variant
from verify.report import counterexample, field, source
from verify.report.facts import chip, duration, facts
from verify.report.markup import Markup, anchor, prose, tag
from verify.report.words import t


def article(claim: Claim, outcome: Outcome) -> Markup:
    """The variant's card; `#claim.variant` leads to it."""
    variant, verdict = outcome.variant, outcome.verdict
    here = anchor(claim.id, variant.name)
    return tag(
        "article",
        tag("h3", prose(variant.says), lang="en"),
        tag(
            "p",
            chip(verdict.status),
            " ",
            _expectation(outcome),
            tag("span", duration(outcome.seconds), class_="time"),
            tag("a", variant.name, href=f"#{here}", class_="name"),
            class_="status",
        ),
        tag("dl", facts(verdict), class_="facts"),
        counterexample.figure(verdict, (variant.left, variant.right)),
        field.figure(variant, verdict),
        _programs(variant),
        id=here,
        class_="variant" if outcome.as_expected else "variant surprise",
        data_status=verdict.status,
        data_unexpected=None if outcome.as_expected else "yes",
    )


def _expectation(outcome: Outcome) -> Markup:
    if outcome.as_expected:
        return tag("span", t("as-expected"), class_="aside")
    return tag(
        "span",
        tag("span", "!", aria_hidden="true"),
        " ",
        t("unexpected"),
        ": ",
        t("expected"),
        " ",
        t(outcome.variant.expected),
        ", ",
        t("obtained"),
        " ",
        t(outcome.verdict.status),
        class_="chip unexpected",
    )


def _programs(variant: Variant) -> Markup | None:
    sides = [(k, f) for k, f in (("left", variant.left), ("right", variant.right)) if f is not None]
    if not sides:
        return None
    seen: set[str] = set()
    listings = (
        tag(
            "div",
            tag("p", t(key), class_=f"side {key}") if len(sides) == 2 else None,
            source.listing(f, seen),
        )
        for key, f in sides
    )
    return tag(
        "details",
        tag("summary", t("programs" if len(sides) == 2 else "program")),
        tag("div", listings, class_="programs"),
    )
