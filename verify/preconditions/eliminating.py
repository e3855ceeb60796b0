"""Equations between inputs, solved: a function onto the inputs that satisfy them.

Where a precondition has equations (probabilities that sum to one, a symmetric matrix), what holds
at almost all inputs may hold at none of its own. So each equation is solved for one of its numbers,
and the proof is about f(phi(x)) and g(phi(x)), where phi(x) puts in what the others say: phi takes
every value in the domain, and x is free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm

import jax
import jax.numpy as jnp
import numpy as np

from verify.dtypes import DType, is_kind
from verify.preconditions.reading import Reading, by_element, numbered
from verify.programs import Var

_MOST_EQUATIONS, _MOST_ELEMENTS = 256, 4096
_LARGEST = 2**24  # coefficients are exact in float32

Form = dict[int, Fraction]  # by number of the element; of the constant: -1
_ONE = -1


def solved(reading: Reading, variables: Sequence[Var]) -> Callable[..., list[jax.Array]] | None:
    """phi, a JAX function from flat inputs to flat inputs; None where there is no equation that can
    be solved for a float, or it is too much."""
    equations, count = reading.equalities, sum(map(len, numbered(variables)))
    if not equations or len(equations) > _MOST_EQUATIONS or count > _MOST_ELEMENTS:
        return None
    floats = by_element(variables, _is_float)
    found = _eliminated([_form(c.terms, c.constant) for c in equations], floats)
    if not found:
        return None
    matrix, constant, under = _matrix(found, len(floats))
    if max(np.abs(matrix).max(), np.abs(constant).max(), under.max()) > _LARGEST:
        return None
    # No equation that is solved has other numbers than floats in it.
    return _function(sorted(found), matrix[:, floats], constant, under, variables)


def _is_float(dtype: DType) -> bool:
    return is_kind(dtype, np.floating)


def _form(terms: Sequence[tuple[int, Fraction]], constant: Fraction) -> Form:
    return {**dict(terms), **({_ONE: constant} if constant else {})}


def _eliminated(equations: list[Form], floats: np.ndarray) -> dict[int, Form]:
    """By number what an element is in terms of those that are left."""
    found: dict[int, Form] = {}
    for equation in equations:
        form = _replaced(equation, found)
        pivots = [n for n in form if n != _ONE]
        if not pivots or not floats[pivots].all():
            continue
        pivot = max(pivots, key=lambda n: (abs(form[n]) == 1, n))
        value = {n: -c / form[pivot] for n, c in form.items() if n != pivot}
        found = {n: _replaced(other, {pivot: value}) for n, other in found.items()}
        found[pivot] = value
    return found


def _replaced(form: Form, by: dict[int, Form]) -> Form:
    out: Form = {}
    for n, c in form.items():
        for m, d in by.get(n, {n: Fraction(1)}).items():
            out[m] = out.get(m, Fraction(0)) + c * d
    return {n: c for n, c in out.items() if c}


def _matrix(found: dict[int, Form], count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole numbers: matrix, constant, and what their sum is divided by, a row an equation."""
    matrix = np.zeros((len(found), count))
    constant, under = np.zeros(len(found)), np.ones(len(found))
    for row, n in enumerate(sorted(found)):
        form = found[n]
        common = lcm(*(c.denominator for c in form.values()))
        under[row] = common
        for m, c in form.items():
            if m == _ONE:
                constant[row] = float(c * common)
            else:
                matrix[row, m] = float(c * common)
    return matrix, constant, under


def _function(
    places: Sequence[int],
    matrix: np.ndarray,
    constant: np.ndarray,
    under: np.ndarray,
    variables: Sequence[Var],
) -> Callable[..., list[jax.Array]]:
    """matrix: a column a float."""
    real = [_is_float(v.dtype) for v in variables]

    def phi(*leaves: jax.Array) -> list[jax.Array]:
        flat = [
            jnp.ravel(x).astype(jnp.float32) if r else x for x, r in zip(leaves, real, strict=True)
        ]
        floats = jnp.concatenate([x for x, r in zip(flat, real, strict=True) if r])
        rows = jnp.asarray(matrix, jnp.float32) * floats
        sums = rows.sum(axis=1) + jnp.asarray(constant, jnp.float32)
        values = sums / jnp.asarray(under, jnp.float32)
        out = []
        several = zip(leaves, variables, numbered(variables), strict=True)
        for i, (leaf, v, here) in enumerate(several):
            own = [(row, n - here.start) for row, n in enumerate(places) if n in here]
            for row, place in own:
                pieces = (flat[i][:place], values[row : row + 1], flat[i][place + 1 :])
                flat[i] = jnp.concatenate(pieces)
            out.append(flat[i].reshape(v.shape).astype(v.dtype) if own else leaf)
        return out

    return phi
