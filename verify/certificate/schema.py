"""A certificate from elsewhere, as data: every field's type, size and range, before anything that
it names is looked up.

The form is a table of checks. A check takes a value and its place in the file, and raises
ValueError with the place, what is there and what was expected.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from verify.inputs.signature import parse_spec
from verify.verdict import VERSION

Check = Callable[[Any, str], None]

_BYTES = 100_000_000  # of the file
_TEXT, _ITEMS, _DEPTH = 100_000, 10_000, 40
_SIZE = 2**31  # of one axis
_ELEMENTS = 2**32  # of all examples
_FALSE_PROOF = 2.0**-100
_HEX = re.compile(r"[+-]?(0x[01]\.[0-9a-f]{0,16}p[+-]?\d{1,5}|inf)|nan")


def read(path: str | Path) -> dict[str, Any]:
    """A certificate file's content. Raises ValueError where it is not one."""
    record = _loaded(path)
    _checked(path, _certificate, record)
    return dict(record)


def read_any(path: str | Path) -> dict[str, Any] | list[dict[str, Any]]:
    """The content of a certificate, or of a report of pytest: a list of objects, each with its
    `test`, its `claim` and its `certificate`. Raises ValueError where it is neither."""
    record = _loaded(path)
    _checked(path, _report if isinstance(record, list) else _certificate, record)
    return record


