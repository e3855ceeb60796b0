"""What the verifier answers: proved, refuted with a counterexample, or unknown with the reason."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from verify.certificate import Subject, to_json

Status = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True)
class Counterexample:
    """Inputs on which the two functions differ, confirmed by certified evaluation.

    inputs: the same pytree as the examples, of concrete NumPy arrays. left, right: the value of the
    differing output element under each function. where: (output number, index of the element);
    None where the outputs differ in structure. explanation: one sentence that says why.
    """

    inputs: Any
    left: Any
    right: Any
    where: tuple[int, tuple[int, ...]] | None
    explanation: str
    names: tuple[str, ...] = ()  # of the input arrays, in the order of the tree's leaves

    def __str__(self) -> str:
        lines = []
        if self.where is not None:
            number, index = self.where
            place = f"output[{', '.join(map(str, index))}]" if index else "output"
            if number:
                place = f"output {number}, {place}"
            lines.append(f"at {place}: left {_short(self.left)}, right {_short(self.right)}")
        arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(self.inputs)]
        names = self.names or [f"argument {i}" for i in range(len(arrays))]
        lines += [f"  {name} = {describe(a)}" for name, a in zip(names, arrays, strict=True)]
        if self.explanation:
            lines.append(self.explanation)
        return "\n".join(lines)


@dataclass(frozen=True)
class Rounding:
    """Floating point, beside the exact verdict.

    bound: certified bound on |compiled left - compiled right| over all outputs, for the inputs
    that were tried. observed: what the two compiled programs really differed by there.
    """

    bound: float
    observed: float

    def __str__(self) -> str:
        return f"rounding: observed {self.observed:.3g}, certified bound {self.bound:.3g}"


@dataclass(frozen=True)
class Verdict:
    """The answer. `bool(verdict)` is true only for "proved"."""

    status: Status
    scope: str = "these shapes"
    method: str = ""
    error_probability: float = 0.0
    assumptions: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    reason: str = ""
    rounding: Rounding | None = None
    seconds: float = 0.0
    subject: Subject | None = None  # what it is about, for the certificate

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
        return text if self.rounding is None else f"{text}\n{self.rounding}"

    @property
    def error_text(self) -> str:
        """The bound on a false proof in words."""
        if self.status != "proved":
            return ""
        if self.error_probability == 0:
            return "no probability of error"
        return f"error probability below 2**{math.ceil(math.log2(self.error_probability))}"

    def to_json(self) -> str:
        """The certificate, as text; see `verify.certificate`."""
        return to_json(self)


def describe(array: np.ndarray) -> str:
    """An array in a line: whole if small, else its non-zero elements.

    >>> describe(np.array([1.0, 2.0]))
    '[1. 2.]'
    >>> x = np.zeros((9, 9)); x[3, 4] = 1
    >>> describe(x)
    'zeros of shape (9, 9) but for [3, 4] = 1'
    """
    if array.size <= 16 and array.ndim <= 2:
        return np.array2string(array, separator=" ", threshold=32).replace("\n", "")
    places = np.argwhere(array)
    if len(places) == 0:
        return f"zeros of shape {array.shape}"
    shown = [f"[{', '.join(map(str, p))}] = {_short(array[tuple(p)])}" for p in places[:6].tolist()]
    more = f" and {len(places) - 6} more" if len(places) > 6 else ""
    return f"zeros of shape {array.shape} but for {', '.join(shown)}{more}"


def _short(value: Any) -> str:
    if isinstance(value, bool | np.bool_ | str):
        return str(value)
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, complex | np.complexfloating):
        return f"{complex(value):.9g}"
    return f"{float(value):.9g}"
