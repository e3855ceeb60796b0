"""Checks of JSON: what a value has to be, and where in a file it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

MOST_TEXT = 100_000  # characters
Check = Callable[[object, str], None]


def bad(place: str, value: object, expected: str) -> ValueError:
    shown = repr(value)
    shown = shown if len(shown) < 60 else f"{shown[:60]}..."
    return ValueError(f"{place or 'the file'}: expected {expected}, got {shown}")


def text_(value: object, place: str) -> None:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise bad(place, value, f"a text of at most {MOST_TEXT} characters")


def number_(value: object, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**64:
        raise bad(place, value, "a number of at least 0")


def probability(value: object, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise bad(place, value, "a number from 0 to 1")


def whole(most: int) -> Check:
    def check(value: object, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < most:
            raise bad(place, value, f"a whole number from 0, below {most}")

    return check


def one_of(*allowed: object) -> Check:
    def check(value: object, place: str) -> None:
        if type(value) not in map(type, allowed) or value not in allowed:
            raise bad(place, value, " or ".join(map(repr, allowed)))

    return check


def or_none(check: Check) -> Check:
    return lambda value, place: None if value is None else check(value, place)


def list_of(check: Check, most: int) -> Check:
    def all_of(value: object, place: str) -> None:
        if not isinstance(value, list) or len(value) > most:
            raise bad(place, value, f"a list of at most {most}")
        for number, item in enumerate(value):
            check(item, f"{place}[{number}]")

    return all_of


def object_of(form: Mapping[str, Check]) -> Check:
    def check(value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise bad(place, value, "an object")
        for key in value:
            if key not in form:
                raise ValueError(f"{place or 'the file'}: unknown field {key[:60]!r}")
        for key, inner in form.items():
            inside = f"{place}.{key}" if place else key
            if key not in value:
                raise ValueError(f"{inside}: missing")
            inner(value[key], inside)

    return check


def fingerprint_(value: object, place: str) -> None:
    if not isinstance(value, str) or re.fullmatch("[0-9a-f]{32}", value) is None:
        raise bad(place, value, "32 hexadecimal digits")
