"""Functions over residues: exponentials as powers, logarithms as terms, the rest as unknowns.

An unknown function of a tuple of residues is a random function of it. Laws that hold on the whole
domain and cost little are built in: odd and even symmetry, exp(a + b) = exp(a) exp(b),
log(exp(a)) = a, log(u v) = log(u) + log(v), exp(log(u)) = u. Square roots: see `roots.py`, sines
and cosines: `circle.py`. Identities between functions (tanh in terms of exp, ...) are the
business of `verify/primitives/functions.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from verify import budget
from verify.algebras import machine
from verify.algebras.field import arithmetic, circle, mixing, residues, roots
from verify.algebras.field.choice import Chooser
from verify.algebras.field.growth import Growth
from verify.algebras.field.moduli import POINTS_A_PRIME, SMALL
from verify.algebras.field.powers import first_powers, power
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray, Unlucky, infinite
from verify.dtypes import is_kind

ODD = frozenset({"sin", "tan", "asin", "atan", "sinh", "asinh", "atanh", "erf", "erf_inv", "cbrt"})
EVEN = frozenset({"cos", "cosh"})
POSITIVE = frozenset({"exp", "sqrt"})
# Functions of reals that have a value everywhere; all others may be NaN somewhere.
TOTAL = frozenset(
    (
        *("exp", "sin", "cos", "sinh", "cosh", "asinh", "atan", "atan2", "erf", "cbrt", "floor"),
        *("round", "round_even", "nextafter", "bessel_i0e", "bessel_i1e"),
    )
)
# What proofs assume of the operands of the others, with which they have one.
NO_LOGARITHM = "no logarithm of a number that is not positive"
NO_ROOT = "no square root of a negative number"
NO_SIGNED_ZERO = "no angle of a point on the negative half-axis: there the sign of a zero decides"
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
    dtype: Any,
    params: Any = (),
) -> FieldArray:
    """One elementwise function."""
    if name == "exp" and field.exponents:
        return _exp(field, args[0])
    if name == "log":
        return log_term(field, args[0])
    if name in circle.NAMES and field.mode.circle:
        return circle.sine_or_cosine(field, name, args[0])
    if name == "sqrt" and args[0].square_of is not None:  # the absolute value
        base = args[0].square_of
        return base if base.nonnegative else field.maximum(base, field.neg(base))
    if name == "sqrt":
        field.assume(NO_ROOT)
        field.partial = True
        return roots.root(field, args[0])
    if name == "atan2" and (args[0].concrete is None or not np.all(args[0].concrete)):
        field.assume(NO_SIGNED_ZERO)
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
    rows = [_key_rows(field, a) for a in args]
    flip: Any = None
    if name in ODD or name in EVEN:
        half = field.m[0] // 2
        flip = rows[0][0] > half  # of x and -x, one has a first residue in the lower half
        own = field.m[: field.points] if not args[0].growth.logs else field.m[field.points :]
        rows = [np.where(flip, residues.reduce(-rows[0], own), rows[0])]
    state = mixing.combine(*[field.digest(r) for r in rows], tag=(name, params))
    bounds = machine.of_function(name, [machine.range_of(a) for a in args], dtype)
    result = field.atom(state, dtype, nonnegative=name in POSITIVE, bounds=bounds)
    # Not analytic, as far as ties go: two unknown terms that differ as terms may be equal
    # everywhere, by a law that residues do not know (cbrt(x)**3 = x).
    result.growth = Growth(analytic=False)
    if name in ODD:
        out = np.where(flip, residues.reduce(-result.rows, field.m), result.rows)
        zero = (rows[0] == 0).all(axis=0)
        return field.plain(np.where(zero, 0, out), result, result.growth)
    return result


def _finite(bits: FieldArray, dtype: Any) -> bool:
    """Whether integers are certainly the bits of finite numbers, as those of `jax.random` are."""
    most = int(np.asarray(jnp.finfo(dtype).max).view(f"u{np.dtype(dtype).itemsize}"))
    narrow = np.dtype(bits.dtype).itemsize == np.dtype(dtype).itemsize
    return narrow and machine.inside(machine.range_of(bits), 0, most)


def _exp(field: State, a: FieldArray) -> FieldArray:
    """w**a, w of order q in Z_p and the exponent in Z_q; minus infinity gives zero."""
    if a.antilog is not None:
        return a.antilog
    absent: np.ndarray | None = None
    ends = infinite(a)
    if a.concrete is not None and (ends < 0).any():
        absent = ends < 0
        a = field.lift(np.where(absent, 0.0, a.concrete), a.dtype)
    p = a.pending
    if p is not None and p.present is not None:
        missing = np.asarray(~p.present.any(axis=-1))
        if missing.any() and p.sign > 0:
            absent = missing
            rows = np.where(missing[..., None], 0, p.rows)
            present = p.present.copy()
            present[missing, 0] = True
            a = field.plain(field.law(Chooser).value(rows, present), a, a.growth)
    points = field.points
    out = np.empty_like(a.rows)
    exponent = circle.exponent(field, a)
    if a.growth.logs and a.parity is None:
        # A logarithm went through something that loses its parity (u**y = e**(y log u)), so that
        # w**a is u**y up to a sign only. Powers of another base obey e**(a + b) = e**a e**b too,
        # and are never mistaken for what u is made of.
        q = field.m[points:].reshape(-1, *(1,) * (exponent.ndim - 1))
        exponent = exponent * field.detour.reshape(q.shape) % q
    out[:points] = power(field, exponent)
    if a.parity is not None:
        odd = a.parity.astype(bool)
        out[:points] = np.where(odd, residues.reduce(-out, field.m)[:points], out[:points])
    state = mixing.combine(field.digest(out), tag="exponential")
    field.atoms += int(np.prod(a.shape))
    field.note(state)
    out[points:] = mixing.expand(state, field.m)[points:]
    one = (out[:points] == 1).all(axis=0)
    out[points:] = np.where(one, 1, out[points:])
    if absent is not None:
        out = np.where(absent, 0, out)
    # With an exponential in the exponent, two terms that differ may be equal everywhere.
    analytic = a.growth.analytic and not a.growth.powers
    result = field.plain(out, a, Growth(analytic=analytic, powers=True), nonnegative=True)
    if absent is None:
        result.log = a
    return result


def log_term(field: State, x: FieldArray) -> FieldArray:
    """log x: a homomorphism from products modulo p to sums modulo q.

    Z_p without zero is the group {1, -1} times the powers of w, so u = (-1)**parity * w**k. The
    exponent k is the logarithm, modulo q; modulo p a logarithm is only an unknown function of u.
    Sums of logarithms keep their parity, so that exp(sum of logs) is the product again. u and -u
    have the same logarithm, which is harmless: over the reals only one of the two has any.

    On the circle p is not 2q + 1: there log u is an unknown function of u, and only exp(log u) = u.
    """
    if x.log is not None:
        return x.log
    square = roots.square(field, x)
    if square is not None:  # log(sqrt(u)) = log(u) / 2
        half = field.lift(np.full(x.shape, 0.5), x.dtype)
        return field.mul(half, field.function("log", [square], x.shape, x.dtype))
    field.assume(NO_LOGARITHM)
    field.partial = True
    rows = _key_rows(field, x)
    result = field.atom(mixing.combine(field.digest(rows), tag=("log", ())), x.dtype)
    one = (rows == 1).all(axis=0)
    out = np.where(one, 0, result.rows)
    if not field.exponents or field.mode.circle or x.growth.logs:
        unknown = field.plain(out, result, Growth(analytic=False))
        unknown.antilog = x if field.mode.circle else None
        return unknown
    if (rows == 0).any():
        raise Unlucky
    points = field.points
    exponent = discrete_logs(field, rows)
    out[points:] = exponent
    y = field.plain(out, result, Growth(analytic=False, logs=True))
    y.parity = (power(field, exponent) != rows).astype(np.uint8)
    y.antilog = x
    return y


def _key_rows(field: State, x: FieldArray) -> np.ndarray:
    """The rows that identify a value: those modulo p, or modulo q where logarithms are in it."""
    if x.growth.logs and field.exponents:
        return x.rows[field.points :]
    return x.rows[: field.points]


class _Tables:
    """Logarithms by prime: of small primes all of them, of large ones the baby steps."""

    def __init__(self, field: State) -> None:
        self.steps: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.whole: dict[int, np.ndarray] = {}


def discrete_logs(field: State, u: np.ndarray) -> np.ndarray:
    """k with u**2 = w**(2 k), for (points, *shape) residues.

    Small primes have a table of all logarithms. Large ones: baby steps and giant steps (Shanks
    1971), with a table as long as balances building it against looking up all values.
    """
    assert field.moduli.q is not None
    out, tables = np.empty_like(u), field.law(_Tables)
    for row in range(0, field.points, POINTS_A_PRIME):
        rows = slice(row, row + POINTS_A_PRIME)
        p, q = int(field.moduli.p[row]), int(field.moduli.q[row])
        squares = u[rows] * u[rows] % p
        if p < SMALL.high:
            found = _all_logarithms(field, p, q)[squares].astype(np.int64)
        else:
            distinct, where = np.unique(squares, return_inverse=True)
            table = tables.steps.get(p)
            if table is None or 4 * len(table[0]) ** 2 < q * len(distinct):
                table = tables.steps[p] = _baby_steps(field, p, q, len(distinct))
            found = _lookup(distinct, table, field.generators[p], p, q)[where]
            found = found.reshape(squares.shape)
        halved = found * pow(2, -1, q) % q
        for i, logs in enumerate(halved):  # from the prime's generator to the row's own base
            out[row + i] = logs * pow(int(field.bases[row + i]), -1, q) % q
    return out


def _all_logarithms(field: State, p: int, q: int) -> np.ndarray:
    """For each number below p, which power of the generator it is."""
    found = field.law(_Tables).whole
    if p not in found:
        budget.spend(p // 2)
        logarithms = found[p] = np.zeros(p, np.int32)
        powers = first_powers(field.generators[p], 1 << q.bit_length(), p)[:q]
        logarithms[powers] = np.arange(q, dtype=np.int32)
    return found[p]


def _baby_steps(field: State, p: int, q: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted powers of the generator, and their exponents."""
    steps = 1 << min(22, max(16, (q * count).bit_length() // 2))
    budget.spend(10 * steps)
    powers = first_powers(field.generators[p], steps, p)
    order = np.argsort(powers)
    return powers[order], order


def _lookup(
    values: np.ndarray, table: tuple[np.ndarray, np.ndarray], generator: int, p: int, q: int
) -> np.ndarray:
    """Exponents of values that are powers of the generator, a block of giant steps at a time."""
    powers, exponents = table
    steps = len(powers)
    giant = pow(generator, -steps, p)
    block = 1 << max(0, min(12, (2**20 // max(1, len(values))).bit_length() - 1))
    jumps = first_powers(giant, block, p)
    out = np.full(len(values), -1, np.int64)
    left = np.arange(len(values))
    for start in range(0, q // steps + 1, block):
        budget.spend(20 * len(left) * block)
        moved = values[left, None] * jumps % p  # (values left, block)
        moved = moved * pow(giant, start, p) % p
        place = np.minimum(np.searchsorted(powers, moved.reshape(-1)), steps - 1)
        hits = (powers[place] == moved.reshape(-1)).reshape(moved.shape)
        hit = hits.any(axis=1)
        jump = hits.argmax(axis=1)
        baby = exponents[place.reshape(moved.shape)[np.arange(len(left)), jump]]
        out[left[hit]] = ((start + jump) * steps + baby)[hit] % q
        left = left[~hit]
        if len(left) == 0:
            break
    return out
