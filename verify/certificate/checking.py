"""A certificate's question, asked again: with the recorded seed and, since a proof must not depend
on luck, with a fresh one.

In this order, and no further than the first disagreement: the file as data; the functions, where
they lie in modules that are allowed; their sources' fingerprints; then only are they traced, and
their programs' fingerprints compared; then the proof, and all that the file says of it: a file that
assumes less, or has a better bound or another counterexample, is not confirmed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax

from verify.certificate.fingerprints import fingerprint, source_fingerprint
from verify.certificate.names import allowed_function
from verify.certificate.schema import read
from verify.checks.derivatives import derivatives
from verify.equivalence import equivalent
from verify.found import Record
from verify.inputs.signature import arguments
from verify.programs import trace
from verify.verdict import Verdict


@dataclass(frozen=True)
class Checked:
    """What running a certificate again gave; no verdict where it was not asked again."""

    agrees: bool
    text: str
    verdict: Verdict | None


def check(path: str | Path, allow: Sequence[str] = (), *, seconds: float = 30.0) -> Checked:
    """Runs a certificate again, in this process. (`verify check` does it in one of its own.)

    allow: modules whose functions may be called, beside those of `verify` and `cnnjax`; with a
        module all beneath it. Importing them, and tracing the functions, runs their code.
    seconds: as for `equivalent`.

    Raises ValueError where the file cannot be read or run again, or names what is not allowed.
    """
    return rerun(read(path), allow, str(path), seconds)


def rerun(record: Record, allow: Sequence[str], path: str, seconds: float = 30.0) -> Checked:
    """`check`, of what `read` returned."""
    about = record["subject"]
    if about is None or about["examples"] is None:
        raise ValueError(
            f"{path}: the certificate does not say how to call the functions (none of `faithful` "
            "does, nor of modules)"
        )
    examples = arguments(about["examples"])
    claims = [(about[s], about[f"{s}_source"], about[f"{s}_program"]) for s in ("left", "right")]
    if about["assuming"] is not None:
        claims.append(tuple(about["assuming"][key] for key in ("name", "source", "program")))
    functions = [allowed_function(name, allow) for name, _, _ in claims]
    for f, (name, source, _) in zip(functions, claims, strict=True):
        if source is not None and source_fingerprint(f) != source:
            text = "is not the one that the certificate is about; it was not called"
            return Checked(False, f"the source of {name} {text}", None)
    for f, (name, _, program) in zip(functions, claims, strict=True):
        if fingerprint(trace(f, *examples)) != program:
            text = f"the program of {name} is not the one that the certificate is about"
            if record["jax"] != jax.__version__:
                text += f" (written with jax {record['jax']!r}, this is {jax.__version__})"
            return Checked(False, text, None)

    def ask(seed: int | None) -> Verdict:
        if about["question"] == "derivatives":
            return derivatives(functions[0], *examples, seconds=seconds, seed=seed)
        f, g, *conditions = functions
        return equivalent(
            f,
            g,
            *examples,
            assuming=conditions[0] if conditions else None,
            constants=about["constants"],
            seconds=seconds,
            seed=seed,
        )

    status, verdict = record["status"], None
    for seed, words in ((about["seed"], "the same seed now"), (None, "a fresh seed")):
        verdict = ask(seed)
        if verdict.status != status:
            text = f"the certificate says {status}, {words} gives {verdict.status}"
            return Checked(False, text, verdict)
        claim = _claimed(record, json.loads(verdict.to_json()), fresh=seed is None)
        if claim:
            return Checked(False, f"{claim} with {words}", verdict)
    text = f"{status}, with the recorded seed and with a fresh one"
    if record["rounding"] is not None:
        text += "; the rounding that it gives was not measured again"
    return Checked(True, text, verdict)


def _claimed(record: Record, again: Record, *, fresh: bool) -> str:
    """What the certificate claims and the answer now does not say, "" for nothing. With the same
    seed everything is the same; a fresh seed may give another method, or counterexample."""
    assumed = [set(map(_passing, one["assumptions"])) for one in (record, again)]
    missing = sorted(assumed[1] - assumed[0])
    if missing:
        return f"the certificate does not assume {missing[0]!r}, which is assumed"
    for name in ("scope",) if fresh else ("scope", "method", "error_probability", "error_bits"):
        if record[name] != again[name]:
            one, two = (str(claims[name])[:100] for claims in (record, again))
            return f"the certificate's {name} is {one!r}, it is {two!r}"
    if not fresh and _without_lines(record) != _without_lines(again):
        return "the certificate's counterexample is not the one that is found"
    return ""


def _passing(text: str) -> str:
    """Without the numbers of lines, which comments change."""
    return re.sub(r"(\.py):\d+", r"\1", text)


def _without_lines(record: Record) -> str:
    return _passing(json.dumps(record["counterexample"], sort_keys=True))
