"""An element that a rule and JAX do not agree on, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras.keys import is_key
from verify.programs import Equation, Program


@dataclass(frozen=True)
class Disagreement:
    """An element that a rule and JAX do not agree on."""

    primitive: str
    params: str
    source: str
    operands: tuple[np.ndarray, ...]
    output: int
    index: tuple[int, ...]
    ours: str
    theirs: str
    domain: str = "numbers"

    def __str__(self) -> str:
        where = f" at {self.source}" if self.source else ""
        given = ", ".join(_shown(x) for x in self.operands)
        return (
            f"verify reads {self.primitive}{where} otherwise than JAX computes it: element "
            f"{list(self.index)} of result {self.output} is {self.ours} by verify's rule (in "
            f"{self.domain}) and {self.theirs} by JAX, for {self.primitive}({given}; {self.params})"
        )


def described(
    equation: Equation,
    operands: Sequence[np.ndarray],
    output: int,
    index: tuple[int, ...],
    ours: str,
    theirs: str,
    domain: str = "numbers",
) -> Disagreement:
    params = ", ".join(
        f"{name}={text if len(text := str(value)) < 80 else '...'}"
        for name, value in equation.params.items()
        if value is not None and not isinstance(value, Program)
    )
    return Disagreement(
        equation.primitive,
        params,
        equation.source,
        tuple(operands),
        output,
        index,
        ours,
        theirs,
        domain,
    )


def _shown(array: np.ndarray) -> str:
    if is_key(array.dtype):
        return str(array.dtype)
    text = np.array2string(np.asarray(array), separator=", ", threshold=24).replace("\n", "")
    return f"{array.dtype}{list(array.shape)} {text if len(text) < 160 else text[:160] + '...'}"
