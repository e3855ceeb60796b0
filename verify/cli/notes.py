"""verify notes: settles every claim of the study note, in the terminal, as JSON and as a page."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from cnnjax.cli.interrupt import INTERRUPTED

if TYPE_CHECKING:
    from verify.claims import Claim, Settled
    from verify.claims.claim import Size
    from verify.cli.notes_table import Board

HELP = "decide every claim of the study note"
DESCRIPTION = """\
Settles every claim of the study note that this project grew out of: a kernel is an MLP, stride 2 is
downsampling, patch by patch is layer by layer, ... Each claim has variants that must be proved or
refuted; the page draws the counterexamples.

  verify notes                             all claims, in about half a minute
  verify notes --only case-a-is-case-b     one claim, with all that was found
  verify notes --full                      the note's own 100x100x3 network too, in minutes
"""
EPILOG = (
    "exit status: 0 every verdict as expected, 1 some came out otherwise, 2 unknown or bad usage"
)

AS_EXPECTED, OTHERWISE, UNKNOWN = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", action="append", default=[], metavar="ID", help="this claim (may be repeated)"
    )
    parser.add_argument("--full", action="store_true", help="the note's own sizes too (minutes)")
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="write all verdicts as JSON, to FILE or to the standard output",
    )
    page = parser.add_mutually_exclusive_group()
    page.add_argument(
        "--report", default="report.html", metavar="FILE", help="the page (default report.html)"
    )
    page.add_argument("--no-report", action="store_true", help="write no page")


def run(options: argparse.Namespace) -> int:
    """Carries out `verify notes`. Raises ValueError for bad usage."""
    paths = [] if options.no_report else [("--report", options.report)]
    paths += [("--json", options.json)] if options.json not in (None, "-") else []
    for option, path in paths:
        _check_folder(option, path)
    claims = _claims(options.only)
    # JSON on the standard output leaves the standard error for people.
    out = sys.stderr if options.json == "-" else sys.stdout
    if hasattr(out, "reconfigure"):
        out.reconfigure(errors="replace")  # Korean on a terminal that cannot show it
    size: Size = "full" if options.full else "small"
    settled, interrupted = _settle(claims, size, out)
    if interrupted:
        return INTERRUPTED
    if options.only:
        for one in settled:
            print(f"\n{details(one)}", file=out)
    _rest(settled, out)
    if options.json:
        _write_json(settled, size, options.json, out)
    if not options.no_report:
        from verify.report import write

        write(settled, Path(options.report), size=size)
        print(f"report: {options.report}", file=out)
    return status(settled)


def status(settled: Sequence[Settled]) -> int:
    """The exit status."""
    odd = [{o.verdict.status} for s in settled for o in s.outcomes if not o.as_expected]
    sweeps = [s.sweep for s in settled if s.sweep is not None and not s.sweep.exact]
    odd += [{cell.verdict.status for cell in sweep.cells} for sweep in sweeps]
    if any("unknown" not in statuses for statuses in odd):
        return OTHERWISE
    return UNKNOWN if odd else AS_EXPECTED


def _claims(only: Sequence[str]) -> list[Claim]:
    from verify.claims import CLAIMS

    known = {claim.id: claim for claim in CLAIMS}
    for name in only:
        if name not in known:
            raise ValueError(f"--only {name}: no such claim; there are {', '.join(known)}")
    chosen = [claim for claim in CLAIMS if not only or claim.id in only]
    for claim in chosen:  # a broken file of results is to be known now, not after the proofs
        if claim.measured is not None:
            claim.measured()
    return chosen


def _settle(claims: Sequence[Claim], size: Size, out: TextIO) -> tuple[list[Settled], bool]:
    """What was settled, and whether Ctrl-C ended it."""
    from verify.claims import Settled
    from verify.claims.run import settle
    from verify.cli.notes_table import board

    settled: list[Settled] = []
    start = time.monotonic()
    with board(claims, size, out) as shown:
        try:
            for claim, found in settle(claims, size, shown.tick):
                if isinstance(found, Settled):
                    settled.append(found)
                    shown.settled(claim, found)
                else:
                    shown.outcome(claim, found)
            interrupted = False
        except KeyboardInterrupt:
            interrupted = True
    _total(shown, interrupted, time.monotonic() - start, out)
    return settled, interrupted


def _total(shown: Board, interrupted: bool, seconds: float, out: TextIO) -> None:
    done = f"{shown.count} of {shown.total}" if interrupted else f"{shown.total}"
    odd = [] if not shown.unexpected else [f"{shown.unexpected} not as expected"]
    words = [f"{done} variants decided", *odd, f"{seconds:.0f} s"]
    print(f"{'interrupted: ' if interrupted else ''}{', '.join(words)}", file=out)


_SUPPORTED = {
    True: "measured, as the note says",
    False: "measured, not as the note says",
    None: "measured",
}


def _rest(settled: Sequence[Settled], out: TextIO) -> None:
    """What a row of the table has no room for: rules, experiments, surprises."""
    for one in settled:
        if one.sweep is not None:
            print(_paragraph(f"{one.claim.id}: {one.sweep.rule}"), file=out)
    for one in settled:
        if one.measured is not None:
            words = _SUPPORTED[one.measured.supported]
            print(_paragraph(f"{one.claim.id}: {words}: {one.measured.headline}"), file=out)
        elif one.claim.measured is not None:
            command = f"python -m experiments.claims.{one.claim.id.replace('-', '_')}"
            print(f"{one.claim.id}: not measured here; run: {command}", file=out)
    for one in settled:
        for outcome in one.outcomes:
            if not outcome.as_expected:
                variant = outcome.variant
                where = f"{one.claim.id}, {variant.name}: expected {variant.expected}"
                print(f"\n{where}\n{outcome.verdict}", file=out)


def details(one: Settled) -> str:
    """Everything about one claim, as text."""
    claim = one.claim
    # Korean letters are twice as wide as others.
    lines = [claim.id, _paragraph(claim.korean, share=0.6), _paragraph(claim.english), ""]
    for outcome in one.outcomes:
        variant, verdict = outcome.variant, outcome.verdict
        lines.append(_paragraph(f"{verdict.status:8} {variant.says} [{variant.name}]", hang=9))
        if verdict.counterexample is not None:
            lines.append(textwrap.indent(str(verdict.counterexample), " " * 9))
        else:
            lines.append(_paragraph(f"{'':8} {verdict.method}; {verdict.error_text}", hang=9))
    if one.measured is not None:
        lines += ["", _paragraph(f"measured {one.measured.headline}", hang=9)]
        lines.append(_paragraph(f"{'':8} {one.measured.found}", hang=9))
    return "\n".join([*lines, "", _paragraph(claim.conclusion)])


def _paragraph(text: str, hang: int = 2, share: float = 1.0) -> str:
    wide = min(100, shutil.get_terminal_size((100, 40)).columns)
    return textwrap.fill(
        text, int(wide * share), subsequent_indent=" " * hang, break_on_hyphens=False
    )


def _check_folder(option: str, path: str) -> None:
    folder = Path(path).parent
    if not folder.is_dir():
        raise ValueError(f"{option} {path}: there is no folder {str(folder)!r}")
    if Path(path).is_dir():
        raise ValueError(f"{option} {path}: is a folder, expected a file")


def _write_json(settled: Sequence[Settled], size: str, path: str, out: TextIO) -> None:
    from verify.cli.notes_json import record

    text = json.dumps(record(settled, size), indent=1, ensure_ascii=False)
    if path == "-":
        print(text)
    else:
        Path(path).write_text(text + "\n", "utf-8")
        print(f"verdicts: {path}", file=out)
