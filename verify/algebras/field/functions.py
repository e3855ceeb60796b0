"""Functions over residues: exponentials as powers, logarithms as terms, the rest as unknowns.

An unknown function of a tuple of residues is a random function of it. Laws that hold on the whole
domain and cost little are built in: odd and even symmetry, exp(a + b) = exp(a) exp(b),
log(exp(a)) = a, log(u v) = log(u) + log(v), sqrt(x)**2 = x. Identities between functions (tanh in
terms of exp, ...) are the business of `verify/primitives/functions.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.value import infinite

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field
    from verify.algebras.field.value import FieldArray

ODD = frozenset({"sin", "tan", "asin", "atan", "sinh", "asinh", "atanh", "erf", "erf_inv", "cbrt"})
EVEN = frozenset({"cos", "cosh"})
# Analytic inside their domain: two of them that differ are equal on a set of measure zero only.
ANALYTIC = ODD | EVEN | {"exp", "log", "sqrt", "acos", "acosh", "lgamma", "digamma", "pow", "atan2"}
POSITIVE = frozenset({"exp", "sqrt"})


def apply(
    field: Field,
    name: str,
    args: Sequence[FieldArray],
    shape: tuple[int, ...],
    dtype: Any,
    params: Any = (),
) -> FieldArray:
    """One elementwise function."""
    if name == "exp" and field.exponents:
        return _exp(field, args[0])
    if name == "log":
        return log_term(field, args[0])
    analytic = name in ANALYTIC and all(a.growth.analytic for a in args)
    rows = [a.rows for a in args]
    flip: Any = None
    if name in ODD or name in EVEN:
        half = field.m[0] // 2
        flip = rows[0][0] > half  # of x and -x, one has a first residue in the lower half
        rows = [np.where(flip, residues.reduce(-rows[0], field.m), rows[0])]
    state = mixing.combine(*[field.digest(r) for r in rows], tag=(name, params))
    result = field.atom(state, dtype, nonnegative=name in POSITIVE)
    result.growth = Growth(analytic=analytic)
    if name in ODD:
        out = np.where(flip, residues.reduce(-result.rows, field.m), result.rows)
        zero = (rows[0][: field.points] == 0).all(axis=0)
        return field.plain(np.where(zero, 0, out), result, result.growth)
    if name == "sqrt":
        field.assume("no square root of a negative number")
        result.root_of = args[0]
    return result


def _exp(field: Field, a: FieldArray) -> FieldArray:
    """w**a, w of order q in Z_p and the exponent in Z_q; minus infinity gives zero."""
    absent: np.ndarray | None = None
    ends = infinite(a)
    if a.concrete is not None and (ends < 0).any():
        absent = ends < 0
        a = field.lift(np.where(absent, 0.0, a.concrete), a.dtype)
    p = a.pending
    if p is not None and a._rows is None and p.present is not None:
        missing = np.asarray(~p.present.any(axis=-1))
        if missing.any() and p.sign > 0:
            absent = missing
            rows = np.where(missing[..., None], 0, p.rows)
            present = p.present.copy()
            present[missing, 0] = True
            a = field.plain(field.chooser.value(rows, present), a, a.growth)
    points = field.points
    exponent = a.rows[points:]
    field.note_exponent(a.growth, int(np.prod(a.shape)))
    low, high = field.powers
    out = np.empty_like(a.rows)
    half = low.shape[1].bit_length() - 1
    for row in range(points):
        e = exponent[row]
        out[row] = low[row][e & ((1 << half) - 1)] * high[row][e >> half] % field.m[row]
    state = mixing.combine(field.digest(out), tag="exponential")
    field.atoms += int(np.prod(a.shape))
    out[points:] = mixing.expand(state, field.m)[points:]
    one = (out[:points] == 1).all(axis=0)
    out[points:] = np.where(one, 1, out[points:])
    if absent is not None:
        out = np.where(absent, 0, out)
    result = field.plain(out, a, Growth(analytic=a.growth.analytic), nonnegative=True)
    if absent is None:
        result.log = lambda: a
    return result


def log_term(field: Field, x: FieldArray) -> FieldArray:
    """log x: the term that x is the exponential of, if that is known, else an unknown."""
    field.assume("no logarithm of a number that is not positive")
    if x.log is not None:
        return x.log()
    state = mixing.combine(field.digest(x.rows), tag=("log", ()))
    result = field.atom(state, x.dtype)
    result.growth = Growth(analytic=x.growth.analytic)
    one = (x.rows[: field.points] == 1).all(axis=0)
    return field.plain(np.where(one, 0, result.rows), result, result.growth)


def power_tables(field: Field) -> tuple[np.ndarray, np.ndarray]:
    """w**i and w**(i * 2**15) for i < 2**15 (the exponent is below 2**30), one row a point.

    w is the square of a random element, so its order is the prime q.
    """
    assert field.moduli.q is not None
    half = 15
    low = np.ones((field.points, 1 << half), np.int64)
    high = np.ones((field.points, 1 << half), np.int64)
    for row, p in enumerate(field.moduli.p.tolist()):
        base = int(field.rng.integers(2, p - 1))
        w = base * base % p
        for table, step in ((low[row], w), (high[row], pow(w, 1 << half, p))):
            filled = 1
            while filled < len(table):
                table[filled : 2 * filled] = table[:filled] * pow(step, filled, p) % p
                filled *= 2
    return low, high
