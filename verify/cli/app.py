"""verify pair | derivatives | faithful | check | notes.

Exit status: 0 proved (or confirmed), 1 refuted, 2 unknown.

Bad usage is 2 as well, and Ctrl-C 130.

JAX is imported only once the arguments are read, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnjax.cli.interrupt import INTERRUPTED, leave, lost_interrupts_return
from verify.cli import notes

if TYPE_CHECKING:
    from verify.verdict import Verdict

PROVED, REFUTED, UNKNOWN = 0, 1, 2
_STATUS = {"proved": PROVED, "refuted": REFUTED}

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
Runs a certificate again: imports its two functions, compares their programs with the fingerprints
in the file, and settles the question anew, with the recorded seed and with a fresh one.

  verify pair m:f m:g --args 'f32[8]' --certificate proof.json
  verify check proof.json
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
        "pair", help="settle one pair of functions", description=_PAIR, formatter_class=formatter
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
        command.add_argument("--seconds", type=float, default=30.0, help="search time (default 30)")
        command.add_argument("--certificate", metavar="FILE", help="write the verdict as JSON")
    pair.add_argument(
        "--rounding",
        action="store_true",
        help="compile a proved pair, and bound how far rounding may take the two apart",
    )
    check = commands.add_parser(
        "check", help="run a certificate again", description=_CHECK, formatter_class=formatter
    )
    check.add_argument("certificate", metavar="FILE")
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
    try:
        options = parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed its message
        return int(stop.code or 0)
    try:
        run = {
            "pair": _pair,
            "derivatives": _derivatives,
            "faithful": _faithful,
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


def _pair(options: argparse.Namespace) -> int:
    from verify.certificate import resolve
    from verify.equivalence import equivalent

    examples = _examples(options)
    f, g = resolve(options.left), resolve(options.right)
    verdict = equivalent(f, g, *examples, seconds=options.seconds, seed=options.seed)
    no_bound = options.rounding and bool(verdict) and verdict.rounding is None
    print(verdict)
    if no_bound:
        print("rounding: no bound is known for programs like these")
    return _finish(options, verdict)


def _derivatives(options: argparse.Namespace) -> int:
    from verify.certificate import resolve
    from verify.derivatives import derivatives

    examples, f = _examples(options), resolve(options.function)
    verdict = derivatives(f, *examples, seconds=options.seconds, seed=options.seed)
    print(verdict)
    return _finish(options, verdict)


def _faithful(options: argparse.Namespace) -> int:
    from verify.certificate import resolve
    from verify.faithful import faithful
    from verify.signature import parse_spec

    examples = [parse_spec(text) for text in options.args]
    verdict = faithful(resolve(options.function), *examples, seed=options.seed)
    print(verdict)
    return _STATUS.get(verdict.status, UNKNOWN)


def _examples(options: argparse.Namespace) -> list[Any]:
    from verify.signature import parse_spec

    if options.seconds <= 0:
        raise ValueError(f"--seconds must be positive, got {options.seconds}")
    return [parse_spec(text) for text in options.args]


def _finish(options: argparse.Namespace, verdict: Verdict) -> int:
    if options.certificate:
        _write(options.certificate, verdict.to_json())
        print(f"certificate: {options.certificate}")
    return _STATUS.get(verdict.status, UNKNOWN)


def _check(options: argparse.Namespace) -> int:
    from verify.certificate import check

    result = check(options.certificate)
    print(f"{'CONFIRMED' if result.agrees else 'NOT CONFIRMED'}: {result.text}")
    if result.verdict is not None:
        print(result.verdict)
    if not result.agrees or result.verdict is None:
        return UNKNOWN
    return _STATUS.get(result.verdict.status, UNKNOWN)


def _write(path: str, text: str) -> None:
    temporary = f"{path}.tmp"
    try:
        with open(temporary, "w") as file:
            file.write(text + "\n")
        os.replace(temporary, path)
    except OSError as error:
        raise ValueError(f"--certificate {path}: cannot be written ({error})") from error
