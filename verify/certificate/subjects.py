"""What a verdict is about, for its certificate: functions by name and fingerprint, and examples.

How a verdict is written is its own affair (`verify/verdict.py`): it is plain data.
"""

from __future__ import annotations

from verify.certificate.fingerprints import fingerprint, source_fingerprint
from verify.certificate.names import reference
from verify.dtypes import Function
from verify.inputs.examples import split
from verify.inputs.signature import to_jsonable
from verify.programs import Program
from verify.verdict import Condition, Subject


def subject(
    f: Function,
    g: Function,
    examples: tuple[object, ...],
    programs: tuple[Program, Program],
    seed: int,
    question: str = "equivalent",
    constants: str = "exact",
) -> Subject:
    try:
        written = None if split(examples).static else to_jsonable(examples)
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
        constants,
    )


def named(assuming: Function, program: Program) -> Condition:
    """The precondition of a question."""
    return Condition(reference(assuming), fingerprint(program), source_fingerprint(assuming))
