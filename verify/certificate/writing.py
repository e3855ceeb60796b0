"""What a certificate holds: a verdict as JSON that names its functions."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from verify.certificate.fingerprints import fingerprint, source_fingerprint
from verify.certificate.names import reference
from verify.certificate.schema import VERSION
from verify.signature import to_jsonable

if TYPE_CHECKING:
    from verify.program import Program
    from verify.verdict import Verdict


@dataclass(frozen=True)
class Subject:
    """What a verdict is about."""

    left: str  # "module:function", or a name that cannot be imported
    right: str
    examples: Any  # JSON, or None where the examples have containers of the user's own
    seed: int
    left_program: str  # fingerprints
    right_program: str
    left_source: str | None = None  # fingerprints, where the source is known
    right_source: str | None = None
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
    return Subject(
        reference(f),
        reference(g),
        written,
        seed,
        fingerprint(programs[0]),
        fingerprint(programs[1]),
        source_fingerprint(f),
        source_fingerprint(g),
        question,
    )


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
