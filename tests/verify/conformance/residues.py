"""The same draws in the domain of proofs: residues modulo random primes.

Where the numeric domain is exact (small whole numbers and halves), the residue of its result is
known. The rule is evaluated once more with float operands that are residues and nothing else, as
the inputs of programs are, and must give just that. Only primitives made of sums, products and
movement: a comparison of residues is random by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.complex import Pair, real_dtype
from verify.algebras.extended import lift, parts
from verify.algebras.field import Field
from verify.algebras.field.growth import Growth
from verify.algebras.field.value import FieldArray
from verify.checks.roundoff import by_rules
from verify.dtypes import is_kind
from verify.evaluate import evaluate
from verify.programs import Program

_MOVEMENT = """
reshape squeeze expand_dims broadcast_in_dim transpose rev slice copy tile stack unstack split
concatenate pad gather dynamic_slice dynamic_update_slice scatter select_n optimization_barrier
"""
_RING = """
add add_any sub mul neg square reduce_sum reduce_prod cumsum cumprod dot_general
conv_general_dilated reduce_window_sum scatter-add scatter-sub scatter-mul triangular_solve
complex real imag conj linear_call custom_linear_solve
"""
NAMES = frozenset((_MOVEMENT + _RING).split())


def differ(name: str, program: Program, operands: Sequence[Any], exact: Sequence[Any]) -> bool:
    """Whether the residues of the results are others than those of the exact numbers."""
    if name not in NAMES or not _apply(program, operands, exact):
        return False
    field = Field(seed=1)
    pairs = zip(operands, program.inputs, strict=True)
    try:
        ours = evaluate(by_rules(program), field, [_opaque(field, x, v.dtype) for x, v in pairs])
    except Unsupported:
        return False
    for value, known in zip(ours, exact, strict=True):
        for a, b in zip(parts(value), parts(known), strict=True):
            if is_kind(b.dtype, np.floating) and not _equal(field, a, b.value):
                return True
    return False


def _apply(program: Program, operands: Sequence[Any], exact: Sequence[Any]) -> bool:
    """Finite floats among the operands, and results that are exact."""
    inexact = [x for x, v in zip(operands, program.inputs, strict=True) if _is_float(v.dtype)]
    known = [part.concrete for value in exact for part in parts(value)]
    finite = all(np.isfinite(np.asarray(x).astype(np.complex128)).all() for x in inexact)
    return (
        bool(inexact)
        and finite
        and all(k is not None and np.isfinite(k.astype(np.float64)).all() for k in known)
    )


def _is_float(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and is_kind(dtype, np.inexact)


def _opaque(field: Any, x: Any, dtype: Any) -> Any:
    """Floats as residues of which nothing else is known; all else as constants."""
    if not _is_float(dtype):
        return lift(field, x, dtype)
    if is_kind(dtype, np.complexfloating):
        part = real_dtype(dtype)
        return Pair(_opaque(field, x.real, part), _opaque(field, x.imag, part), dtype)
    rows = field.lift_rows(np.asarray(x).astype(np.float64))
    return FieldArray(field, tuple(x.shape), dtype, Growth(analytic=True), rows)


def _equal(field: Any, ours: Any, value: np.ndarray) -> bool:
    return bool((ours.rows == field.lift_rows(value)).all())
