"""The answers as a table, and every pair that is not answered as it should be, by cause."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from benchmarks.realcode.asking import Answer

# The first whose pattern a reason contains.
CAUSES = (
    ("crash", r"verify itself failed|otherwise than JAX"),
    ("a primitive without a rule", r"no (numeric )?rule|no meaning|not known"),
    ("undefined values", r"infinit|undefined|\bnan\b|not a number"),
    # A search that is cut short had nothing left to prove by: there the clock is no cause.
    (
        "speed",
        r"too large|too many|memory|seconds were over(?! while trying (a directed|the comp))",
    ),
    ("a law is missing", r""),
)
REASON = 150  # characters of it


def cause(answer: Answer) -> str:
    if answer.false:
        return "FALSE: " + ("refuted, but equal" if answer.equal else "proved, but different")
    told = {"failed": "raises", "crashed": "crash", "endless": "speed"}
    if answer.status in told:
        return told[answer.status]
    found = (name for name, words in CAUSES if re.search(words, answer.detail, re.IGNORECASE))
    return next(found)


def causes(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        if not answer.right and answer.status != "skipped":
            found.setdefault(cause(answer), []).append(answer)
    order = ["FALSE", "crash", "raises", "speed", "undefined values"]
    rank = {name: number for number, name in enumerate(order)}
    return dict(sorted(found.items(), key=lambda item: rank.get(item[0].split(":")[0], 9)))


def quantiles(answers: list[Answer]) -> str:
    if not answers:
        return " | "
    seconds = [answer.seconds for answer in answers]
    return f"{np.median(seconds):.2f} | {np.percentile(seconds, 95):.2f}"


def table(answers: list[Answer]) -> str:
    """Counts and seconds a group, in Markdown."""
    lines = [
        "| group | equal | proved | refuted | unknown | median s | 95 % s |"
        " near misses | refuted | proved | unknown | median s | 95 % s |",
        "|---" * 13 + "|",
    ]
    asked = [answer for answer in answers if answer.status != "skipped"]
    for name in [*sorted({answer.group for answer in asked}), "all"]:
        cells = [name]
        for equal, statuses in ((True, ("proved", "refuted")), (False, ("refuted", "proved"))):
            own = [a for a in asked if name in (a.group, "all") and a.equal == equal]
            counts = [sum(a.status == status for a in own) for status in statuses]
            rest = len(own) - sum(counts)
            cells += [str(number) for number in (len(own), *counts, rest)] + [quantiles(own)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def one_line(text: str, most: int = REASON) -> str:
    return " ".join(text.split())[:most].replace("|", "\\|")


def failures(answers: list[Answer]) -> str:
    lines = []
    for name, own in causes(answers).items():
        lines += [f"\n### {name} ({len(own)})\n"]
        lines += [
            f"* **{a.name}** ({a.group}; {a.status}, {a.seconds:.1f} s): {one_line(a.detail)}"
            for a in own
        ]
    return "\n".join(lines)


def skipped(answers: list[Answer]) -> str:
    found: dict[str, int] = {}
    for answer in answers:
        if answer.status == "skipped":
            found[answer.detail] = found.get(answer.detail, 0) + 1
    return "\n".join(f"* {count} pairs: {reason}" for reason, count in found.items())


def document(answers: list[Answer], seconds: float, versions: str, unasked: int = 0) -> str:
    equal = [a for a in answers if a.equal and a.status != "skipped"]
    near = [a for a in answers if not a.equal and a.status != "skipped"]
    parts = [
        "# Pairs of public libraries\n",
        f"`python -m benchmarks.realcode --seconds {seconds:g}`: {versions}.\n",
        f"{sum(a.right for a in equal)} of {len(equal)} equal pairs proved, "
        f"{sum(a.right for a in near)} of {len(near)} near misses refuted, "
        f"{sum(a.false for a in answers)} false verdicts.\n",
        f"{unasked} pairs have not been asked.\n" if unasked else "",
        table(answers),
        "\n## Not answered as they should be, by cause",
        failures(answers) or "\nNone.",
    ]
    if left_out := skipped(answers):
        parts += ["\n## Left out\n", left_out]
    return "\n".join(parts) + "\n"
