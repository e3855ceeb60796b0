"""One variant on the page: what it says, expected and obtained, the facts of its verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator

from verify.claims.claim import Claim, Outcome, Variant
from verify.report import counterexample, field, source
from verify.report.markup import Child, Markup, anchor, join, prose, tag
from verify.report.sweep import SYMBOLS
from verify.report.words import both, t
from verify.verdict import Status, Verdict


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
        tag("dl", _facts(verdict), class_="facts"),
        counterexample.figure(variant, verdict),
        field.figure(variant, verdict),
        _programs(variant),
        id=here,
        class_="variant" if outcome.as_expected else "variant surprise",
        data_status=verdict.status,
        data_unexpected=None if outcome.as_expected else "yes",
    )


def chip(status: Status, count: int | None = None) -> Markup:
    """A verdict in a word and a symbol, with how many there are, if given."""
    return tag(
        "span",
        tag("span", SYMBOLS[status], aria_hidden="true"),
        " ",
        t(status),
        None if count is None else f" {count}",
        class_=f"chip {status}",
    )


def duration(seconds: float) -> Markup:
    """A time for readers.

    >>> "12.3 s" in duration(12.34), "1분 15초" in duration(75)
    (True, True)
    """
    if seconds < 60:
        digits = 3 if seconds < 0.1 else 2 if seconds < 1 else 1
        text = f"{seconds:.{digits}f}"
        return both(f"{text} s", f"{text}초")
    minutes, rest = divmod(round(seconds), 60)
    return both(f"{minutes} min {rest} s", f"{minutes}분 {rest}초")


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


def _facts(verdict: Verdict) -> Iterator[Markup]:
    if verdict.status == "unknown":
        yield _fact("reason", prose(verdict.reason))
    if verdict.method:
        yield _fact("method", verdict.method)
    if verdict.status == "proved":
        yield _fact("error", _error(verdict.error_probability))
        yield _fact("scope", verdict.scope)
    if verdict.assumptions:
        yield _fact("assumptions", tag("ul", (tag("li", a) for a in verdict.assumptions)))
    if verdict.measured is not None:
        yield _fact("rounding", str(verdict.measured).removeprefix("rounding: "))


def _fact(key: str, content: Child) -> Markup:
    long = key in ("reason", "assumptions")
    return tag(
        "div", tag("dt", t(key)), tag("dd", content, lang="en"), class_="long" if long else None
    )


def _error(probability: float) -> Markup:
    """The bound on a false proof, as a power of two."""
    if probability == 0:
        return t("error-none")
    power = join(["2", tag("sup", f"−{-math.ceil(math.log2(probability))}")])
    return both(["below ", power], [power, " 미만"])


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
