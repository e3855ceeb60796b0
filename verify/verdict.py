"""What the verifier answers: proved, refuted with a counterexample, or unknown with the reason."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast

import jax
from jax.tree_util import keystr

from verify.found import Counterexample, Record, array_record, number_record

Status = Literal["proved", "refuted", "unknown"]
VERSION = 4  # of certificates


@dataclass(frozen=True)
class Rounding:
    """Floating point, beside the exact verdict.

    bound: certified bound on |compiled left - compiled right| over all outputs, for the inputs
    that were tried; infinite where nothing is known of an element (an overflow, a choice that
    rounding may turn round). observed: what the two compiled programs really differed by there.
    beyond: how many elements differ by more than their own bound.

    >>> print(Rounding(bound=1e-6, observed=2e-7))
    rounding: observed 2e-07, certified bound 1e-06
    >>> print(Rounding(bound=1e-6, observed=1e-3, beyond=1))
    rounding: observed 0.001, certified bound 1e-06: more than rounding can explain
    """

    bound: float
    observed: float
    beyond: int = 0

    @property
    def explained(self) -> bool:
        """Whether rounding can account for what was observed."""
        return self.observed <= self.bound and not self.beyond

    def __str__(self) -> str:
        limit = f"certified bound {self.bound:.3g}"
        if self.bound == math.inf:
            limit = "no finite bound at these inputs"
        text = f"rounding: observed {self.observed:.3g}, {limit}"
        return text if self.explained else f"{text}: more than rounding can explain"


@dataclass(frozen=True)
class Condition:
    """What the inputs satisfy: `assuming`, by name and fingerprints."""

    name: str
    program: str
    source: str | None = None


@dataclass(frozen=True)
class Subject:
    """What a verdict is about."""

    left: str  # "module:function", or a name that cannot be imported
    right: str
    examples: object  # JSON, or None where they have the user's own containers, or static leaves
    seed: int
    left_program: str  # fingerprints
    right_program: str
    left_source: str | None = None  # fingerprints, where the source is known
    right_source: str | None = None
    question: str = "equivalent"  # or "derivatives": then both functions are the same one
    constants: str = "exact"  # or "rounded"
    assuming: Condition | None = None


@dataclass(frozen=True)
class Tried:
    """One step on the way to a verdict: who tried what, how long it took, and how it ended.

    >>> print(Tried("a proof by bits", "bit-vectors", seconds=0.25, work=3e6, ended="proved"))
       0.25 s  a proof by bits: proved
    """

    prover: str
    theory: str
    seconds: float
    work: float  # units of `limits/budget.py`, about 1e8 a second
    ended: str
    depth: int = 0  # of the question within others

    def __str__(self) -> str:
        return f"{self.seconds:7.2f} s  {'  ' * self.depth}{self.prover}: {self.ended}"


class _Lazy:
    """A field whose value may be a function that is called when the field is first read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> object:
        if instance is None:
            return self
        value = vars(instance)[self.name]
        if callable(value):
            value = vars(instance)[self.name] = value()
        return value

    def __set__(self, instance: object, value: object) -> None:
        vars(instance)[self.name] = None if value is self else value


