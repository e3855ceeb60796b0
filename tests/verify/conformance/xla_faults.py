"""Disagreements that no rule is to blame for: each named, with the reason and its extent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.verify.conformance.compare import Case
from tests.verify.conformance.proposals import NARROW_FLOATS
from verify.algebras.keys import is_key
from verify.dtypes import is_kind


@dataclass(frozen=True)
class Fault:
    """`covers(case, operands)`: no wider than the fault."""

    reason: str
    covers: Callable[[Case, Sequence[Any]], bool]


def _infinite(operands: Sequence[Any]) -> bool:
    """Whether infinities or NaN are among the operands."""
    for x in operands:
        if not is_key(x.dtype) and is_kind(x.dtype, np.inexact):
            wide = np.complex128 if is_kind(x.dtype, np.complexfloating) else np.float64
            if not np.isfinite(np.asarray(x).astype(wide)).all():
                return True
    return False


FAULTS: dict[str, Fault] = {
    "groups of the batch": Fault(
        "a convolution with batch groups is done as one without, whose result is masked by a "
        "product: NaN and infinities of one group reach the others",
        lambda one, xs: (
            "batch_group_count=1" not in one.key
            and one.name == "conv_general_dilated"
            and _infinite(xs)
        ),
    ),
    "rounding of bytes": Fault(
        "no fault: conversions between float formats are the identity over the reals, and what "
        "reduce_precision rounds is bounded for formats of 16 bits and more only",
        lambda one, xs: one.name == "reduce_precision" and xs[0].dtype in NARROW_FLOATS,
    ),
    "powers of two alone": Fault(
        "float8_e8m0fnu holds no zero, no sign and no infinity: what XLA starts a fold with, or "
        "pads with, is NaN there, and so are the results",
        lambda one, xs: "f8_e8m0fnu" in one.key,
    ),
    "products with one": Fault(
        "a product of several complex numbers starts with 1 + 0i, which makes NaN of infinities",
        lambda one, xs: (
            one.name in ("cumprod", "reduce_prod", "reduce", "reduce_window", "scatter-mul")
            and ":c64" in one.key.replace("c128", "c64")
            and _infinite(xs)
        ),
    ),
    "systems by products": Fault(
        "a triangular system is solved by products with inverted blocks, whose zeros make NaN of "
        "the infinities that other rows hold",
        lambda one, xs: one.name == "triangular_solve" and _infinite(xs),
    ),
    "ties with what pads": Fault(
        "where a window's maximum is -inf, it ties with what pads it, and for some windows XLA "
        "takes the tangent of that; the rule says so in its assumption",
        lambda one, xs: one.name == "select_and_gather_add" and _infinite(xs),
    ),
}


def excused(one: Case, operands: Sequence[Any]) -> bool:
    return any(fault.covers(one, operands) for fault in FAULTS.values())
