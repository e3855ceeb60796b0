"""verify pair | derivatives | faithful | check | notes.

Exit status: 0 proved, 1 refuted, 2 unknown; bad usage is 2 as well, and Ctrl-C 130. The user's
functions are called in a process of their own (`isolated.py`) and cannot change it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from cnnjax.cli.interrupt import INTERRUPTED, leave, lost_interrupts_return
from verify.cli import notes, report
from verify.cli.files import writable, write
from verify.cli.isolated import isolated
from verify.cli.tasks import Answer
from verify.found import Record

PROVED, REFUTED, UNKNOWN = 0, 1, 2
_STATUS = {"proved": PROVED, "refuted": REFUTED}
_FAITHFUL_SECONDS = 60.0

_PAIR = """\
Are two JAX functions the same function?

  verify pair mymodule:fast_conv mymodule:plain_conv --args 'f32[2,12,12,3]' 'f32[5,5,3,4]'

Functions are named module:function (the current folder is searched too). One --args entry an
argument: dtype[sizes], with dtypes f32, bf16, f64, i32, u8, bool, ...
"""

_DERIVATIVES = """\
Are the custom derivatives in a JAX function (jax.custom_jvp, jax.custom_vjp) its derivatives?

  verify derivatives mymodule:fast_pool --args 'f32[2,12,12,3]'

The counterexample's last arrays are the direction: tangents, or cotangents of the outputs.
"""

_FAITHFUL = """\
Does the compiled program compute a JAX function, but for rounding?

  verify faithful mymodule:fast_pool --args 'f32[2,12,12,3]'

At random numbers and at small whole ones, on the default backend, compiled and called on arrays.
"""

_CHECK = """\
Runs a certificate again: looks up its functions, compares their sources and programs with the
fingerprints in the file, and decides the question anew, with the recorded seed and a fresh one.

  verify pair m:f m:g --args 'f32[8]' --certificate proof.json
  verify check proof.json --allow m

A file from elsewhere runs nothing that you have not allowed. --allow MODULE allows that module and
the modules beneath it (`--allow m` allows m and m.layers, not m2), and can be repeated. verify and
cnnjax are allowed without being named, but for what reads or writes files. A function that an
allowed module has only imported needs the module that it was written in to be allowed as well: the
message names it. Importing an allowed module and tracing its functions runs all that is in them, so
allow what you trust. They run in a process of their own: what they print goes to the standard
error, and whether they exit, print or raise, the status is the verdict's.

Not confirmed is status 2, whatever came of the question now.