def _loaded(path: str | Path) -> Any:
    try:
        with open(path, "rb") as file:
            raw = file.read(_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    if len(raw) > _BYTES:
        raise ValueError(f"{path}: larger than {_BYTES} bytes")
    found: list[Any] = []
    _checked(path, lambda text: found.append(_json(text.decode())), raw)
    return found[0]


def _checked(path: str | Path, check: Callable[[Any], None], value: Any) -> None:
    try:
        check(value)
    except RecursionError:
        raise ValueError(f"{path}: no certificate (nested too deeply)") from None
    except ValueError as error:
        raise ValueError(f"{path}: no certificate ({error})") from error


def _json(text: str) -> Any:
    """JSON without repeated keys and without numbers that are none."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            raise ValueError("an object has the same key twice")
        return found

    def no_number(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    def number(word: str) -> float:
        value = float(word)
        return value if math.isfinite(value) else no_number(word[:20])

    return json.loads(text, object_pairs_hook=pairs, parse_constant=no_number, parse_float=number)


def _certificate(record: Any) -> None:
    if not isinstance(record, dict) or record.get("version") != VERSION:
        raise ValueError(f"no object of version {VERSION}")
    _object(_FORM)(record, "")
    status, found = record["status"], record["counterexample"]
    if (status == "refuted") != (found is not None):
        raise ValueError("a counterexample belongs to 'refuted', and to nothing else")
    if status == "proved" and record["error_probability"] > _FALSE_PROOF:
        raise ValueError("error_probability: a proof's is at most 2**-100")
    about = record["subject"]
    if about is not None and about["question"] == "derivatives" and about["left"] != about["right"]:
        raise ValueError("subject: derivatives are those of one function")


def _report(rows: list[Any]) -> None:
    if not rows:
        raise ValueError("a report without an entry")
    form = {"test": _text, "claim": _text, "certificate": lambda value, place: None}
    _list_of(_object(form), _ITEMS)(rows, "")
    for number, row in enumerate(rows):
        try:
            _certificate(row["certificate"])
        except ValueError as error:
            raise ValueError(f"[{number}].certificate: {error}") from error


# -- checks ---------------------------------------------------------------------------------------


def _bad(place: str, value: Any, expected: str) -> ValueError:
    shown = repr(value)
    shown = shown if len(shown) < 60 else f"{shown[:60]}..."
    return ValueError(f"{place or 'the file'}: expected {expected}, got {shown}")


def _text(value: Any, place: str) -> None:
    if not isinstance(value, str) or len(value) > _TEXT:
        raise _bad(place, value, f"a text of at most {_TEXT} characters")


def _number(value: Any, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**64:
        raise _bad(place, value, "a number of at least 0")


def _probability(value: Any, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _bad(place, value, "a number from 0 to 1")


def _whole(most: int) -> Check:
    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < most:
            raise _bad(place, value, f"a whole number from 0, below {most}")

    return check


def _one_of(*allowed: Any) -> Check:
    def check(value: Any, place: str) -> None:
        if type(value) not in map(type, allowed) or value not in allowed:
            raise _bad(place, value, " or ".join(map(repr, allowed)))

    return check


def _or_none(check: Check) -> Check:
    return lambda value, place: None if value is None else check(value, place)


def _list_of(check: Check, most: int) -> Check:
    def all_of(value: Any, place: str) -> None:
        if not isinstance(value, list) or len(value) > most:
            raise _bad(place, value, f"a list of at most {most}")
        for number, item in enumerate(value):
            check(item, f"{place}[{number}]")

    return all_of


def _object(form: Mapping[str, Check]) -> Check:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise _bad(place, value, "an object")
        for key in value:
            if key not in form:
                raise ValueError(f"{place or 'the file'}: unknown field {key[:60]!r}")
        for key, inner in form.items():
            inside = f"{place}.{key}" if place else key
            if key not in value:
                raise ValueError(f"{inside}: missing")
            inner(value[key], inside)

    return check


def _fingerprint(value: Any, place: str) -> None:
    if not isinstance(value, str) or re.fullmatch("[0-9a-f]{32}", value) is None:
        raise _bad(place, value, "32 hexadecimal digits")


def _value(value: Any, place: str) -> None:
    """A number, as `writing` spells it: exact, so no JSON number but a whole one."""
    parts = value if isinstance(value, list) and len(value) == 2 else [value]
    for part in parts:
        if isinstance(part, int) and abs(part) < 2**64:
            continue
        if not isinstance(part, str) or _HEX.fullmatch(part) is None:
            raise _bad(place, value, "a whole number, a boolean or a hexadecimal float")


def _either_value(value: Any, place: str) -> None:
    if not isinstance(value, str):  # words, where the structures differ
        _value(value, place)
    else:
        _text(value, place)


def _dtype(value: Any, place: str) -> None:
    if not isinstance(value, str) or len(value) > 40:
        raise _bad(place, value, "the name of a dtype")
    parse_spec(f"{value}[]", wide=True)


def _array(value: Any, place: str) -> None:
    _object(_ARRAY)(value, place)
    size = math.prod(value["shape"])
    if size > _ELEMENTS:
        raise _bad(f"{place}.shape", value["shape"], f"at most {_ELEMENTS} elements")
    for number, pair in enumerate(value["nonzero"]):
        where = f"{place}.nonzero[{number}]"
        if not isinstance(pair, list) or len(pair) != 2:
            raise _bad(where, pair, "a place and a value")
        _whole(size)(pair[0], where)
        _value(pair[1], where)


def _examples(value: Any, place: str) -> None:
    """A list of arguments whose arrays have few enough elements altogether."""
    if not isinstance(value, dict) or list(value) != ["tuple"]:
        raise _bad(place, value, "a tuple of arguments")
    elements = leaves = 0
    open_parts = [(value, place, 0)]
    while open_parts:
        part, where, depth = open_parts.pop()
        leaves += 1
        if depth > _DEPTH or leaves > _ITEMS:
            raise ValueError(f"{place}: deeper than {_DEPTH}, or of more than {_ITEMS} parts")
        if part is None:
            continue
        if isinstance(part, str):
            shape = parse_spec(part, wide=True).shape
            if any(size >= _SIZE for size in shape):
                raise _bad(where, part, f"sizes below {_SIZE}")
            elements += math.prod(shape)
        elif isinstance(part, dict) and len(part) == 1:
            (kind, items), *_ = part.items()
            if kind not in ("tuple", "list", "dict"):
                raise _bad(where, part, "a tuple, a list or a dict")
            if not isinstance(items, dict if kind == "dict" else list):
                raise _bad(where, part, f"what a {kind} holds")
            named = items.items() if isinstance(items, dict) else enumerate(items)
            open_parts += [(item, f"{where}[{str(key)[:60]!r}]", depth + 1) for key, item in named]
        else:
            raise _bad(where, part, "like 'f32[2,3]', or a tuple, a list or a dict of such")
    if elements > _ELEMENTS:
        raise ValueError(f"{place}: {elements} elements altogether, more than {_ELEMENTS}")


_ARRAY: dict[str, Check] = {
    "path": _text,
    "dtype": _dtype,
    "shape": _list_of(_whole(_SIZE), 64),
    "nonzero": _list_of(lambda value, place: None, _ELEMENTS),
}
_CONDITION: dict[str, Check] = {
    "name": _text,
    "program": _fingerprint,
    "source": _or_none(_fingerprint),
}
_SUBJECT: dict[str, Check] = {
    "left": _text,
    "right": _text,
    "examples": _or_none(_examples),
    "seed": _whole(2**128),
    "left_program": _fingerprint,
    "right_program": _fingerprint,
    "left_source": _or_none(_fingerprint),
    "right_source": _or_none(_fingerprint),
    "question": _one_of("equivalent", "derivatives"),
    "constants": _one_of("rounded", "exact"),
    "assuming": _or_none(_object(_CONDITION)),
}
_FOUND: dict[str, Check] = {
    "inputs": _list_of(_array, _ITEMS),
    "left": _either_value,
    "right": _either_value,
    "output": _or_none(_whole(_ITEMS)),
    "index": _or_none(_list_of(_whole(_SIZE), 64)),
    "explanation": _text,
}
_ROUNDING: dict[str, Check] = {
    "bound": _or_none(_number),
    "observed": _or_none(_number),
    "beyond": _whole(_ELEMENTS),
}
_FORM: dict[str, Check] = {
    "version": _one_of(VERSION),
    "status": _one_of("proved", "refuted", "unknown"),
    "scope": _text,
    "method": _text,
    "error_probability": _probability,
    "error_bits": _or_none(_number),
    "assumptions": _list_of(_text, _ITEMS),
    "reason": _text,
    "seconds": _number,
    "jax": _text,
    "subject": _or_none(_object(_SUBJECT)),
    "counterexample": _or_none(_object(_FOUND)),
    "rounding": _or_none(_object(_ROUNDING)),
}
