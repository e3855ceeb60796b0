"""A verdict in a few words: its status, how it was found, what it assumes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from verify.report.markup import Child, Markup, join, prose, tag
from verify.report.words import both, t
from verify.verdict import Status, Verdict

SYMBOLS: dict[Status, str] = {"proved": "✓", "refuted": "✗", "unknown": "?"}


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


def facts(verdict: Verdict) -> Iterator[Markup]:
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