@dataclass(frozen=True)
class Verdict:
    """The answer. `bool(verdict)` is true only for "proved".

    `rounding` of a proved pair is worked out when it is first read, which compiles both programs;
    None where no bound is known. Printing and `to_json` show it once it has been read. It does not
    count in comparisons, and is left out of a pickle that is made before.
    `dataclasses.replace` reads it, unless `rounding=` is given.

    `trace` has what was tried, one `Tried` a step; `print(*verdict.trace, sep="\n")` is a table.
    """

    status: Status
    scope: str = "these shapes"
    method: str = ""
    error_probability: float = 0.0
    assumptions: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    reason: str = ""
    rounding: Rounding | None = field(default=cast(Any, _Lazy()), compare=False, repr=False)
    seconds: float = 0.0
    subject: Subject | None = None  # what it is about, for the certificate
    trace: tuple[Tried, ...] = field(default=(), compare=False, repr=False)

    def __bool__(self) -> bool:
        return self.status == "proved"

    def __str__(self) -> str:
        if self.status == "proved":
            text = f"PROVED for {self.scope}, by {self.method}; {self.error_text}."
            if self.assumptions:
                text += " Assuming: " + "; ".join(self.assumptions) + "."
            text = textwrap.fill(text, 100)
        elif self.status == "refuted":
            text = f"REFUTED by {self.method}.\n{self.counterexample}"
        else:
            text = textwrap.fill(f"UNKNOWN: {self.reason}", 100)
        return text if self.measured is None else f"{text}\n{self.measured}"

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "rounding": self.measured}

    def _repr_html_(self) -> str | None:
        """How notebooks show it: with a drawing of the counterexample."""
        return None if drawing is None else drawing(self)

    def changed(self, **fields: Any) -> Verdict:
        """As `dataclasses.replace`, but `rounding` stays to be worked out later."""
        return replace(self, **{"rounding": vars(self)["rounding"], **fields})

    @property
    def measured(self) -> Rounding | None:
        """`rounding` if it has been worked out already, else None."""
        value = vars(self)["rounding"]
        return value if isinstance(value, Rounding) else None

    @property
    def unmeasured(self) -> Callable[[], Rounding | None] | None:
        """What works `rounding` out, if that has not been read yet, else None."""
        value = vars(self)["rounding"]
        return value if callable(value) else None

    @property
    def error_text(self) -> str:
        """The bound on a false proof in words."""
        if self.status != "proved":
            return ""
        if self.error_probability == 0:
            return "no probability of error"
        return f"error probability below 2**{math.ceil(math.log2(self.error_probability))}"

    def to_json(self) -> str:
        """The certificate, as text, which `verify check FILE` runs again."""
        about = self.subject
        record: Record = {
            "version": VERSION,
            "status": self.status,
            "scope": self.scope,
            "method": self.method,
            "error_probability": self.error_probability,
            "error_bits": -math.log2(self.error_probability) if self.error_probability else None,
            "assumptions": list(self.assumptions),
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
            "jax": jax.__version__,
            "subject": None if about is None else asdict(about),
            "counterexample": None,
            "rounding": None,
        }
        found = self.counterexample
        if found is not None:
            record["counterexample"] = {
                "inputs": [
                    {"path": keystr(path), **array_record(leaf)} for path, leaf in found.arrays()
                ],
                "left": number_record(found.left),
                "right": number_record(found.right),
                "output": None if found.where is None else found.where[0],
                "index": None if found.where is None else list(found.where[1]),
                "explanation": found.explanation,
            }
        measured = self.measured
        if measured is not None:
            record["rounding"] = vars(measured).copy()
            for name in ("bound", "observed"):  # JSON has no infinity
                number = record["rounding"][name]
                record["rounding"][name] = number if math.isfinite(number) else None
        return json.dumps(record, indent=1)


# What makes `_repr_html_`, set where the writers are known (`verify/__init__.py`).
drawing: Callable[[Verdict], str] | None = None


def rounding(verdict: Verdict) -> Rounding | None:
    """How far rounding takes the two functions of a proof apart, once they are compiled.

    verdict: what `equivalent` or `derivatives` answered. The two programs are compiled, run and
        bounded at the examples, if they are arrays, and else at random normal inputs; this takes
        longer than most proofs, and is done once: `verdict.rounding` is the same.

    Returns a `Rounding`: the largest difference seen, and the certified bound of all orders of
    summation. None where no bound is known: complex numbers, Fourier transforms, linear algebra,
    another backend than the CPU; or where nothing is proved.

    >>> import jax.numpy as jnp
    >>> import verify
    >>> x = jnp.linspace(0, 1, 100)
    >>> verdict = verify.equivalent(lambda x: (x + 1) * (x - 1), lambda x: x * x - 1, x)
    >>> found = verify.rounding(verdict)
    >>> found.observed < found.bound < 1e-6
    True
    """
    if not isinstance(verdict, Verdict):
        what = f"a verdict of verify.equivalent, got {type(verdict).__name__}"
        raise TypeError(f"rounding: verdict: expected {what}")
    return verdict.rounding
