"""Learns where a strided convolution is a downsampled one: from verdicts to a rule, in words.

A cell of the sweep is (size, kernel, stride, padding, offset) and its verdict. The rule sought is

    proved  exactly where  offset = m, or m / 2 rounded down or up,

with m from a family of small expressions in size, kernel and stride; one for each padding or, where
none fits, one each for odd and for even sizes or kernels. Where several are right in every cell,
those are taken that make for the fewest different ones, and then the simplest. Nothing about
padding is put in: the family knows no low or high.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from verify.claims.claim import Cell

Columns = dict[str, np.ndarray]  # "size", "kernel", "stride": a number a cell


@dataclass(frozen=True)
class Expression:
    """What the offset might be, in words and as numbers."""

    text: str
    at: Callable[[Columns], np.ndarray]


def family() -> Iterator[Expression]:
    """All expressions, simplest first."""
    plain = [_number(0), _number(1), *_sizes()]
    dividends = [e for e in _sizes() if e.text != "stride"]
    dividends.append(Expression("size - kernel", lambda c: c["size"] - c["kernel"]))
    remainders = [_remainder(a, b) for a in dividends for b in ("stride", "kernel")]
    minima = [_minimum(m, e) for m in remainders for e in _sizes() if "size" not in e.text]
    exact = [*plain, *remainders, *minima]
    yield from exact
    for m in exact:
        yield Expression(f"⌊{m.text} / 2⌋", _half(m, up=0))
        yield Expression(f"⌈{m.text} / 2⌉", _half(m, up=1))


def _number(value: int) -> Expression:
    return Expression(str(value), lambda c: np.full(len(c["size"]), value))


def _sizes() -> list[Expression]:
    return [_less(name, less) for name in ("size", "kernel", "stride") for less in (0, 1)]


def _less(name: str, less: int) -> Expression:
    return Expression(f"{name} - {less}" if less else name, lambda c: c[name] - less)


def _remainder(a: Expression, name: str) -> Expression:
    left = f"({a.text})" if " " in a.text else a.text
    return Expression(f"{left} mod {name}", lambda c: a.at(c) % c[name])


def _minimum(a: Expression, b: Expression) -> Expression:
    return Expression(f"min({a.text}, {b.text})", lambda c: np.minimum(a.at(c), b.at(c)))


def _half(m: Expression, up: int) -> Callable[[Columns], np.ndarray]:
    return lambda c: (m.at(c) + up) // 2


def learn(cells: Sequence[Cell]) -> tuple[str, bool]:
    """The rule in a sentence, and whether it is right in every cell."""
    parts: dict[str, list[Cell]] = {}  # the cells of one padding, or of a half of them
    for padding in dict.fromkeys(_kind(cell) for cell in cells):
        parts |= _of_one_padding(padding, [cell for cell in cells if _kind(cell) == padding])
    misses = {where: _misses(part) for where, part in parts.items()}
    chosen = _fewest_expressions(misses)
    wrong = sum(misses[where][text] for where, text in chosen.items())
    clauses = [
        f"{text} for {_and([where for where in chosen if chosen[where] == text])}"
        for text in dict.fromkeys(chosen.values())
    ]
    proved = sum(cell.verdict.status == "proved" for cell in cells)
    score = f"wrong in {wrong} of" if wrong else "right in all"
    return (
        f"Proved exactly where offset = {'; '.join(clauses)} "
        f"({score} {len(cells)} cells, {proved} of them proved).",
        wrong == 0,
    )


def _kind(cell: Cell) -> str:
    padding = cell.at[3]
    return padding if isinstance(padding, str) else "explicit padding"


def _of_one_padding(padding: str, cells: list[Cell]) -> dict[str, list[Cell]]:
    """The cells whole, or split by the parity of size or kernel: the first that has a rule."""
    splits = [{padding: cells}, *(_by_parity(padding, cells, name) for name in ("size", "kernel"))]
    return min(splits, key=lambda s: sum(min(_misses(part).values()) for part in s.values()))


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _by_parity(padding: str, cells: list[Cell], name: str) -> dict[str, list[Cell]]:
    axis = ("size", "kernel").index(name)
    parts = {
        f"{padding} with {word} {name}s": [
            cell for cell in cells if _whole(cell.at[axis]) % 2 == parity
        ]
        for word, parity in (("odd", 1), ("even", 0))
    }
    return {where: part for where, part in parts.items() if part}


def _misses(cells: list[Cell]) -> dict[str, int]:
    """For each expression of the family, simplest first: on how many cells it is wrong."""
    columns = {
        name: np.array([cell.at[axis] for cell in cells])
        for axis, name in enumerate(("size", "kernel", "stride"))
    }
    offsets = np.array([cell.at[4] for cell in cells])
    status = np.array([cell.verdict.status for cell in cells])

    def wrong(expression: Expression) -> int:
        predicted = np.where(offsets == expression.at(columns), "proved", "refuted")
        return int((predicted != status).sum())

    return {expression.text: wrong(expression) for expression in family()}


def _fewest_expressions(misses: dict[str, dict[str, int]]) -> dict[str, str]:
    """For each part one of its best expressions: shared by as many parts as can be, then simple."""
    best = {
        where: [text for text, wrong in scores.items() if wrong == min(scores.values())]
        for where, scores in misses.items()
    }
    chosen: dict[str, str] = {}
    while len(chosen) < len(best):
        open_ = {where: texts for where, texts in best.items() if where not in chosen}
        counts = Counter(text for texts in open_.values() for text in texts)
        text = min(counts, key=lambda t: (-counts[t], _simplicity(t)))
        chosen |= {where: text for where, texts in open_.items() if text in texts}
    return {where: chosen[where] for where in best}


@functools.cache
def _simplicity(text: str) -> int:
    return [expression.text for expression in family()].index(text)


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
