"""A value taken for an unknown: H(x) for one unknown function H of numbers
(`interpretation/cuts.py`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verify.algebras.field import mixing
from verify.algebras.field.growth import Growth
from verify.algebras.field.state import State, key_rows
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType


def cut(field: State, x: FieldArray, where: np.ndarray) -> FieldArray:
    """H(x) where it is said, x elsewhere. H(x) may be zero on a region, or equal to another value,
    so that no more is known of it than of a choice; it is not negative where x is not."""
    flat = np.flatnonzero(where)
    rows = x.rows.reshape(len(field.m), -1)
    state = field.digest(
        np.ascontiguousarray(key_rows(field, x).reshape(-1, rows.shape[1])[:, flat])
    )
    made = field.atom(mixing.combine(state, tag="cut"), x.dtype).rows
    growth = Growth(analytic=False)
    if len(flat) < rows.shape[1]:
        made, old = rows.copy(), made
        made[:, flat] = old
        growth = growth.union(x.growth)
    return field.plain(made.reshape(len(field.m), *x.shape), x, growth, nonnegative=x.nonnegative)


def named(field: State, names: np.ndarray, dtype: DType, *, nonnegative: bool) -> FieldArray:
    """An unknown for each name, the same for the same name; zero for the name zero."""
    state = mixing.combine(np.stack([names] * mixing.WORDS), tag="name")
    x = field.atom(state, dtype, nonnegative=nonnegative)
    x.growth = replace(x.growth, analytic=False)
    x._rows = np.where(names == 0, 0, x.rows)
    return x
