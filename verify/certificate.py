"""Certificates: a verdict as JSON that names the two functions, and that can be run again.

`verify check FILE` imports the two functions, traces them anew, compares their programs with the
fingerprints in the file, and settles the question again: with the recorded seed and, since a proof
must not depend on luck, with a fresh one.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from verify.signature import from_jsonable, to_jsonable

if TYPE_CHECKING:
    from verify.program import Program
    from verify.verdict import Verdict

VERSION = 1


@dataclass(frozen=True)
class Subject:
    """What a verdict is about."""

    left: str  # "module:function", or a name that cannot be imported
    right: str
    examples: Any  # JSON, or None where the examples have containers of the user's own
    seed: int
    left_program: str  # fingerprints
    right_program: str
    question: str = "equivalent"  # or "derivatives": then both functions are the same one


def subject(
    f: Any,
    g: Any,
    examples: Any,
    programs: tuple[Program, Program],
    seed: int,
    question: str = "equivalent",
) -> Subject:
    try:
        written = to_jsonable(examples)
    except TypeError:
        written = None
    one, two = (fingerprint(program) for program in programs)
    return Subject(reference(f), reference(g), written, seed, one, two, question)


def reference(f: Callable[..., Any]) -> str:
    """Where a function can be imported from."""
    return f"{getattr(f, '__module__', '?')}:{getattr(f, '__qualname__', repr(f))}"


def resolve(name: str) -> Callable[..., Any]:
    """The function at "module:function". Raises ValueError, saying which part is missing."""
    module_name, _, path = name.partition(":")
    if not path:
        raise ValueError(f"{name!r} is not like 'module:function'")
    if "<" in path:
        raise ValueError(f"{name!r} is a local function and cannot be imported; give it a name")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(f"{name!r}: cannot import {module_name!r} ({error})") from error
    for part in path.split("."):
        if not hasattr(found, part):
            names = sorted(n for n in dir(found) if not n.startswith("_"))
            raise ValueError(f"{name!r}: no {part!r} there; there are {', '.join(names[:20])}")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"{name!r} is a {type(found).__name__}, not a function")
    return found


def fingerprint(program: Program) -> str:
    """A hash of a program: its primitives, shapes, dtypes, wiring and constants."""
    digest = hashlib.sha256()
    _absorb(program, digest)
    return digest.hexdigest()[:32]


def _absorb(program: Program, digest: Any) -> None:
    numbers = {var: f"i{i}" for i, var in enumerate(program.inputs)}

    def name(atom: Any) -> str:
        if atom in numbers:
            return numbers[atom]
        value = np.asarray(jax.random.key_data(atom.value) if _is_key(atom) else atom.value)
        return f"const {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"

    for position, equation in enumerate(program.equations):
        for i, var in enumerate(equation.outputs):
            numbers[var] = f"v{position}.{i}:{var.dtype}{var.shape}"
        line = f"{equation.primitive} {[name(a) for a in equation.inputs]}"
        digest.update(line.encode())
        for key in sorted(equation.params):
            value = equation.params[key]
            for inner in value if isinstance(value, tuple) else (value,):
                if hasattr(inner, "equations"):
                    _absorb(inner, digest)
                elif not callable(inner) and " at 0x" not in repr(inner):
                    digest.update(f"{key}={inner!r}".encode())
    digest.update(str([name(a) for a in program.outputs]).encode())


def _is_key(atom: Any) -> bool:
    return bool(jax.dtypes.issubdtype(atom.dtype, jax.dtypes.extended))


def to_json(verdict: Verdict) -> str:
    """The certificate of a verdict."""
    about = verdict.subject
    record: dict[str, Any] = {
        "version": VERSION,
        "status": verdict.status,
        "scope": verdict.scope,
        "method": verdict.method,
        "error_probability": verdict.error_probability,
        "error_bits": -math.log2(verdict.error_probability) if verdict.error_probability else None,
        "assumptions": list(verdict.assumptions),
        "reason": verdict.reason,
        "seconds": round(verdict.seconds, 3),
        "jax": jax.__version__,
        "subject": None if about is None else vars(about).copy(),
        "counterexample": None,
        "rounding": None,
    }
    found = verdict.counterexample
    if found is not None:
        record["counterexample"] = {
            "inputs": [
                {"path": jax.tree_util.keystr(path), **_array(np.asarray(leaf))}
                for path, leaf in jax.tree.leaves_with_path(found.inputs)
            ],
            "left": _number(found.left),
            "right": _number(found.right),
            "output": None if found.where is None else found.where[0],
            "index": None if found.where is None else list(found.where[1]),
            "explanation": found.explanation,
        }
    measured = verdict.measured
    if measured is not None:
        record["rounding"] = vars(measured).copy()
        for name in ("bound", "observed"):  # JSON has no infinity
            number = record["rounding"][name]
            record["rounding"][name] = number if math.isfinite(number) else None
    return json.dumps(record, indent=1)


def _array(array: np.ndarray) -> dict[str, Any]:
    """An array by its non-zero elements, as exact hexadecimal floats or integers."""
    places = np.flatnonzero(array)
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "nonzero": [[int(i), _number(array.flat[i])] for i in places],
    }


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, complex | np.complexfloating):
        return [float(value.real).hex(), float(value.imag).hex()]
    return float(value).hex()


@dataclass(frozen=True)
class Checked:
    """What running a certificate again gave."""

    agrees: bool
    text: str
    verdict: Verdict | None


def check(path: str | Path) -> Checked:
    """Runs a certificate again. Raises ValueError where the file cannot be read or re-run."""
    from verify.derivatives import derivatives
    from verify.equivalence import equivalent

    record = read(path)
    about = record["subject"]
    if about is None or about["examples"] is None:
        raise ValueError(f"{path}: the certificate does not say how to call the functions")
    f, g = resolve(about["left"]), resolve(about["right"])
    examples = from_jsonable(about["examples"])

    def settle(seed: int | None) -> Verdict:
        if about.get("question", "equivalent") == "derivatives":
            return derivatives(f, *examples, seed=seed)
        return equivalent(f, g, *examples, seed=seed)

    first = settle(int(about["seed"]))
    assert first.subject is not None
    for side in ("left", "right"):
        if getattr(first.subject, f"{side}_program") != about[f"{side}_program"]:
            text = f"the program of {about[side]} is not the one that the certificate is about"
            return Checked(False, text, first)
    if first.status != record["status"]:
        text = f"the certificate says {record['status']}, the same seed now gives {first.status}"
        return Checked(False, text, first)
    again = settle(None)
    if again.status != record["status"]:
        text = f"the certificate says {record['status']}, a fresh seed gives {again.status}"
        return Checked(False, text, again)
    return Checked(True, f"{record['status']}, with the recorded seed and with a fresh one", again)


def read(path: str | Path) -> dict[str, Any]:
    """A certificate file's content, checked for its form."""
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from error
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: no JSON ({error})") from error
    if not isinstance(record, dict) or record.get("version") != VERSION:
        raise ValueError(f"{path}: no certificate of version {VERSION}")
    missing = [key for key in ("status", "subject") if key not in record]
    if missing:
        raise ValueError(f"{path}: the certificate lacks {', '.join(missing)}")
    names = ("left", "right", "examples", "seed", "left_program", "right_program")
    about = record["subject"]
    if about is not None and (not isinstance(about, dict) or any(n not in about for n in names)):
        raise ValueError(f"{path}: the certificate's subject needs {', '.join(names)}")
    return record
