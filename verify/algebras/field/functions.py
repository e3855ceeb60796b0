"""Functions over residues: what a law says of them (`laws/`), or else a random function.

An unknown function of a tuple of residues is a random function of it, odd or even where the
function is, and right at zero. Identities between functions (tanh in terms of exp, ...) are the
business of `verify/primitives/functions.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from verify.algebras import machine
from verify.algebras.field import arithmetic, mixing, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws import LAWS
from verify.algebras.field.laws.angles import ANGLES, Angle
from verify.algebras.field.laws.images import IMAGES
from verify.algebras.field.laws.logarithms import NO_LOGARITHM
from verify.algebras.field.laws.square_roots import NO_ROOT
from verify.algebras.field.state import State, key_rows
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType, is_kind
from verify.programs.catalogue import Fact, having

# Functions have the names of the primitives. (Of roundings the ranges are known, `machine`.)
ODD = having(Fact.ODD, but=Fact.JUMPS)
EVEN = having(Fact.EVEN)
_ONE_AT_ZERO = having(Fact.ONE_AT_ZERO)
_NOT_NEGATIVE = having(Fact.POSITIVE) | having(Fact.NOT_NEGATIVE)
# Functions of reals that have a value everywhere; all others may be NaN somewhere.
TOTAL = having(Fact.ELEMENTWISE, but=Fact.PARTIAL) | {"round_even"}
# What proofs assume of the operands of the others, with which they have one.
NO_SIGNED_ZERO = (
    "no angle of zero or of a point on the negative half-axis: there the sign of a zero decides"
)
_NO_VALUE = "no {} of numbers that it has no value of"
_SOMEWHERE = """
igamma igamma_grad_a random_gamma_grad regularized_incomplete_beta polygamma zeta pow
"""
OUTSIDE = {
    "log": NO_LOGARITHM,
    "sqrt": NO_ROOT,
    "asin": "no arcsine of a number outside of [-1, 1]",
    "acos": "no arccosine of a number outside of [-1, 1]",
    "erf_inv": "no inverse error function of -1, of 1 or of a number beyond them",
    "lgamma": "no logarithm of the gamma function at 0, -1, -2, ...",
    "digamma": "no digamma function at 0, -1, -2, ...",
    **{name: _NO_VALUE.format(name) for name in _SOMEWHERE.split()},
}


def outside(name: str) -> str:
    """What a proof assumes of the operands of a function of reals: "" for nothing.

    >>> outside("asin"), outside("zeta"), outside("exp")
    ('no arcsine of a number outside of [-1, 1]', 'no zeta of numbers that it has no value of', '')
    """
    if name.startswith("bitcast:"):
        return "no bits that are not those of a finite number are taken for a float"
    return OUTSIDE.get(name, "")


def apply(
    field: State,
    name: str,
    args: Sequence[FieldArray],
    shape: tuple[int, ...],
    dtype: DType,
    params: object = (),
) -> FieldArray:
    """One elementwise function."""
    if name == "atan2" and args[1].positive:  # in the right half-plane there is no cut
        angle = field.function("atan", [arithmetic.div(field, *args)], shape, dtype)
        ANGLES.know(angle, Angle(name, tuple(args)))  # whose cosine is x / r
        return angle
    laws = [law for law in LAWS if name in law.functions]
    for law in laws:
        made = law.function(field, name, args, dtype)
        if made is not None:
            IMAGES.made(field, name, args, made)
            return made
    y = unknown(field, name, args, dtype, params)
    for law in laws:
        law.know(y, law.after_function(field, name, args, y))
    IMAGES.made(field, name, args, y)
    return y


def unknown(
    field: State, name: str, args: Sequence[FieldArray], dtype: DType, params: object
) -> FieldArray:
    """A random function of the residues of its arguments, odd or even where the function is."""
    if name == "atan2" and (args[0].concrete is None or not np.all(args[0].concrete)):
        field.assume(NO_SIGNED_ZERO)
        field.partial = True  # every point of (0 x, -1) is one
    if name not in TOTAL and is_kind(dtype, np.floating):
        field.may_be_nan = True
        if name == "rem":
            arithmetic.assume_nonzero(field, args[1])
        elif name.startswith("bitcast:") and _finite(args[0], dtype):
            pass
        elif outside(name):  # whatever becomes of it: asin(x) - asin(x) is 0 for few x only
            field.assume(outside(name))
            field.partial = True
    args = [field.observed(a, f"in an operand of {name}") for a in args]
    rows = [key_rows(field, a) for a in args]
    flip: np.ndarray | None = None
    if name in ODD or name in EVEN:
        # Of x and -x one is in the lower half, row by row: of |x|, whose sign a branch has chosen
        # in each row, and of x it is the same one. What is compared so are squares.
        own = field.m[: field.points] if not args[0].growth.logs else field.m[field.points :]
        flip = rows[0] > (own // 2).reshape(-1, *[1] * (rows[0].ndim - 1))
        rows = [np.where(flip, residues.reduce(-rows[0], own), rows[0])]
        field.largest = field.largest.union(args[0].growth.times(args[0].growth))
    state = mixing.combine(*[field.digest(r) for r in rows], tag=(name, params))
    bounds = machine.of_function(name, [machine.range_of(a) for a in args], dtype)
    result = field.atom(state, dtype, nonnegative=name in _NOT_NEGATIVE, bounds=bounds)
    # Not analytic, as far as ties go: two unknown terms that differ as terms may be equal
    # everywhere, by a law that residues do not know (cbrt(x)**3 = x).
    result.growth = Growth(analytic=False)
    if name in ODD:
        assert flip is not None
        mirrored = residues.reduce(-result.rows, field.m)
        out = np.where(field.for_all(flip), mirrored, result.rows)
        zero = (rows[0] == 0).all(axis=0)
        return field.plain(np.where(zero, 0, out), result, result.growth)
    if name in _ONE_AT_ZERO:
        zero, known = (rows[0] == 0).all(axis=0), result.nonnegative
        out = np.where(zero, 1, result.rows)
        return field.plain(out, result, result.growth, nonnegative=known)
    return result


def _finite(bits: FieldArray, dtype: DType) -> bool:
    """Whether integers are certainly the bits of finite numbers, as those of `jax.random` are."""
    most = int(np.asarray(jnp.finfo(dtype).max).view(f"u{np.dtype(dtype).itemsize}"))
    narrow = np.dtype(bits.dtype).itemsize == np.dtype(dtype).itemsize
    return narrow and machine.inside(machine.range_of(bits), 0, most)
