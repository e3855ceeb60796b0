"""A certificate from elsewhere, as data: every field's type, size and range, before anything that
it names is looked up.

The form is a table of checks. A check takes a value and its place in the file, and raises
ValueError with the place, what is there and what was expected.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

from verify.certificate.forms import (
    Check,
    bad,
    fingerprint_,
    list_of,
    number_,
    object_of,
    one_of,
    or_none,
    probability,
    text_,
    whole,
)
from verify.found import Record
from verify.inputs.signature import parse_spec
from verify.verdict import VERSION

Json: TypeAlias = Any  # whatever a file holds, until it has been checked
T = TypeVar("T")

_BYTES = 100_000_000  # of the file
_ITEMS, _DEPTH = 10_000, 40
_SIZE = 2**31  # of one axis
_ELEMENTS = 2**32  # of all examples
_FALSE_PROOF = 2.0**-100
_HEX = re.compile(r"[+-]?(0x[01]\.[0-9a-f]{0,16}p[+-]?\d{1,5}|inf)|nan")


def read(path: str | Path) -> Record:
    """A certificate file's content. Raises ValueError where it is not one."""
    record: Record = _loaded(path)
    _checked(path, _certificate, record)
    return dict(record)


def read_any(path: str | Path) -> Record | list[Record]:
    """The content of a certificate, or of a report of pytest: a list of objects, each with its
    `test`, its `claim` and its `certificate`. Raises ValueError where it is neither."""
    record: Record | list[Record] = _loaded(path)
    check: Callable[[Json], None] = _report if isinstance(record, list) else _certificate
    _checked(path, check, record)
    return record


