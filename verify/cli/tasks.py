"""What the commands do that calls a user's functions, as data in and data out.

A task is the command's name and its options; an answer is what to print and the verdict's status.
`child.py` carries tasks out in a process of their own, where the functions may do what they like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax

from verify.found import Record
from verify.verdict import Verdict


@dataclass(frozen=True)
class Answer:
    """status: "proved", "refuted" or "unknown". text: for the standard output. error: for the
    standard error, where there is no verdict. certificate: as JSON, where it was asked for."""

    status: str = "unknown"
    text: str = ""
    error: str = ""
    certificate: str = ""


def perform(command: str, options: Record) -> Answer:
    """Carries out a task. Whatever a function raises, there is an answer."""
    try:
        return _TASKS[command](options)
    except (ValueError, TypeError) as error:
        return Answer(error=str(error))
    except KeyboardInterrupt:  # Ctrl-C reaches the parent; this one was raised by a function
        return Answer(error="KeyboardInterrupt was raised where a function was called")
    except SystemExit as stop:
        return Answer(
            error=f"a function ended the program (sys.exit({stop.code!r})) before there was a "
            "verdict"
        )
    except BaseException as error:  # the user's own code may raise anything
        return Answer(error=f"{type(error).__name__}: {error}")


def _pair(options: Record) -> Answer:
    from verify.certificate.names import resolve
    from verify.equivalence import equivalent

    examples = _examples(options)
    f, g = resolve(options["left"]), resolve(options["right"])
    asked = {name: options[name] for name in ("constants", "seconds", "seed", "verbose")}
    if options["assuming"]:
        asked["assuming"] = resolve(options["assuming"])
    verdict = equivalent(f, g, *examples, **asked)
    more = ""
    if options["rounding"] and bool(verdict) and verdict.rounding is None:
        more = "\nrounding: no bound is known for programs like these"
    return _answer(options, verdict, more)


def _derivatives(options: Record) -> Answer:
    from verify.certificate.names import resolve
    from verify.checks.derivatives import derivatives

    examples, f = _examples(options), resolve(options["function"])
    verdict = derivatives(f, *examples, seconds=options["seconds"], seed=options["seed"])
    return _answer(options, verdict)


def _faithful(options: Record) -> Answer:
    from verify.certificate.names import resolve
    from verify.checks.faithful import faithful

    examples, f = _examples(options), resolve(options["function"])
    return _answer(options, faithful(f, *examples, seed=options["seed"]))


def _check(options: Record) -> Answer:
    from verify.certificate.checking import rerun

    what = (options[name] for name in ("record", "allow", "path", "seconds"))
    result = rerun(*what)
    text = f"{'CONFIRMED' if result.agrees else 'NOT CONFIRMED'}: {result.text}"
    if result.verdict is None:
        return Answer("unknown", text)
    text += f"\n{result.verdict}"
    # What is not confirmed is no proof, whatever came of it now.
    return Answer(result.verdict.status if result.agrees else "unknown", text)


_TASKS: dict[str, Callable[[Record], Answer]] = {
    "pair": _pair,
    "derivatives": _derivatives,
    "faithful": _faithful,
    "check": _check,
}


def _examples(options: Record) -> list[jax.ShapeDtypeStruct]:
    from verify.inputs.signature import parse_spec

    try:
        return [parse_spec(text) for text in options["args"]]
    except ValueError as error:
        raise ValueError(f"--args: {error}") from error


def _answer(options: Record, verdict: Verdict, more: str = "") -> Answer:
    certificate = verdict.to_json() if options.get("certificate") else ""
    return Answer(verdict.status, f"{verdict}{more}", "", certificate)