The report of `pytest --verify-report=FILE.json` is checked entry by entry, a line each: the status
is 0 if all are confirmed proofs, 2 if one is not confirmed or cannot be checked (a lambda has no
name to look up), else 1.
"""


def parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="verify",
        description="Proves that two JAX functions are equal, or shows where they differ.",
        epilog="exit status: 0 proved, 1 refuted, 2 unknown or bad usage",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    pair = commands.add_parser(
        "pair",
        help="decide whether two functions are equal",
        description=_PAIR,
        formatter_class=formatter,
    )
    pair.add_argument("left", metavar="MODULE:F")
    pair.add_argument("right", metavar="MODULE:G")
    own, compiled = (
        commands.add_parser(name, help=text, description=more, formatter_class=formatter)
        for name, text, more in (
            ("derivatives", "check a function's custom derivatives", _DERIVATIVES),
            ("faithful", "check what is compiled", _FAITHFUL),
        )
    )
    for command in (own, compiled):
        command.add_argument("function", metavar="MODULE:F")
    for command in (pair, own, compiled):
        command.add_argument(
            "--args", nargs="*", default=[], metavar="SPEC", help="like 'f32[2,12,12,3]'"
        )
        command.add_argument("--seed", type=int, help="fix what is random")
    for command in (pair, own):
        command.add_argument(
            "--seconds", type=float, default=60.0, help="for the whole question (60)"
        )
        command.add_argument("--certificate", metavar="FILE", help="write the verdict as JSON")
    pair.add_argument(
        "--constants",
        choices=("rounded", "exact"),
        default="rounded",
        help="whether 0.1 in a program stands for any number that rounds to it (rounded)",
    )
    pair.add_argument(
        "--assuming",
        metavar="MODULE:P",
        help="count only inputs at which this function's booleans are all true",
    )
    pair.add_argument(
        "--rounding",
        action="store_true",
        help="compile a proved pair, and bound how far rounding may take the two apart",
    )
    pair.add_argument(
        "--verbose", action="store_true", help="print each prover that is tried as it ends"
    )
    check = commands.add_parser(
        "check",
        help="run a certificate or a report again",
        description=_CHECK,
        formatter_class=formatter,
    )
    check.add_argument("certificate", metavar="FILE")
    check.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="MODULE",
        help="call functions of this module, and of those beneath it (may be repeated)",
    )
    check.add_argument("--seconds", type=float, default=60.0, help="for the whole question (60)")
    claims = commands.add_parser(
        "notes",
        help=notes.HELP,
        description=notes.DESCRIPTION,
        epilog=notes.EPILOG,
        formatter_class=formatter,
    )
    notes.add_arguments(claims)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    with lost_interrupts_return():
        status = _main(argv)
    if argv is None and status == INTERRUPTED:
        leave(status)
    return status


def _main(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # letters that a terminal lacks
    try:
        options = parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed its message
        return int(stop.code or 0)
    try:
        run = {
            "pair": _ask,
            "derivatives": _ask,
            "faithful": _ask,
            "check": _check,
            "notes": notes.run,
        }
        return run[options.command](options)
    except (ValueError, TypeError) as error:
        print(f"verify {options.command}: {error}", file=sys.stderr)
        return UNKNOWN
    except Exception as error:  # the user's own code may raise anything; 1 would say "refuted"
        print(f"verify {options.command}: {type(error).__name__}: {error}", file=sys.stderr)
        return UNKNOWN
    except KeyboardInterrupt:
        print("verify: interrupted", file=sys.stderr)
        return INTERRUPTED


def _ask(options: argparse.Namespace) -> int:
    """pair, derivatives and faithful: the functions that the command line names are called."""
    given = vars(options)
    seconds, certificate = _seconds(given), given.get("certificate")
    if certificate:
        writable(certificate)
    return _finish(options, isolated(options.command, given, seconds), certificate)


def _check(options: argparse.Namespace) -> int:
    """Of a certificate, or of all those of a report: each in a process of its own."""
    from verify.certificate.schema import read_any

    given = vars(options)
    seconds = 2 * _seconds(given)  # it is asked twice
    task = {**given, "path": options.certificate}
    found = read_any(options.certificate)
    if isinstance(found, dict):
        return _finish(options, isolated("check", {**task, "record": found}, seconds))
    checked = []
    for row in found:
        answer = isolated("check", {**task, "record": row["certificate"]}, seconds)
        checked.append(report.Checked(row["test"], row["claim"], answer))
        _say(checked[-1].line)
    _say(report.counts(checked))
    return max(_STATUS.get(one.answer.status, UNKNOWN) for one in checked)


def _seconds(given: Record) -> float:
    seconds = float(given.get("seconds", _FAITHFUL_SECONDS))
    if not 0 < seconds < float("inf"):
        raise ValueError(f"--seconds must be positive, got {seconds}")
    return seconds


def _finish(options: argparse.Namespace, answer: Answer, certificate: str | None = None) -> int:
    if answer.error:
        print(f"verify {options.command}: {answer.error}", file=sys.stderr)
        return UNKNOWN
    _say(answer.text)
    if certificate:
        write(certificate, answer.certificate + "\n")
        _say(f"certificate: {certificate}")
    return _STATUS.get(answer.status, UNKNOWN)


def _say(text: str) -> None:
    """Prints, if anybody reads: whether somebody does is not what the status says."""
    try:
        print(text, flush=True)
    except OSError:  # `verify pair ... | head -0`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  Python flushes it once more at exit