def _loaded(path: str | Path) -> Json:
    try:
        with open(path, "rb") as file:
            raw = file.read(_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    if len(raw) > _BYTES:
        raise ValueError(f"{path}: larger than {_BYTES} bytes")
    found: list[Json] = []
    _checked(path, lambda text: found.append(_json(text.decode())), raw)
    return found[0]


def _checked(path: str | Path, check: Callable[[T], None], value: T) -> None:
    try:
        check(value)
    except RecursionError:
        raise ValueError(f"{path}: no certificate (nested too deeply)") from None
    except ValueError as error:
        raise ValueError(f"{path}: no certificate ({error})") from error


def _json(text: str) -> object:
    """JSON without repeated keys and without numbers that are none."""

    def pairs(items: list[tuple[str, object]]) -> Record:
        found = dict(items)
        if len(found) != len(items):
            raise ValueError("an object has the same key twice")
        return found

    def no_number(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number")

    def number(word: str) -> float:
        value = float(word)
        return value if math.isfinite(value) else no_number(word[:20])

    return json.loads(text, object_pairs_hook=pairs, parse_constant=no_number, parse_float=number)


def _certificate(record: Json) -> None:
    if not isinstance(record, dict) or record.get("version") != VERSION:
        raise ValueError(f"no object of version {VERSION}")
    object_of(_FORM)(record, "")
    status, found = record["status"], record["counterexample"]
    if (status == "refuted") != (found is not None):
        raise ValueError("a counterexample belongs to 'refuted', and to nothing else")
    if status == "proved" and record["error_probability"] > _FALSE_PROOF:
        raise ValueError("error_probability: a proof's is at most 2**-100")
    about = record["subject"]
    if about is not None and about["question"] == "derivatives" and about["left"] != about["right"]:
        raise ValueError("subject: derivatives are those of one function")


def _report(rows: list[Json]) -> None:
    if not rows:
        raise ValueError("a report without an entry")
    form = {"test": text_, "claim": text_, "certificate": lambda value, place: None}
    list_of(object_of(form), _ITEMS)(rows, "")
    for number, row in enumerate(rows):
        try:
            _certificate(row["certificate"])
        except ValueError as error:
            raise ValueError(f"[{number}].certificate: {error}") from error


# -- checks ---------------------------------------------------------------------------------------


def _value(value: object, place: str) -> None:
    """A number, as `writing` spells it: exact, so no JSON number but a whole one."""
    parts = value if isinstance(value, list) and len(value) == 2 else [value]
    for part in parts:
        if isinstance(part, int) and abs(part) < 2**64:
            continue
        if not isinstance(part, str) or _HEX.fullmatch(part) is None:
            raise bad(place, value, "a whole number, a boolean or a hexadecimal float")


def _either_value(value: object, place: str) -> None:
    if not isinstance(value, str):  # words, where the structures differ
        _value(value, place)
    else:
        text_(value, place)


def _dtype(value: object, place: str) -> None:
    if not isinstance(value, str) or len(value) > 40:
        raise bad(place, value, "the name of a dtype")
    parse_spec(f"{value}[]", wide=True)


def _array(value: Json, place: str) -> None:
    object_of(_ARRAY)(value, place)
    size = math.prod(value["shape"])
    if size > _ELEMENTS:
        raise bad(f"{place}.shape", value["shape"], f"at most {_ELEMENTS} elements")
    for number, pair in enumerate(value["nonzero"]):
        where = f"{place}.nonzero[{number}]"
        if not isinstance(pair, list) or len(pair) != 2:
            raise bad(where, pair, "a place and a value")
        whole(size)(pair[0], where)
        _value(pair[1], where)


def _examples(value: object, place: str) -> None:
    """A list of arguments whose arrays have few enough elements altogether."""
    if not isinstance(value, dict) or list(value) != ["tuple"]:
        raise bad(place, value, "a tuple of arguments")
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
                raise bad(where, part, f"sizes below {_SIZE}")
            elements += math.prod(shape)
        elif isinstance(part, dict) and len(part) == 1:
            (kind, items), *_ = part.items()
            if kind not in ("tuple", "list", "dict"):
                raise bad(where, part, "a tuple, a list or a dict")
            if not isinstance(items, dict if kind == "dict" else list):
                raise bad(where, part, f"what a {kind} holds")
            named = items.items() if isinstance(items, dict) else enumerate(items)
            open_parts += [(item, f"{where}[{str(key)[:60]!r}]", depth + 1) for key, item in named]
        else:
            raise bad(where, part, "like 'f32[2,3]', or a tuple, a list or a dict of such")
    if elements > _ELEMENTS:
        raise ValueError(f"{place}: {elements} elements altogether, more than {_ELEMENTS}")


_ARRAY: dict[str, Check] = {
    "path": text_,
    "dtype": _dtype,
    "shape": list_of(whole(_SIZE), 64),
    "nonzero": list_of(lambda value, place: None, _ELEMENTS),
}
_CONDITION: dict[str, Check] = {
    "name": text_,
    "program": fingerprint_,
    "source": or_none(fingerprint_),
}
_SUBJECT: dict[str, Check] = {
    "left": text_,
    "right": text_,
    "examples": or_none(_examples),
    "seed": whole(2**128),
    "left_program": fingerprint_,
    "right_program": fingerprint_,
    "left_source": or_none(fingerprint_),
    "right_source": or_none(fingerprint_),
    "question": one_of("equivalent", "derivatives"),
    "constants": one_of("rounded", "exact"),
    "assuming": or_none(object_of(_CONDITION)),
}
_FOUND: dict[str, Check] = {
    "inputs": list_of(_array, _ITEMS),
    "left": _either_value,
    "right": _either_value,
    "output": or_none(whole(_ITEMS)),
    "index": or_none(list_of(whole(_SIZE), 64)),
    "explanation": text_,
}
_ROUNDING: dict[str, Check] = {
    "bound": or_none(number_),
    "observed": or_none(number_),
    "beyond": whole(_ELEMENTS),
}
_FORM: dict[str, Check] = {
    "version": one_of(VERSION),
    "status": one_of("proved", "refuted", "unknown"),
    "scope": text_,
    "method": text_,
    "error_probability": probability,
    "error_bits": or_none(number_),
    "assumptions": list_of(text_, _ITEMS),
    "reason": text_,
    "seconds": number_,
    "jax": text_,
    "subject": or_none(object_of(_SUBJECT)),
    "counterexample": or_none(object_of(_FOUND)),
    "rounding": or_none(object_of(_ROUNDING)),
}
